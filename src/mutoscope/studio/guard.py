"""Who may ask the studio: only a browser that was given its address, or its password.

A server on 127.0.0.1 can be reached by every page in every browser of this machine. So each request
has to name this machine as its host (a foreign name that was made to point here does not), has to
carry a session's cookie, and what writes or opens a socket has to come from the studio's own page.
"""

import asyncio
import hmac
import ipaddress
import logging
import re
import secrets
import socket
import time
from collections.abc import Callable
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mutoscope.studio import login

log = logging.getLogger("mutoscope")

QUERY = "token"
MOST_BYTES = 8 * 2**20  # of a request's body, and of a message on a socket
MOST_UPLOAD = 2**30  # of a request that brings files
SESSION_SECONDS = 30 * 24 * 3600
UPLOADS = re.compile(r"/_nicegui/client/[-\w]+/upload/\d+")
_SAFE = ("GET", "HEAD")
_NOBODY = ("/login",)
_MOST_FIELDS = 8  # of a query or form of somebody without a session

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}
# Vue compiles templates in the page ('unsafe-eval') and Quasar sets styles; scripts that stand in a
# page need the nonce of its answer, so that none can be smuggled in by a name or a prompt.
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self' data:; connect-src 'self' {socket}; worker-src 'self' blob:; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)


class Door:
    """What lets somebody in: the token in the address, or the password, and then a cookie.

    Args:
        key: 32 secret bytes of the place, from which the token and the cookies come.
        port: on which the server is reached; cookies have it in their name, since browsers don't
            keep those of different ports apart.
        local: whether only this machine can reach it.
        password: that of those who share it; without, the address has a token.
    """

    most_bytes = MOST_BYTES

    def __init__(self, *, key: bytes, port: int, local: bool, password: str | None) -> None:
        self.port = port
        self.local = local
        self.password = password
        self.cookie = f"mutoscope-studio-{port}"
        self.tries = login.Tries()
        self._key = key
        self.token = self._of("token").hex()
        names = {"localhost", *(() if local else (socket.gethostname(), socket.getfqdn()))}
        self._names = {name.lower() for name in names}

    def address(self, host: str) -> str:
        """What a browser is to open."""
        if host in ("0.0.0.0", "::"):  # noqa: S104 - read, not listened on
            host = socket.gethostname()
        shown = f"[{host}]" if ":" in host else host
        query = "" if self.password else f"?{QUERY}={self.token}"
        return f"http://{shown}:{self.port}/{query}"

    def storage_secret(self) -> str:
        """What NiceGUI signs its own cookie with."""
        return self._of("storage").hex()

    def is_host(self, host: str) -> bool:
        """Whether a Host header names this machine: by a number, or by a name of its own.

        A foreign name may have been made to point here.
        """
        name, port = _split(host.lower())
        if port != self.port:
            return False
        try:
            number = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name in self._names
        return number.is_loopback or not self.local

    def new_session(self) -> str:
        """The value of a cookie that lets its bearer in for some weeks."""
        until = str(int(time.time()) + SESSION_SECONDS)
        return f"{until}.{self._signed(until)}"

    def is_session(self, value: str) -> bool:
        """Whether a cookie was given by this place, under this password, and is not over."""
        until, _, signed = value.partition(".")
        if not (until.isascii() and until.isdecimal()) or len(until) > 12:
            return False
        return _same(signed, self._signed(until)) and int(until) > time.time()

    def is_token(self, value: str) -> bool:
        """Whether it is the token of the address."""
        return self.password is None and _same(value, self.token)

    def is_password(self, value: str) -> bool:
        """Whether it is the password; takes as long for every wrong one."""
        return self.password is not None and _same(
            self._of("password", value).hex(), self._of("password", self.password).hex()
        )

    def _signed(self, until: str) -> str:
        return self._of("session", until, self.password or "").hex()

    def _of(self, *words: str) -> bytes:
        return hmac.digest(self._key, "\0".join(words).encode(), sha256)


