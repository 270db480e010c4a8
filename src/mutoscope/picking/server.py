"""The local server of the page on which specimens are picked.

    GET  /                                  the page
    GET  /own/{file}                        its style and scripts
    GET  /state                             pages, places, steps
    GET  /pages/{page}/thumbnail            a small picture
    GET  /pages/{page}/{level}/{column}/{row}  a tile of it
    GET  /pages/{page}/proposal             what the finder suggests
    POST /change, /undo, /redo              saved before they are answered

No answer has a path or a traceback in it; the terminal has the whole message.
"""

import logging
import socket
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mutoscope.atomic import reason
from mutoscope.errors import MediaError, MutoscopeError, RunError, SettingsError
from mutoscope.picking import wire
from mutoscope.picking.book import Book
from mutoscope.picking.guard import HOSTS, QUERY, Guard
from mutoscope.picking.patience import PatientProtocol
from mutoscope.picking.pictures import Pictures

log = logging.getLogger("mutoscope")

_OWN = {
    "icon.svg": "image/svg+xml",
    "pick.css": "text/css",
    "pick.js": "text/javascript",
    "board.js": "text/javascript",
    "hands.js": "text/javascript",
    "saving.js": "text/javascript",
    "strip.js": "text/javascript",
}
_FOREVER = {"Cache-Control": "private, max-age=86400, immutable"}  # the address has the digest
_PATIENCE = 2  # seconds for what is under way at Ctrl-C

Endpoint = Callable[[Request], Awaitable[Response]]


def application(
    book: Book, pictures: Pictures, *, port: int, token: str, gap_mm: float, least_mm: float
) -> ASGIApp:
    """The application that answers on ``port`` to who has the ``token``.

    ``gap_mm`` and ``least_mm`` are those of `find_specimens`, for proposals.
    """
    home = files("mutoscope.picking") / "page"
    page = (home / "index.html").read_bytes()
    own = {name: (home / name).read_bytes() for name in _OWN}

    async def index(_: Request) -> Response:
        return Response(page, media_type="text/html")

    async def part(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in own:
            raise HTTPException(404)
        return Response(own[name], media_type=_OWN[name])

    async def state(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(wire.told_all, book, pictures))

    async def thumbnail(request: Request) -> Response:
        data = await run_in_threadpool(pictures.thumbnail, **_numbers(request))
        return Response(data, media_type="image/jpeg", headers=_FOREVER)

    async def tile(request: Request) -> Response:
        data = await run_in_threadpool(pictures.tile, **_numbers(request))
        return Response(data, media_type="image/jpeg", headers=_FOREVER)

    async def proposal(request: Request) -> Response:
        found = await run_in_threadpool(
            pictures.proposed, **_numbers(request), gap_mm=gap_mm, least_mm=least_mm
        )
        return JSONResponse({"places": wire.rows(found)})

    async def change(request: Request) -> Response:
        changes, revision, gesture = wire.read_change(await request.body())
        after = await run_in_threadpool(book.change, changes, revision=revision, gesture=gesture)
        return JSONResponse(wire.told_changes(book, after))

    async def undo(request: Request) -> Response:
        revision = wire.read_revision(await request.body())
        after = await run_in_threadpool(book.undo, revision=revision)
        return JSONResponse(wire.told_changes(book, after))

    async def redo(request: Request) -> Response:
        revision = wire.read_revision(await request.body())
        after = await run_in_threadpool(book.redo, revision=revision)
        return JSONResponse(wire.told_changes(book, after))

    routes = [
        Route("/", index),
        Route("/own/{name}", part),
        Route("/state", state),
        Route("/pages/{page}/thumbnail", thumbnail),
        Route("/pages/{page}/proposal", proposal),
        Route("/pages/{page}/{level}/{column}/{row}", tile),
        Route("/change", change, methods=["POST"]),
        Route("/undo", undo, methods=["POST"]),
        Route("/redo", redo, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {
        MutoscopeError: _failed,
        HTTPException: _refused,
        Exception: _broken,
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), port=port, token=token)


def listen(port: int | None) -> socket.socket:
    """A socket on 127.0.0.1, at ``port`` or at one that is free, that takes connections already.

    Raises:
        SettingsError: the port can't be had.
    """
    heard = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        heard.bind((HOSTS[0], port or 0))
        heard.listen(64)
    except OSError as error:
        heard.close()
        raise SettingsError(
            f"port: {port or 'none'} can't be had: {reason(error)}; choose another, or leave it out"
        ) from error
    return heard


def address(heard: socket.socket, token: str) -> str:
    """What a browser is to open."""
    return f"http://{HOSTS[0]}:{heard.getsockname()[1]}/?{QUERY}={token}"


def serve(app: ASGIApp, heard: socket.socket) -> None:
    """Answer until Ctrl-C, which ends it without an error."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off",
        proxy_headers=False, ws="none", http=PatientProtocol, timeout_graceful_shutdown=_PATIENCE,
    )  # fmt: skip
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[heard])
    except KeyboardInterrupt:
        log.debug("stopped by Ctrl-C")
    finally:
        heard.close()


def _numbers(request: Request) -> dict[str, int]:
    """The numbers in an address; what is none is not there."""
    texts = request.path_params
    if not all(text.isascii() and text.isdecimal() and len(text) <= 6 for text in texts.values()):
        raise HTTPException(404)
    return {key: int(text) for key, text in texts.items()}


async def _failed(_: Request, error: Exception) -> Response:
    """The answer to an error of our own: what was asked is echoed, nothing of the disk is."""
    if isinstance(error, RunError):
        return JSONResponse({"error": str(error)}, status_code=409)
    if isinstance(error, SettingsError):
        return JSONResponse({"error": str(error)}, status_code=400)
    log.warning("%s", error)
    what = "a file" if isinstance(error, MediaError) else "something"
    return JSONResponse(
        {"error": f"{what} can't be read or written; the terminal says why"}, status_code=500
    )


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    words = {
        404: "there is nothing here",
        405: "this is not done so",
        413: "that is too much at once",
    }
    return JSONResponse({"error": words.get(status, "no")}, status_code=status)


async def _broken(_: Request, error: Exception) -> Response:
    """The answer to a fault of ours; Starlette raises it again, for the terminal."""
    return JSONResponse(
        {"error": f"that is a fault in the program ({type(error).__name__}); see the terminal"},
        status_code=500,
    )
