"""The frame of every page: header, navigation, notices, and the look of it all."""

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from nicegui import app, ui
from starlette.responses import RedirectResponse, Response

from mutoscope.studio.complaints import complaining
from mutoscope.studio.look import STYLE
from mutoscope.studio.queue.jobs import Jobs
from mutoscope.studio.shared import Studio

log = logging.getLogger("mutoscope")

_SLOWEST = 60.0  # seconds for a page to be drawn where every core paints


@dataclass(frozen=True)
class Page:
    """A page: its address, the word for it, the module that draws it, and its icon.

    ``routed``: its module has ``routes``, too, for what the page asks for besides itself; they
    answer from the server's start, so that a page which is open goes on after a restart.
    """

    path: str
    title: str
    home: str
    icon: str
    routed: bool = False


PAGES: Sequence[Page] = (
    Page("/compose", "Compose", "mutoscope.studio.compose.page", "edit_note"),
    Page("/timeline", "Timeline", "mutoscope.studio.timeline.page", "timeline"),
    Page("/render", "Render", "mutoscope.studio.render.page", "brush"),
    Page("/gallery", "Gallery", "mutoscope.studio.gallery.page", "grid_view"),
    Page("/drawings", "Drawings", "mutoscope.studio.drawings.page", "gesture", routed=True),
)

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" '
    'fill="#1d1d20"/><g stroke="#e8c07a" stroke-width="2.4" stroke-linecap="round">'
    '<path d="M16 5v8M16 19v8M5 16h8M19 16h8M8.2 8.2l5.7 5.7M18.1 18.1l5.7 5.7M23.8 8.2l-5.7 5.7'
    'M13.9 18.1l-5.7 5.7"/></g></svg>'
)


def preload() -> None:
    """Import what draws the pages, so that the first visitor doesn't wait for that."""
    for page in PAGES:
        import_module(page.home)


def build(studio: Studio) -> None:
    """Let NiceGUI answer with the pages of a studio."""
    for page in PAGES:
        if page.routed:
            import_module(page.home).routes(studio)
        _register(studio, page)

    @ui.page("/", title="Mutoscope")
    def start() -> Response:
        return RedirectResponse(PAGES[0].path, 303)

    app.on_page_exception(_broken)


def _register(studio: Studio, page: Page) -> None:
    @ui.page(page.path, title=f"{page.title} – Mutoscope", response_timeout=_SLOWEST)
    async def drawn() -> None:
        with frame(studio, page), complaining(studio.place):
            draw: Callable[[Any], Any] = import_module(page.home).page
            result = draw(studio)
            if inspect.isawaitable(result):
                await result


def _broken(error: Exception) -> None:
    """What is shown where a page can't be drawn at all."""
    if not isinstance(error, asyncio.CancelledError):
        log.error("a fault in the studio", exc_info=error)
    ui.label("Something went wrong; the terminal says what.").props("role=alert")
    ui.link("Back to the studio", "/")


@contextmanager
def frame(studio: Studio, page: Page) -> Iterator[None]:
    """The frame around a page's body, which is drawn within the block."""
    ui.add_head_html(f"<style>{STYLE}</style>")
    ui.dark_mode(value=True)
    ui.colors(primary="#e8c07a", secondary="#9ec5ff", accent="#e8c07a", dark="#141416",
              dark_page="#141416", positive="#1f7a45", negative="#b3261e")  # fmt: skip
    with ui.header(elevated=False).classes("studio-header"):
        ui.link("Skip to the page", "#main").classes("studio-skip")
        with ui.link(target="/").classes("studio-mark").props('aria-label="Mutoscope"'):
            ui.html(ICON.replace("<svg ", '<svg aria-hidden="true" '), sanitize=False)
        with ui.element("nav").props('aria-label="Pages"').classes("studio-nav"):
            for each in PAGES:
                link = ui.link(each.title, each.path).classes("studio-link")
                if each is page:
                    link.props('aria-current="page"')
        _line(studio.jobs)
    with ui.element("div").props('id=main tabindex="-1"').classes("studio-main"):
        with ui.element("h1").classes("studio-hidden"):
            ui.html(page.title, sanitize=False)
        yield


def _line(jobs: Jobs) -> None:
    """What is being made just now, in one line at the end of the header."""
    with ui.element("div").classes("studio-status").props('role="status"'):
        line = ui.link("", "/render").classes("studio-now")

    def show() -> None:
        running = [job for job in jobs.all() if job.state in ("running", "stopping")]
        waiting = sum(job.state == "waiting" for job in jobs.all())
        text = ""
        if running:
            progress = jobs.progress(running[0].id)
            share = f" · {progress.done / progress.total:.0%}" if progress else ""
            text = f"{running[0].title[:40]}{share}"
            if waiting:
                text += f" · {waiting} waiting"
        elif waiting:
            text = f"{waiting} waiting"
        line.set_text(text)
        line.set_visibility(bool(text))

    show()
    ui.timer(1.0, show)
