"""Margins on the page Drawings: a box over the picture of a page, and its numbers beside it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nicegui import ui

from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.grid import Box, cell_pixels
from mutoscope.drawings.scans import Page
from mutoscope.studio.complaints import complaining
from mutoscope.studio.drawings import scan_pictures
from mutoscope.studio.drawings.crop_box import CropBox
from mutoscope.studio.drawings.margins import Margins, Marked, box_of
from mutoscope.studio.shared import Studio

_EDGES = ("left", "top", "right", "bottom")


class MarginsView:
    """The margins of a folder, page by page."""

    def __init__(
        self, studio: Studio, cache: PageCache, folder: Path, pages: Sequence[Page]
    ) -> None:
        self._studio, self._folder, self._pages = studio, folder, pages
        self._cache = cache
        self._index = 0
        self._numbers: list[ui.number] = []

    async def draw(self) -> None:
        """Draw it."""
        if not self._pages:
            ui.label("There is no page that can be read.")
            return
        self._margins = await asyncio.to_thread(Margins, self._folder, self._pages, self._cache)
        with ui.element("div").classes("draw-two"):
            self._box = CropBox(self._dragged)
            with ui.element("div"):
                with ui.row().classes("draw-row no-wrap"):
                    ui.button(icon="chevron_left", on_click=lambda: self._turn(-1)).props(
                        'flat aria-label="Previous page"'
                    )
                    self._title = ui.label("").props("role=status")
                    ui.button(icon="chevron_right", on_click=lambda: self._turn(1)).props(
                        'flat aria-label="Next page"'
                    )
                with ui.element("div").classes("draw-numbers q-my-md"):
                    for edge in _EDGES:
                        number = ui.number(f"{edge.capitalize()} (px)", step=1, precision=0)
                        number.props("outlined dense")
                        number.on("change", self._typed)
                        self._numbers.append(number)
                with ui.row().classes("draw-row"):
                    ui.button("Propose", on_click=lambda: self._propose(whole=False)).props(
                        "outline"
                    )
                    ui.button(
                        "Propose for all pages", on_click=lambda: self._propose(whole=True)
                    ).props("flat")
                self._facts = ui.label("").classes("draw-soft q-mt-md")
        await self._show()

    async def _turn(self, by: int) -> None:
        self._index = (self._index + by) % len(self._pages)
        await self._show()

    async def _show(self) -> None:
        with complaining(self._studio.place):
            self._shown(await asyncio.to_thread(self._margins.of, self._index))

    def _shown(self, marked: Marked) -> None:
        box, lines = marked.box, marked.lines()
        self._title.set_text(f"{marked.name} ({self._index + 1} of {len(self._pages)})")
        page = marked.page
        self._box.show(
            scan_pictures.address(self._studio.place, page.path, page.frame, width=1280),
            marked.size, (box.left, box.top, box.right, box.bottom), lines,
            unit=cell_pixels(marked.dpi), label=f"Margins of {marked.name}",
        )  # fmt: skip
        for number, value in zip(
            self._numbers, (box.left, box.top, box.right, box.bottom), strict=True
        ):
            number.set_value(value)
        kept = "kept in adj_xy.json" if self._margins.kept else "proposed; not yet kept"
        self._facts.set_text(
            f"{box.width} × {box.height} px of {marked.size[0]} × {marked.size[1]} at "
            f"{marked.dpi:g} dpi: {marked.grid.cols:.1f} × {marked.grid.rows:.1f} cells. "
            f"Tiles are cut from inside the box; {kept}."
        )

    async def _dragged(self, values: dict[str, Any]) -> None:
        with complaining(self._studio.place):
            await self._set(box_of(values))

    async def _typed(self) -> None:
        values = dict(zip(_EDGES, (number.value for number in self._numbers), strict=True))
        with complaining(self._studio.place):
            await self._set(box_of(values))

    async def _set(self, box: Box) -> None:
        try:
            self._shown(await asyncio.to_thread(self._margins.set_box, self._index, box))
        except Exception:
            await self._show()  # back to what is kept
            raise

    async def _propose(self, *, whole: bool) -> None:
        indices = range(len(self._pages)) if whole else [self._index]
        with complaining(self._studio.place):
            found = await asyncio.to_thread(self._margins.propose, list(indices))
            self._shown(found[self._index])
