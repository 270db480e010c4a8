"""Pictures from the web, within limits of size, time, redirects and, if wanted, of address.

An address in a settings file may come from a stranger, and the answer certainly does. So only
http and https are spoken, nothing but a picture is accepted, an answer that is too long or too
slow is dropped, and where other people's settings are run (`public_only`) machines of the local
network are not reachable: each host name is resolved once, its addresses are checked, and the
connection goes to a checked address and no other, at every redirect anew.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

from mutoscope import fence
from mutoscope.errors import MediaError, printable

MAX_BYTES = 32 * 2**20
SECONDS = 20.0
MAX_REDIRECTS = 5

_CHUNK = 65_536
_SHOWN = 120  # characters of an address in a message
_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_url(text: str) -> bool:
    """Whether `text` is an address with a scheme (``https://…``), not a path.

    >>> is_url("https://example.org/a.png"), is_url("C:/a.png"), is_url("a:b.png")
    (True, False, False)
    """
    scheme, found, _ = text.partition("://")
    return bool(found) and len(scheme) > 1 and scheme.replace("+", "").isalnum()


def fetch_picture(
    url: str,
    *,
    public_only: bool = False,
    max_bytes: int = MAX_BYTES,
    seconds: float = SECONDS,
    max_redirects: int = MAX_REDIRECTS,
) -> bytes:
    """The bytes of a picture on the web.

    Args:
        url: An http or https address without user name and password.
        public_only: Refuse addresses that are not on the public internet (this machine, local
            networks, cloud metadata services), and use no proxy. Within a `mutoscope.fence` it is
            always so.
        max_bytes: The most that is read.
        seconds: The most time that the whole of it may take, redirects included. Looking up a
            host name can't be interrupted and may add the system's own limit to it.
        max_redirects: How often the answer may point elsewhere.

    Raises:
        MediaError: The address is not allowed, can't be reached, or gives no picture.
    """
    public_only = public_only or fence.is_up()
    shown = _show(url)
    _check_address(url, shown)
    headers = {"User-Agent": "mutoscope", "Accept": "image/*", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  (checked just above)
    with _Deadline(seconds) as deadline:
        try:
            opener = _opener(deadline, public_only=public_only, max_redirects=max_redirects)
            with opener.open(request, timeout=seconds) as response:
                data = _read(response, shown, max_bytes=max_bytes, deadline=deadline)
        except MediaError:
            raise
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            # An expired deadline shuts the socket, which the layers above notice each in its way.
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if deadline.expired:
                raise MediaError(
                    f"{shown}: took longer than {seconds:g} s and was given up; "
                    "download the picture and give its path"
                ) from error
            raise MediaError(f"{shown}: {_printable(_why(error))}") from error
    return data


def _show(url: str) -> str:
    shown = url if len(url) <= _SHOWN else url[: _SHOWN - 1] + "…"
    return _printable(shown)


def _printable(text: str) -> str:
    """What a server says, in one line that can do nothing to a terminal."""
    return printable(text[:500])


def _check_address(url: str, shown: str) -> None:
    """Refuse what is not a plain http or https address."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise MediaError(f"{shown}: is not an address ({error})") from error
    if parts.scheme not in ("http", "https"):
        raise MediaError(
            f"{shown}: {parts.scheme or 'no'} addresses are not fetched; "
            "allowed are http, https and paths of files"
        )
    if not host or not url.isascii() or any(c.isspace() for c in url):
        raise MediaError(
            f"{shown}: is not an address; it needs a host, and spaces and other than "
            "ASCII characters must be percent-encoded"
        )
    if parts.username is not None or parts.password is not None:
        raise MediaError(
            f"{parts.scheme}://…@{host}: addresses with user name and password are not fetched; "
            "download the picture and give its path"
        )


def _read(
    response: http.client.HTTPResponse, shown: str, *, max_bytes: int, deadline: "_Deadline"
) -> bytes:
    """The body, if it begins as a picture does and ends within the limits."""
    limit = f"{max_bytes / 2**20:g} MiB"
    declared = response.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise MediaError(f"{shown}: is larger than {limit}, the limit for pictures from the web")
    data = bytearray()
    sniffed = False
    while chunk := response.read1(_CHUNK):
        data += chunk
        if deadline.expired:
            raise TimeoutError
        if len(data) > max_bytes:
            raise MediaError(
                f"{shown}: is larger than {limit}, the limit for pictures from the web"
            )
        if not sniffed and len(data) >= 16:
            sniffed = True
            _check_signature(bytes(data[:16]), response, shown)
    if deadline.expired:
        raise TimeoutError
    if declared.isdigit() and len(data) < int(declared):
        raise MediaError(f"{shown}: only {len(data)} of {declared} bytes arrived; try again")
    if not sniffed:
        raise MediaError(f"{shown}: gives {len(data)} bytes, which is no picture")
    return bytes(data)


def _check_signature(head: bytes, response: http.client.HTTPResponse, shown: str) -> None:
    known = (
        head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*"))
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or head[4:8] == b"ftyp"
        or (head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace())
    )
    if not known:
        what = response.headers.get_content_type()
        raise MediaError(
            f"{shown}: gives {what!r}, not a picture; "
            "the address must lead to the picture itself, not to a page that shows it"
        )


def _why(error: BaseException) -> str:
    """The clause for a failed connection, with the way out."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} ({error.msg}); check the address"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, socket.gaierror):
        return "its host is not found; check the address, or whether this machine is online"
    if isinstance(cause, ssl.SSLError):
        return f"no secure connection ({getattr(cause, 'reason', None) or cause})"
    if isinstance(cause, ConnectionRefusedError):
        return "its host refuses the connection; check the address"
    if isinstance(cause, TimeoutError):
        return "its host does not answer; check whether this machine is online"
    return f"can't be fetched ({cause or type(cause).__name__}); check the address"


class _Deadline:
    """A limit on the whole exchange: when it passes, the open sockets are shut down.

    The timeout of a socket alone would not do: a server that sends a byte now and then never
    trips it.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self._end

    def watch(self, connection: socket.socket) -> None:
        self._sockets.append(connection)

    def _shut(self) -> None:
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                # The plain method, also for a TLS socket: its own would wait for the other side.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        for connection in self._sockets:
            connection.close()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, each checked like the first address."""

    def __init__(self, max_redirects: int) -> None:
        self._left = max_redirects
        self._limit = max_redirects

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        shown = _show(req.full_url)
        try:
            if self._left <= 0:
                raise MediaError(
                    f"{shown}: redirects more than {self._limit} times; check the address"
                )
            _check_address(newurl, f"{shown}: redirects to {_show(newurl)}")
        except MediaError:
            fp.close()
            raise
        self._left -= 1
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _opener(
    deadline: _Deadline, *, public_only: bool, max_redirects: int
) -> urllib.request.OpenerDirector:
    """An opener that knows http and https and nothing else (no file, no ftp, no data)."""
    context = ssl.create_default_context()

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            if public_only:
                self.sock = _connect_public(self.host, self.port, self.timeout)
            else:
                super().connect()
            deadline.watch(self.sock)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            if public_only:
                raw = _connect_public(self.host, self.port, self.timeout)
                deadline.watch(raw)
                self.sock = context.wrap_socket(raw, server_hostname=self.host)
            else:
                super().connect()
            deadline.watch(self.sock)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req, context=context)

    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler({} if public_only else None),
        PlainHandler(),
        SecureHandler(context=context),
        _Redirects(max_redirects),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ]
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _connect_public(host: str, port: int, timeout: Any) -> socket.socket:
    """A connection to `host` at one of its addresses, all of which must be public."""
    addresses = list(_resolve(host, port))
    for address in addresses:
        if not _is_public(address[0]):
            raise MediaError(
                f"{host}: is not on the public internet ({address[0]}); "
                "here only public addresses are fetched"
            )
    failure: OSError = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection(address, timeout)
        except OSError as error:
            failure = error
    raise failure


def _resolve(host: str, port: int) -> Iterator[tuple[str, int]]:
    for _, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        yield str(address[0]), port


def _is_public(text: str) -> bool:
    """Whether an address is on the public internet, seen through the wrappings of IPv4 in IPv6."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
        # Elsewhere lie further wrappings (::127.0.0.1, NAT64 of one network) and old private ones.
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast
