"""Pages laid out for cutting: at one resolution, in the cache, each with its box.

What can't serve is left out with a notice: pages without ink, and those whose box is too small.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mutoscope.drawings.cache import PageCache, dpi_of
from mutoscope.drawings.grid import COLS, ROWS, Box, Grid, Pixels, inset, pixels_of
from mutoscope.drawings.ink import find_ink, propose
from mutoscope.drawings.margins import read_margins
from mutoscope.drawings.scans import Page
from mutoscope.errors import MediaError, SettingsError, printable

log = logging.getLogger("mutoscope")

AUTO, GRID = "auto", "grid"
_SAID = 5  # names in a notice


@dataclass(frozen=True)
class Sheet:
    """One page at the resolution at which tiles are cut from it.

    Attributes:
        name: its file's name without the ending, with the page's number where a file has several.
        path: its file.
        digest: of the scan, as in `Page`.
        pixels: (H, W) or (H, W, 3).
        dpi: of ``pixels``.
        scale: pixels here to one of the scan.
        grid: where its grid lies.
        box: the same in pixels, within the page.
    """

    name: str
    path: Path
    digest: str
    pixels: Pixels
    dpi: float
    scale: float
    grid: Grid
    box: Box

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of ``pixels``."""
        return self.pixels.shape[1], self.pixels.shape[0]


def lay_out(
    pages: Sequence[Page],
    cache: PageCache,
    *,
    channels: int,
    dpi: float | None = None,
    margins: str | Path = AUTO,
    cols: float = COLS,
    rows: float = ROWS,
    keep_blank: bool = False,
    told: Callable[[int, int], None] | None = None,
) -> list[Sheet]:
    """The pages as sheets.

    Args:
        pages: of one folder.
        cache: where their pixels lie.
        channels: 1 for grey, 3 for colour.
        dpi: at which tiles are cut; by default the one that most pages have.
        margins: ``auto`` for a box around each page's ink; ``grid`` for ``cols`` × ``rows`` cells
            from the corner; a length such as ``12mm`` for the page less that much on each side; or
            the path of an ``adj_xy.json``.
        cols: columns of a grid, where the file of margins doesn't say.
        rows: rows of it.
        keep_blank: keep pages without ink too.
        told: is called with how many pages are done, of how many.

    Raises:
        MediaError: a page can't be read, or none is left.
        SettingsError: ``margins`` is none of these.
    """
    dpi = common_dpi(pages) if dpi is None else dpi
    names = page_names(pages)
    listed = (
        read_margins(margins, names, cols=cols, rows=rows) if isinstance(margins, Path) else None
    )
    sheets: list[Sheet] = []
    blank: list[str] = []
    for index, page in enumerate(pages):
        pixels = cache.open(page, channels=channels, dpi=dpi)
        if not keep_blank and find_ink(pixels, dpi).blank:
            blank.append(names[index])
        else:
            grid = listed[index] if listed else _grid(str(margins), pixels, dpi, cols, rows)
            sheet = Sheet(
                names[index], page.path, page.digest, pixels, dpi, dpi / dpi_of(page), grid,
                grid.box(dpi),
            )  # fmt: skip
            sheets.append(replace(sheet, box=_within(sheet)))
        if told:
            told(index + 1, len(pages))
    if blank:
        log.warning(
            "%d of %d pages are blank and left out: %s", len(blank), len(pages), _some(blank)
        )
    if not sheets:
        raise MediaError(
            f"{pages[0].path.parent}: none of its {len(pages)} pages has ink on it; "
            "are they the right scans?"
        )
    return sheets


def common_dpi(pages: Sequence[Page]) -> float:
    """The resolution that most pages have, the lowest of equals; notices say what differs."""
    if not pages:
        raise ValueError("no pages")
    unknown = [page.path.name for page in pages if page.dpi is None]
    if unknown:
        log.info("%d pages don't say their dpi; 300 is taken: %s", len(unknown), _some(unknown))
    counts = Counter(dpi_of(page) for page in pages)
    dpi = min(counts, key=lambda dpi: (-counts[dpi], dpi))
    others = [page.path.name for page in pages if dpi_of(page) != dpi]
    if others:
        log.info(
            "%d of %d pages are not of %g dpi and are scaled to it: %s",
            len(others), len(pages), dpi, _some(others),
        )  # fmt: skip
    return dpi


def roomy(sheets: Sequence[Sheet], side: float, *, what: str) -> list[Sheet]:
    """The sheets whose box holds a square of ``side`` pixels; ``what`` says what it is for.

    Raises:
        MediaError: none does.
    """
    fitting = [sheet for sheet in sheets if min(sheet.box.width, sheet.box.height) >= side]
    small = [sheet for sheet in sheets if min(sheet.box.width, sheet.box.height) < side]
    if not fitting:
        best = max(small, key=lambda sheet: min(sheet.box.width, sheet.box.height))
        raise MediaError(
            f"{best.path}: no page is large enough: its drawn part is {best.box.width} × "
            f"{best.box.height} pixels at {best.dpi:g} dpi, and {what} needs {side:.0f} both ways; "
            "make the tiles or the margins smaller, or the dpi higher"
        )
    if small:
        log.warning(
            "%d of %d pages are left out, since %s needs %.0f pixels both ways: %s",
            len(small), len(sheets), what, side, _some([sheet.name for sheet in small]),
        )  # fmt: skip
    return fitting


def page_names(pages: Sequence[Page]) -> list[str]:
    """What files and notices call the pages: their files' stems, with the page's number in a TIFF.

    Where two files have the same stem, as ``1.png`` and ``1.jpg``, their endings are kept.
    """
    files = {page.path for page in pages}
    stems = Counter(path.stem for path in files)
    names = []
    for page in pages:
        name = page.path.stem if stems[page.path.stem] == 1 else page.path.name
        names.append(name + (f"-{page.frame + 1}" if page.frames > 1 else ""))
    return names


def _grid(margins: str, pixels: Pixels, dpi: float, cols: float, rows: float) -> Grid:
    size = pixels.shape[1], pixels.shape[0]
    whole = Grid.around(Box(0, 0, *size), dpi)
    if margins == AUTO:
        return propose(pixels, dpi) or whole
    if margins == GRID:
        return Grid(cols=cols, rows=rows)
    return Grid.around(inset(size, pixels_of(margins, dpi, place="margins")), dpi)


def _within(sheet: Sheet) -> Box:
    """The sheet's box, cut where it would leave the page."""
    box = sheet.box.within(sheet.size)
    if box != sheet.box:
        log.info(
            "%s: its grid ends at %d, %d and the page at %d, %d; cut at the page's edge",
            sheet.name, sheet.box.right, sheet.box.bottom, *sheet.size,
        )  # fmt: skip
    return box


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SAID
    return ", ".join(map(printable, names[:_SAID])) + (f" and {more} more" if more > 0 else "")


def check_channels(channels: int) -> None:
    """Refuse what is neither grey nor colour."""
    if channels not in (1, 3):
        raise SettingsError(
            f"channels: {channels} is not allowed; allowed are 1 (grey), 3 (colour)"
        )
