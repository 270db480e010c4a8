"""Who may ask a local server: only the browser that was given its address.

The server listens on 127.0.0.1, which every page in every browser of this machine can reach too.
So each request has to name this machine as its host (a foreign name that was made to point here
does not), has to carry the token, and what changes something has to come from the page itself.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
MOST_BYTES = 4 * 2**20  # of a request's body
QUERY = "token"
_SAFE = ("GET", "HEAD")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def new_token() -> str:
    """256 random bits for an address."""
    return secrets.token_urlsafe(32)


class Guard:
    """Wraps an application; what it lets through is known to come from the page.

    The address with ``?token=…`` is answered with a cookie, by which the rest is known. The cookie
    bears the port in its name, since browsers don't keep those of different ports apart.

    Args:
        app: what is guarded.
        port: on which it is reached.
        token: of this server.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        self._token = token
        self._cookie = f"mutoscope-{port}"
        self._hosts = frozenset(f"{host}:{port}" for host in HOSTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            return  # the page opens no sockets
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal:
            status, why = refusal
            await JSONResponse({"error": why}, status_code=status)(
                scope, receive, self._sending(send, known=False)
            )
            return
        await self._app(scope, _limited(receive), self._sending(send, known=self._has_query(scope)))

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Why a request is refused, with its status; None lets it through."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 421, "this server is reached as 127.0.0.1 only"
        if not (self._has_query(scope) or self._has_cookie(headers)):
            return 403, "open the address that the terminal shows"
        if scope["method"] not in _SAFE and headers.get("origin") != f"http://{hosts[0].lower()}":
            return 403, "only its own page may change anything"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()) or int(length[:12]) > MOST_BYTES:
            return 413, "that is too much at once"
        return None

    def _has_query(self, scope: Scope) -> bool:
        """Whether it is the address that was printed; only the page itself is asked for so."""
        if scope["path"] != "/" or scope["method"] not in _SAFE:
            return False
        try:
            query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8)
        except ValueError:  # more than that
            return False
        return any(self._is_token(value) for value in query.get(QUERY, []))

    def _has_cookie(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie("; ".join(headers.getlist("cookie")))
        except CookieError:
            return False
        return self._cookie in cookies and self._is_token(cookies[self._cookie].value)

    def _is_token(self, value: str) -> bool:
        return hmac.compare_digest(value.encode(), self._token.encode())

    def _sending(self, send: Send, *, known: bool) -> Callable[[Message], Awaitable[None]]:
        """``send`` with the headers that every answer bears, and the cookie for who is known."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
                if known:
                    headers.append(
                        "Set-Cookie",
                        f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/",
                    )
            await send(message)

        return sending


def _limited(receive: Receive) -> Receive:
    """``receive`` that stops where a body gets too long, whatever its header said."""
    total = 0

    async def receiving() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MOST_BYTES:
            raise HTTPException(413)
        return message

    return receiving
