"""The page Drawings: from scans to a generator of one's own, and through what it can draw."""

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import app as nicegui_app
from nicegui import events, ui
from starlette.routing import Mount, Route

from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.scans import SUFFIXES, Page
from mutoscope.errors import MutoscopeError, SettingsError
from mutoscope.studio.bringing import name_button
from mutoscope.studio.complaints import complaining
from mutoscope.studio.drawings import picking_door, scan_pictures
from mutoscope.studio.drawings.aide import Aide
from mutoscope.studio.drawings.folders import (
    MOST_BYTES,
    MOST_FILES,
    Scans,
    new_folder,
    pages_in,
    scans_in,
    take_in,
    trainings_in,
)
from mutoscope.studio.drawings.look import STYLE
from mutoscope.studio.drawings.margins_page import MarginsView
from mutoscope.studio.drawings.pad import PadView
from mutoscope.studio.drawings.training_page import train_panel
from mutoscope.studio.shared import Studio

_SHOWN = 60  # pages with thumbnails
_SAMPLE = ("drawings", "sample")  # a command
_STEPS = ("Scans", "Margins", "Specimens", "Train", "Explore")


class Shared:
    """What all visitors of one studio share: the process with torch, and opened books."""

    def __init__(self, studio: Studio) -> None:
        self.aide = Aide(studio.place)
        self.cache = PageCache(studio.place.own / "pages")
        nicegui_app.remove_route(picking_door.PREFIX)
        door = picking_door.PickingDoor(studio.place)
        path = scan_pictures.PREFIX + "/{name:path}"
        nicegui_app.remove_route(path)
        answer = scan_pictures.ScanPictures(studio.place).answer
        nicegui_app.router.routes[:0] = [Mount(picking_door.PREFIX, door), Route(path, answer)]
        nicegui_app.on_shutdown(self.aide.close)


_served: list[tuple[Studio, Shared]] = []  # one at most: there is one application


def routes(studio: Studio) -> Shared:
    """What this page needs besides itself; made once for a studio."""
    if not _served or _served[0][0] is not studio:
        for _, shared in _served:
            shared.aide.close()
        _served[:] = [(studio, Shared(studio))]
    return _served[0][1]


async def page(studio: Studio) -> None:
    """Draw the page."""
    ui.add_head_html(f"<style>{STYLE}</style>")
    view = DrawingsView(studio, routes(studio))
    await view.draw()