class Guard:
    """Wraps an application; what it lets through is known to come from the studio's page.

    ``app`` is what is guarded; NiceGUI looks for it under that name.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = await self._answer(scope, headers, receive)
        if scope["type"] == "websocket":
            if answer is not None:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(18)
        sending = _Sending(send, nonce=nonce, socket=f"ws://{headers.get('host', '')}")
        if answer is not None:
            sending.socket = ""
            await answer(scope, receive, sending)
            return
        try:
            await self.app(scope, _limited(receive, _most(scope), sending.end), sending)
        except _TooMuchError:
            if not sending.begun:
                await _refusal(413, "that is too much at once")(scope, receive, sending)

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive) -> Response | None:
        """What a request that is not passed on is told; None passes it on."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._door.is_host(hosts[0]):
            return _refusal(421, "this server is not reached by that name")
        http = scope["type"] == "http"
        writes = not http or scope["method"] not in _SAFE
        if writes and headers.get("origin") != f"http://{hosts[0]}":
            return _refusal(403, "only its own page may do that")
        if http and not _fits(headers, _most(scope)):
            return _refusal(413, "that is too much at once")
        if self._has_cookie(headers):
            return _moved("/") if http and scope["path"] in _NOBODY else None
        if not http:
            return _refusal(403, "no")
        return await self._stranger(scope, receive)

    async def _stranger(self, scope: Scope, receive: Receive) -> Response:
        """What somebody without a session is told."""
        door = self._door
        if door.password is None:
            tokens = _given(QUERY, scope["query_string"])
            if scope["method"] in _SAFE and any(map(door.is_token, tokens)):
                return self._let_in()
            return _refusal(403, "Open the address that the terminal shows.")
        if scope["path"] == "/login" and scope["method"] == "POST":
            return await self._try(scope, receive)
        if scope["method"] not in _SAFE or scope["path"] not in ("/", "/login"):
            # Pages lead to the login; pictures and the like are just not given.
            accepts = Headers(scope=scope).get("accept", "")
            if scope["method"] not in _SAFE or "text/html" not in accepts:
                return _refusal(403, "log in first")
        return HTMLResponse(login.page(""), 401 if scope["path"] != "/login" else 200)

    async def _try(self, scope: Scope, receive: Receive) -> Response:
        """See whether a password is right; each wrong one makes the next take longer."""
        who = scope["client"][0] if scope.get("client") else ""
        wait = self._door.tries.wait(who)
        if wait > 0:
            text = f"Too many wrong passwords. Try again in {int(wait) + 1} seconds."
            return HTMLResponse(login.page(text), 429, {"Retry-After": str(int(wait) + 1)})
        # Counted before it is looked at, so that many at once are no way around.
        self._door.tries.begin(who)
        try:
            async with asyncio.timeout(login.SECONDS):
                body = await _body(_limited(receive, login.MOST_BYTES))
        except _TooMuchError:
            return _refusal(413, "that is too much at once")
        except TimeoutError:
            return _refusal(408, "that took too long")
        if any(map(self._door.is_password, _given("password", body)[:1])):
            self._door.tries.right(who)
            return self._let_in()
        log.warning("a wrong password for the studio, from %s", who or "an unknown address")
        await asyncio.sleep(0.3)
        return HTMLResponse(login.page("That is not the password."), 401)

    def _let_in(self) -> Response:
        """A page that leads on, with the cookie.

        No redirection: where the address was clicked in another page, the browser would not send
        a strict cookie to what it is redirected to.
        """
        answer = HTMLResponse(login.ENTER)
        answer.set_cookie(
            self._door.cookie, self._door.new_session(), max_age=SESSION_SECONDS, httponly=True,
            samesite="strict", path="/",
        )  # fmt: skip
        return answer

    def _has_cookie(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie("; ".join(headers.getlist("cookie")))
        except CookieError:
            return False
        kept = cookies.get(self._door.cookie)
        return kept is not None and self._door.is_session(kept.value)


class _TooMuchError(HTTPException):
    """A body is longer than is allowed; Starlette's applications answer it as they do their own."""

    def __init__(self) -> None:
        super().__init__(413, "that is too much at once")


class _Sending:
    """``send`` with the headers that every answer bears, and a nonce for the scripts of a page."""

    def __init__(self, send: Send, *, nonce: str, socket: str) -> None:
        self._send = send
        self._nonce = nonce
        self.socket = socket
        self.begun = False
        self._over = False
        self._page: Message | None = None
        self._parts: list[bytes] = []

    def end(self) -> None:
        """The body was too long, which is no fault of the server, whatever is made of it."""
        self._over = True

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            if self._over and message["status"] >= 500:
                message["status"] = 413
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers["Content-Security-Policy"] = (
                _POLICY.format(nonce=self._nonce, socket=self.socket)
                .replace("  ", " ")
                .replace(" ;", ";")
            )
            headers.setdefault("Cache-Control", "no-store")
            if headers.get("content-type", "").startswith("text/html"):
                self._page = message  # is sent when its length is known
                return
        elif message["type"] == "http.response.body" and self._page is not None:
            self._parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(self._parts).replace(
                b"<script", b'<script nonce="%s"' % self._nonce.encode()
            )
            MutableHeaders(scope=self._page)["Content-Length"] = str(len(body))
            start, self._page = self._page, None
            await self._send(start)
            await self._send({"type": "http.response.body", "body": body})
            return
        await self._send(message)


def _refusal(status: int, words: str) -> Response:
    return PlainTextResponse(words, status)


def _moved(where: str) -> Response:
    return Response(status_code=303, headers={"Location": where})


def _given(name: str, form: bytes) -> list[str]:
    """The values of a name in a query or a form; none where there are too many fields."""
    try:
        return parse_qs(form.decode("latin-1"), max_num_fields=_MOST_FIELDS).get(name, [])
    except ValueError:
        return []


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())


def _split(host: str) -> tuple[str, int]:
    """Name and port of a Host header."""
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]/@\s]+)(?::(\d{1,5}))?", host)
    return (found[1], int(found[2] or 80)) if found else ("", -1)


def _most(scope: Scope) -> int:
    """How long the body of a request may be."""
    return MOST_UPLOAD if UPLOADS.fullmatch(scope["path"]) else MOST_BYTES


def _fits(headers: Headers, most: int) -> bool:
    length = headers.get("content-length", "0")
    return length.isascii() and length.isdecimal() and int(length[:16]) <= most


def _limited(receive: Receive, most: int, end: Callable[[], None] | None = None) -> Receive:
    """``receive`` that stops where a body gets too long, whatever its header said."""
    total = 0

    async def receiving() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            if end is not None:
                end()
            raise _TooMuchError
        return message

    return receiving


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(parts)
