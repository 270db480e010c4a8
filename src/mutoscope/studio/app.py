"""The application: its routes, its pages, and the server that answers."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI
from nicegui import Client, ui
from nicegui import app as nicegui_app
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mutoscope import atomic, fence
from mutoscope.errors import RunError, SettingsError, printable
from mutoscope.lock import FolderLock, InUseError
from mutoscope.picking.patience import PatientProtocol
from mutoscope.studio import files, shell
from mutoscope.studio.guard import Door, Guard
from mutoscope.studio.place import Place
from mutoscope.studio.shared import Studio

log = logging.getLogger("mutoscope")

LOCAL = "127.0.0.1"
TITLE = "Mutoscope"
_TICK = 1.0  # seconds
_MOST_KEPT = 500  # of NiceGUI's storages of visitors
_PATIENCE = 2  # seconds for requests that are under way at Ctrl-C
_LAPSE = 30.0  # seconds for which a page that has lost the server keeps what it shows


def build(studio: Studio) -> None:
    """Let the pages and files of a studio be answered by NiceGUI's application."""
    path = files.PREFIX + "/{name:path}"
    nicegui_app.remove_route(path)
    answer = files.answering(studio.place, studio.thumbnails)
    nicegui_app.router.routes.insert(0, Route(path, answer, methods=["GET", "HEAD"]))
    # NiceGUI's own answer is a page that it keeps for a minute: much memory for bad addresses.
    nicegui_app.add_exception_handler(404, _nowhere)
    # A line of its own above the page for each request says nothing, and has no name.
    nicegui_app.config.quasar_config["loadingBar"]["skipHijack"] = True
    shell.build(studio)


async def _nowhere(_: Request, __: Exception) -> Response:
    return PlainTextResponse("there is nothing here", 404)


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections already; port 0 is one that is free.

    Raises:
        SettingsError: it can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    heard = socket.socket(family, socket.SOCK_STREAM)
    try:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        heard.bind((host, port))
        heard.listen(128)
    except OSError as error:
        heard.close()
        raise SettingsError(
            f"--host {host} --port {port}: can't be had: {atomic.reason(error)}; choose another "
            "port, or 0 for one that is free"
        ) from error
    return heard


def is_local(host: str) -> bool:
    """Whether nobody but this machine can reach a server that listens there."""
    return host in ("localhost", "::1") or host.startswith("127.")


def serve(
    studio: Studio, *, host: str, port: int, password: str | None, open_browser: bool,
) -> None:  # fmt: skip
    """Answer until Ctrl-C, which lets the job in hand be saved first.

    Raises:
        SettingsError: the address can't be had, or others could reach it without a password.
        RunError: another studio serves this place.
    """
    if not is_local(host) and not password:
        raise SettingsError(
            f"--host {host}: others can reach this address, so it needs a password: add "
            "--password, which asks for one, or set MUTOSCOPE_STUDIO_PASSWORD"
        )
    try:
        lock = FolderLock(studio.place.own)
    except InUseError as error:
        raise RunError(
            f"{studio.place.root}: another studio works in this folder already; use that one, or "
            "give another folder"
        ) from error
    heard = None
    try:
        fence.put_up(studio.place.root)  # holds for what is previewed in this process, too
        heard = listen(host, port)
        door = Door(
            key=key_of(studio.place), port=heard.getsockname()[1], local=is_local(host),
            password=password,
        )  # fmt: skip
        address = door.address(host)
        build(studio)
        log.info("the studio is at %s", address)
        log.info("Ctrl-C ends it; what is being made is saved, and goes on when it is begun again")
        if open_browser:
            # Some browsers only return when they are closed.
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        _run(studio, door, heard)
    finally:
        if heard is not None:
            heard.close()
        lock.release()


def key_of(place: Place) -> bytes:
    """The secret of a place, from which tokens and sessions come; made where there is none.

    It outlives the server, so that an open page is still let in after a restart.
    """
    path = place.own / "key"
    with contextlib.suppress(OSError):
        kept = path.read_bytes()
        if len(kept) == 32:
            path.chmod(0o600)
            return kept
    key = secrets.token_bytes(32)
    before = os.umask(0o077)
    try:
        atomic.write_bytes(path, key)
    except OSError as error:
        raise RunError(f"{path}: can't be written: {atomic.reason(error)}") from error
    finally:
        os.umask(before)
    return key


def _plain(record: logging.LogRecord) -> bool:
    """Make a record's words such that they can't steer a terminal: pages may have said them."""
    record.msg, record.args = printable(record.getMessage(), allowed="\n\t"), None
    return True


def application(studio: Studio, door: Door) -> Guard:
    """NiceGUI's application behind the guard, with the queue looked after while it answers."""
    logging.getLogger("nicegui").addFilter(_plain)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        caring = asyncio.create_task(_care(studio))
        yield
        caring.cancel()

    outer = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    ui.run_with(
        outer, title=TITLE, dark=None, favicon=shell.ICON, language="en-GB",
        reconnect_timeout=_LAPSE, storage_secret=door.storage_secret(),
        session_middleware_kwargs={"same_site": "strict", "session_cookie": door.cookie + "-tab"},
        gzip_middleware_factory=None, show_welcome_message=False,
    )  # fmt: skip
    return Guard(outer, door)


def _run(studio: Studio, door: Door, heard: socket.socket) -> None:
    config = uvicorn.Config(
        application(studio, door), log_config=None, access_log=False, server_header=False,
        lifespan="on", proxy_headers=False, ws="wsproto", http=PatientProtocol,
        timeout_graceful_shutdown=_PATIENCE, ws_max_size=door.most_bytes,
        ws_per_message_deflate=False,  # a message is no longer than what is sent for it
    )  # fmt: skip
    try:
        uvicorn.Server(config).run(sockets=[heard])
    except KeyboardInterrupt:
        log.debug("stopped by Ctrl-C")
    finally:
        studio.jobs.close()


def _forget() -> None:
    """Forget NiceGUI's empty storages of visitors who have no page open, where they are many.

    It makes one for every request without its cookie, and keeps it for ever.
    """
    kept = getattr(nicegui_app.storage, "_users", {})
    if len(kept) > _MOST_KEPT:
        pages = [page.request for page in Client.instances.values()]
        there = {page.session.get("id") for page in pages if page is not None}
        for visitor in [one for one, storage in kept.items() if not storage]:
            if visitor not in there:
                del kept[visitor]


async def _care(studio: Studio) -> None:
    """Look after the queue once a second; nothing that goes wrong there ends it."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, shell.preload)
    await loop.run_in_executor(None, studio.thumbnails.prune)
    while True:
        try:
            await loop.run_in_executor(None, studio.jobs.tick)
        except Exception:
            log.exception("a fault in the queue")
        _forget()
        await asyncio.sleep(_TICK)