class DrawingsView:
    """The page of one browser: a folder is chosen above, a step of the work below."""

    def __init__(self, studio: Studio, shared: Shared) -> None:
        self._studio, self._shared = studio, shared
        self._scans: list[Scans] = []
        self._panel: ui.element
        self._drawing: asyncio.Task[Any] | None = None  # draws the open step

    async def draw(self) -> None:
        """Draw it with the first step open."""
        there = bool(scans_in(self._studio.place))
        with ui.element("div").classes("draw-head"):
            self._select = ui.select([], label="Folder of scans").props("outlined dense")
            with ui.expansion("Add scans", icon="add_photo_alternate", value=not there).classes(
                "grow"
            ):
                self._adding()
        with ui.tabs().props("dense align=left outside-arrows mobile-arrows") as self._tabs:
            for step in _STEPS:
                ui.tab(step)
        self._panel = ui.element("div").classes("w-full q-pt-md")
        self._list()
        self._select.on_value_change(self._open)
        self._tabs.on_value_change(self._open)
        self._tabs.set_value(_STEPS[0])
        ui.timer(2.0, self._keep_up)

    def _adding(self) -> None:
        with ui.row().classes("draw-row"):
            name = ui.input("Into the folder", value="my-drawings").props(
                "outlined dense maxlength=80"
            )
            uploader = ui.upload(
                multiple=True, auto_upload=True, max_file_size=MOST_BYTES, max_files=MOST_FILES,
                on_rejected=lambda: ui.notify(
                    f"Not taken: scans are {', '.join(SUFFIXES[:6])} and the like, of at most "
                    f"{MOST_BYTES // 2**20} MB", type="warning",
                ),
            ).props(f'accept="{",".join(SUFFIXES)}" flat bordered')  # fmt: skip

            name_button(uploader, "Upload scans")

            async def uploaded(event: events.UploadEventArguments) -> None:
                with complaining(self._studio.place):
                    await self._take(str(name.value), event.file)

            uploader.on_upload(uploaded)
        with ui.row().classes("draw-row"):
            pages = ui.number("Pages", value=6, min=1, max=60, step=1).props("outlined dense")

            def sample() -> None:
                with complaining(self._studio.place):
                    self._sample(str(name.value), pages.value)

            ui.button("Draw sample pages", icon="draw", on_click=sample).props("outline")
        self._sampling = ui.label("").classes("draw-soft").props("role=status")
        ui.label(
            "Scans that already lie in the studio's folder are in the list by themselves."
        ).classes("draw-soft")

    async def _take(self, name: str, file: Any) -> None:
        place = self._studio.place
        folder = new_folder(place, name)
        await take_in(place, folder, file.name, file)
        self._list(place.name_of(folder))
        if self._tabs.value == _STEPS[0]:
            await self._open()

    def _sample(self, name: str, pages: object) -> None:
        place = self._studio.place
        if not isinstance(pages, int | float) or not 1 <= pages <= 60:
            raise SettingsError("pages: allowed are 1–60")
        folder = place.name_of(new_folder(place, name))
        self._studio.jobs.add(
            (*_SAMPLE, folder, "--pages", str(int(pages)), "--dpi", "150"),
            title=f"Sample pages in {folder}",
        )
        ui.notify("Queued: the pages show here as they are drawn")

    async def _keep_up(self) -> None:
        """Show scans as they come, and how the drawing of some goes."""
        self._say_sampling()
        before = self._files()
        self._list()
        if self._tabs.value == _STEPS[0] and self._files() != before:
            await self._open()

    def _files(self) -> tuple[str | None, int]:
        """The chosen folder, and how many scans it had when one last looked."""
        counts = {one.name: one.files for one in self._scans}
        return self._folder, counts.get(self._folder or "", 0)

    def _say_sampling(self) -> None:
        """Say how the newest drawing of sample pages goes, as long as it is not done."""
        jobs = [job for job in self._studio.jobs.all() if job.command[:2] == _SAMPLE]
        newest = max(jobs, key=lambda job: job.added, default=None)
        words = ""
        if newest is not None and newest.state != "done":
            words = f"{newest.title}: {newest.state}. {newest.message}".strip()
        self._sampling.set_text(words)

    def _list(self, wanted: str | None = None) -> None:
        """Take over which folders there are."""
        before, self._scans = self._scans, scans_in(self._studio.place)
        names = [one.name for one in self._scans]
        value = next((one for one in (wanted, self._select.value) if one in names), None)
        if self._scans != before or value != self._select.value:
            shown = {one.name: f"{one.name} ({one.files})" for one in self._scans}
            self._select.set_options(shown, value=value or (names[0] if names else None))

    @property
    def _folder(self) -> str | None:
        """The name of the chosen folder."""
        return str(self._select.value) if self._select.value else None

    async def _open(self) -> None:
        """Draw the step that is open, anew."""
        steps: dict[str, Callable[[], Any]] = {
            "Scans": self._scans_panel, "Margins": self._margins_panel,
            "Specimens": self._specimens_panel, "Train": self._train_panel,
            "Explore": self._explore_panel,
        }  # fmt: skip
        draw = steps.get(str(self._tabs.value))
        if draw is None:
            return
        self._take_over()
        self._panel.clear()
        with self._panel, complaining(self._studio.place):
            drawn = draw()
            if inspect.isawaitable(drawn):
                await drawn

    def _take_over(self) -> None:
        """End what is still drawing a step that nobody looks at any more."""
        now = asyncio.current_task()
        if self._drawing is not None and self._drawing is not now:
            self._drawing.cancel()
        self._drawing = now

    def _here(self) -> Path | None:
        """The chosen folder; says what to do where there is none."""
        if self._folder is None:
            ui.label(
                "There are no scans yet. Begin above, at “Add scans”: upload photographs or scans "
                "of your drawings, or have sample pages drawn to try things out."
            ).classes("draw-soft")
            return None
        return self._studio.place.inside(self._folder)

    # ── steps ──

    async def _scans_panel(self) -> None:
        folder = self._here()
        if folder is None:
            return
        pages, wrong = await asyncio.to_thread(pages_in, folder)
        ui.button("Check margins and paper", icon="search",
                  on_click=lambda: self._check(notes)).props("outline")  # fmt: skip
        notes: dict[str, ui.label] = {}
        with ui.element("div").classes("draw-pages"):
            for one in pages[:_SHOWN]:
                notes[one.name] = self._figure(one)
        if len(pages) > _SHOWN:
            ui.label(f"and {len(pages) - _SHOWN} more").classes("draw-soft")
        for name in wrong:
            ui.label(f"{name}: can't be read").classes("draw-odd")

    def _figure(self, one: Page) -> ui.label:
        with ui.element("figure").classes("draw-page"):
            picture = ui.element("img").props("loading=lazy")
            picture.props["alt"] = one.name
            picture.props["src"] = scan_pictures.address(self._studio.place, one.path, one.frame)
            with ui.element("figcaption"):
                dpi = "no dpi" if one.dpi is None else f"{one.dpi:g} dpi"
                ui.label(one.name)
                ui.label(f"{one.size[0]} × {one.size[1]}, {dpi}")
                return ui.label("").classes("draw-odd")

    async def _check(self, notes: dict[str, ui.label]) -> None:
        with complaining(self._studio.place):
            request = {"do": "check", "folder": str(self._here())}
            ui.notify("Looking at the pages …")
            found = await asyncio.to_thread(self._shared.aide.ask, request)
            for one in found["pages"]:
                if one["name"] in notes:
                    margins = one["margins"]
                    words = [] if margins is None else [f"margins {' '.join(map(str, margins))} px"]
                    notes[one["name"]].set_text("; ".join([*words, *one["warnings"]]))

    async def _margins_panel(self) -> None:
        folder = self._here()
        if folder is not None:
            pages, _ = await asyncio.to_thread(pages_in, folder)
            await MarginsView(self._studio, self._shared.cache, folder, pages).draw()

    def _specimens_panel(self) -> None:
        folder = self._here()
        if folder is None:
            return
        ui.label(
            "Single motifs are picked by clicking their centres. The generator then learns from "
            "these, at any angle. Every change is saved at once."
        ).classes("draw-soft")
        ui.button(
            "Pick specimens", icon="ads_click",
            on_click=lambda: ui.navigate.to(picking_door.address(self._studio.place, folder), True),
        ).props("text-color=dark").classes("q-my-md")  # fmt: skip
        with contextlib.suppress(MutoscopeError):
            from mutoscope.drawings.specimens import NAME, read_specimens

            if (folder / NAME).is_file():
                found = read_specimens(folder / NAME)
                count = sum(len(rows) for _, rows in found.values())
                ui.label(f"{count} picked so far, on {len(found)} pages.")

    async def _train_panel(self) -> None:
        await train_panel(self._studio, self._shared.aide, self._folder)

    async def _explore_panel(self) -> None:
        place = self._studio.place
        runs = [
            name for name in trainings_in(place)
            if (place.inside(name) / "generator.safetensors").is_file()
        ]  # fmt: skip
        if not runs:
            ui.label(
                "There is no generator yet. Train one on your drawings at “Train”; once it has "
                "drawn its first samples, you can look around in it here."
            ).classes("draw-soft")
            return
        select = (
            ui.select(runs, value=runs[0], label="Generator")
            .props("outlined dense")
            .classes("draw-narrow")
        )
        body = ui.element("div").classes("w-full q-mt-md")

        async def show() -> None:
            self._take_over()
            body.clear()
            with body, complaining(place):
                await PadView(self._studio, self._shared.aide, str(select.value)).draw()

        select.on_value_change(show)
        await show()
