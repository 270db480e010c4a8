"""The page on which specimens are picked, as a part of the studio.

The page of `mutoscope.picking` is a server of its own, whose addresses begin at the root and whose
guard wants a token of its own. The studio's guard has seen to a request already when it comes here;
so it is handed on as the page's own, and addresses in what comes back get our prefix.
"""

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.specimens import GAP_MM, LEAST_MM
from mutoscope.errors import MutoscopeError
from mutoscope.picking.book import Book
from mutoscope.picking.pictures import Pictures
from mutoscope.picking.server import application
from mutoscope.studio.place import Place

PREFIX = "/picking"
MOST_BOOKS = 8
_PORT = 1  # of the inner server, which nobody reaches but by us
_TEXTS = ("text/html", "text/javascript")
_ADDRESS = re.compile(rb"""(?<=["'`])/(?=(?:own/|pages/|state|change|undo|redo|["'`]))""")


def address(place: Place, folder: Path) -> str:
    """Where specimens are picked in a folder of scans."""
    return f"{PREFIX}/{quote(place.name_of(folder), safe='')}/"


@dataclass(frozen=True)
class Opened:
    """A folder's book as an application, and what the folder held when it was opened."""

    app: ASGIApp
    stamp: tuple[tuple[str, int], ...]


class PickingDoor:
    """Answers what lies below `PREFIX`: the name of a folder, quoted as one word, then the page."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._cache = PageCache(place.own / "pages")
        self._books: OrderedDict[Path, Opened] = OrderedDict()
        self._opening = asyncio.Lock()
        self._token = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        raw = scope.get("raw_path") or quote(scope["path"]).encode()
        _, _, word, *rest = raw.decode("ascii", "replace").split("?")[0].split("/", 3)
        try:
            folder = self._place.inside(unquote(word))
            if not rest or not self._place.holds(folder) or not folder.is_dir():
                raise FileNotFoundError
            app = await self._book(folder)
        except (MutoscopeError, OSError):
            await PlainTextResponse("there are no scans here", 404)(scope, receive, send)
            return
        inner = self._inner(scope, "/" + rest[0])
        await app(inner, receive, _Prefixed(send, f"{PREFIX}/{word}/".encode()))

    async def _book(self, folder: Path) -> ASGIApp:
        """A folder's book; opened anew where scans have come or gone."""
        stamp = await run_in_threadpool(_stamp, folder)
        async with self._opening:
            known = self._books.get(folder)
            if known is None or known.stamp != stamp:
                known = Opened(await run_in_threadpool(self._open, folder), stamp)
                self._books[folder] = known
            self._books.move_to_end(folder)
            while len(self._books) > MOST_BOOKS:
                self._books.popitem(last=False)
            return known.app

    def _open(self, folder: Path) -> ASGIApp:
        book = Book(folder)
        return application(
            book, Pictures(book.pages, self._cache), port=_PORT, token=self._token, gap_mm=GAP_MM,
            least_mm=LEAST_MM,
        )  # fmt: skip

    def _inner(self, scope: Scope, path: str) -> MutableMapping[str, Any]:
        """The request as the page's own server would get it."""
        host = f"127.0.0.1:{_PORT}"
        kept = [
            (name, value) for name, value in scope["headers"]
            if name in (b"content-type", b"content-length", b"accept", b"if-none-match")
        ]  # fmt: skip
        own = [
            (b"host", host.encode()),
            (b"origin", f"http://{host}".encode()),
            (b"cookie", f"mutoscope-{_PORT}={self._token}".encode()),
        ]
        return {
            **scope, "path": unquote(path), "raw_path": path.encode(), "root_path": "",
            "query_string": b"", "headers": kept + own,
        }  # fmt: skip


class _Prefixed:
    """``send`` that puts our prefix before the addresses in pages and scripts."""

    def __init__(self, send: Send, prefix: bytes) -> None:
        self._send = send
        self._prefix = prefix
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            del headers["set-cookie"]
            if headers.get("content-type", "").startswith(_TEXTS):
                self._start = message  # is sent when its length is known
                return
        elif self._start is not None:
            self._parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = _ADDRESS.sub(self._prefix, b"".join(self._parts))
            MutableHeaders(scope=self._start)["content-length"] = str(len(body))
            await self._send(self._start)
            await self._send({"type": "http.response.body", "body": body})
            return
        await self._send(message)


def _stamp(folder: Path) -> tuple[tuple[str, int], ...]:
    """What scans a folder holds."""
    from mutoscope.drawings.scans import page_paths

    return tuple((path.name, path.stat().st_mtime_ns) for path in page_paths(folder))
