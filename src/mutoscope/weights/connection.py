"""A connection to a mirror: http and https only, and few redirects, each of them checked.

None may lead from the internet into this machine or its network, nor, where there is no digest to
check the file by, out of https.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

SECONDS = 20.0  # that a server may be silent
MAX_REDIRECTS = 5


class MirrorError(Exception):
    """A mirror can't or may not serve the file; the message says why, for one line."""


class UnreachedError(MirrorError):
    """Its host can't be reached, and need not be asked again."""


@contextlib.contextmanager
def opened(
    url: str, headers: dict[str, str], *, secure: bool
) -> Iterator[http.client.HTTPResponse | None]:
    """The answer to a GET, or ``None`` where the range that was asked for is not there."""
    _check_address(url)
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked just above
    try:
        response = _opener(secure=secure).open(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            if error.code == 416 and "Range" in headers:
                response = None
            else:
                raise MirrorError(f"answers {error.code} ({error.msg})") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnreachedError(_unreached(error)) from error
    with response if response is not None else contextlib.nullcontext():
        yield response


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, each checked."""

    def __init__(self, *, secure: bool) -> None:
        self._secure, self._left = secure, MAX_REDIRECTS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            self._check(req, newurl)
        except MirrorError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]

    def _check(self, req: urllib.request.Request, newurl: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise MirrorError(f"redirects more than {MAX_REDIRECTS} times")
        _check_address(newurl)
        if self._secure and req.type == "https" and not newurl.startswith("https:"):
            raise MirrorError("redirects out of https, and no digest is published to check by")
        if not _local(req.full_url) and _local(newurl):
            raise MirrorError("redirects into a local network")


def _opener(*, secure: bool) -> urllib.request.OpenerDirector:
    """An opener that knows http and https and nothing else (no file, no ftp, no data)."""
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _Redirects(secure=secure),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ]
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise MirrorError(f"leads to what is no address ({error})") from error
    if parts.scheme not in ("http", "https"):
        raise MirrorError(f"leads to a {parts.scheme or 'nameless'} address, not http or https")
    if not host or parts.username is not None or parts.password is not None:
        raise MirrorError("leads to an address without a host, or with a user's name")


def _local(url: str) -> bool:
    """Whether a host is, or may be, on this machine or its network."""
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return not ipaddress.ip_address(host).is_global
    if urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return host == "localhost"  # the proxy looks names up, not we
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False  # nor can it be reached then
    return any(not ipaddress.ip_address(str(at[4][0]).partition("%")[0]).is_global for at in found)


def _unreached(error: BaseException) -> str:
    cause: Any = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, socket.gaierror):
        return "is not found by its name"
    if isinstance(cause, TimeoutError):
        return "does not answer"
    if isinstance(cause, ConnectionRefusedError):
        return "refuses the connection"
    if isinstance(cause, ssl.SSLError):
        return f"gives no secure connection ({cause.reason or cause})"
    return f"can't be reached ({cause_of(cause)})"


def cause_of(error: Any) -> str:
    """What an error says, or else what it is, in a few words."""
    return (str(error).splitlines() or [""])[0][:80] or type(error).__name__
