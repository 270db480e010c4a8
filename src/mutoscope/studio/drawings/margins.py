"""Where the grid lies on each page of a folder, as a page of the studio shows and changes it.

The file is the ``adj_xy.json`` of `mutoscope.drawings.margins`, in the folder of the scans. The
overlay is made of the same numbers as the box that tiles are cut from (`Grid.box`).
"""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutoscope.drawings.cache import PageCache, dpi_of
from mutoscope.drawings.grid import Box, Grid, cell_pixels
from mutoscope.drawings.ink import propose
from mutoscope.drawings.margins import NAME, read_margins, write_margins
from mutoscope.drawings.scans import Page
from mutoscope.drawings.sheets import common_dpi, page_names
from mutoscope.errors import SettingsError

LEAST_CELLS = 0.25
"""The smallest side of a box, in cells."""


@dataclass(frozen=True)
class Marked:
    """A page with its grid.

    Attributes:
        name: as the file of margins calls it.
        page: its scan.
        dpi: the resolution at which tiles are cut; the grid's pixels are of that.
        scale: those pixels to one of the scan.
        grid: where it lies.
    """

    name: str
    page: Page
    dpi: float
    scale: float
    grid: Grid

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the page in the grid's pixels."""
        width, height = self.page.size
        return max(1, round(width * self.scale)), max(1, round(height * self.scale))

    @property
    def box(self) -> Box:
        """What tiles are cut from, in those pixels, cut at the page's edge."""
        return self.grid.box(self.dpi).within(self.size)

    def lines(self) -> tuple[list[int], list[int]]:
        """Where the overlay's lines stand, across and down, as `grid.overlay` draws them."""
        box, unit = self.box, cell_pixels(self.dpi)
        return _lines(box.left, box.right, unit), _lines(box.top, box.bottom, unit)


class Margins:
    """The margins of a folder of scans; safe to be used by several threads.

    Args:
        folder: of scans.
        pages: those in it.
        cache: where their decoded pixels lie.

    Raises:
        MediaError: the file of margins is damaged.
    """

    def __init__(self, folder: Path, pages: Sequence[Page], cache: PageCache) -> None:
        self.path = folder / NAME
        self.pages = list(pages)
        self._cache = cache
        self._lock = threading.RLock()
        self._names = page_names(self.pages)
        self._dpi = common_dpi(self.pages)
        self._seen: tuple[int, ...] | None = None
        self._grids: dict[str, Grid] = {}
        self._set: set[str] = set()  # pages of which the file says something
        self._look()

    def __len__(self) -> int:
        return len(self.pages)

    @property
    def kept(self) -> bool:
        """Whether there is a file of margins."""
        return self.path.is_file()

    def of(self, index: int) -> Marked:
        """A page with its grid: that of the file, else what is proposed, else the whole page.

        Raises:
            MediaError: the page or the file can't be read.
        """
        marked = self._marked(index, Grid())
        name = marked.name
        with self._lock:
            self._look()
            known = self._grids.get(name)
        marked = self._marked(index, known or Grid())
        if known is not None:
            return marked
        grid = self._proposed(marked)
        with self._lock:
            self._grids.setdefault(name, grid)
            return self._marked(index, self._grids[name])

    def set_box(self, index: int, box: Box) -> Marked:
        """Let a page have a box, in the grid's pixels, and save it.

        Raises:
            SettingsError: it is too small, or lies beyond the page.
            MediaError: it can't be saved.
        """
        marked = self._marked(index, Grid())
        kept = box.within(marked.size)
        least = round(LEAST_CELLS * cell_pixels(marked.dpi))
        if min(kept.width, kept.height) < least:
            raise SettingsError(
                f"margins: {kept.width} × {kept.height} pixels are left of the page; at least "
                f"{least} are wanted both ways"
            )
        return self._keep({index: Grid.around(kept, marked.dpi)})[index]

    def propose(self, indices: Sequence[int]) -> dict[int, Marked]:
        """Let pages have what is proposed for them, and save it.

        Raises:
            MediaError: a page can't be read, or it can't be saved.
        """
        found = {index: self._proposed(self._marked(index, Grid())) for index in indices}
        return self._keep(found)

    def _keep(self, changed: Mapping[int, Grid]) -> dict[int, Marked]:
        """Write what changed; pages that nobody has looked at stay as the file has them."""
        with self._lock:
            self._look()
            for index, grid in changed.items():
                self._grids[self._names[index]] = grid
                self._set.add(self._names[index])
            for index, name in enumerate(self._names):
                if name not in self._set:
                    # Whoever reads the file takes the corner for a page that it doesn't name.
                    self._grids[name] = self.of(index).grid
                    self._set.add(name)
            write_margins(self.path, {name: self._grids[name] for name in self._names})
            self._seen = _stamp(self.path)
            return {index: self.of(index) for index in changed}

    def _look(self) -> None:
        """Take over what the file says, if another program has written it."""
        stamp = _stamp(self.path)
        if stamp == self._seen:
            return
        self._seen = stamp
        if stamp is None:
            self._grids, self._set = {}, set()
            return
        grids = read_margins(self.path, self._names)
        self._grids = dict(zip(self._names, grids, strict=True))
        self._set = set(self._names)

    def _proposed(self, marked: Marked) -> Grid:
        pixels = self._cache.open(marked.page, channels=1, dpi=marked.dpi)
        return propose(pixels, marked.dpi) or Grid.around(Box(0, 0, *marked.size), marked.dpi)

    def _marked(self, index: int, grid: Grid) -> Marked:
        if not 0 <= index < len(self.pages):
            raise SettingsError(f"page: {index} is not there; allowed are 0–{len(self.pages) - 1}")
        page = self.pages[index]
        return Marked(self._names[index], page, self._dpi, self._dpi / dpi_of(page), grid)


def box_of(values: Mapping[str, Any]) -> Box:
    """The box in what a page sent.

    Raises:
        SettingsError: it is none.
    """
    edges = []
    for key in ("left", "top", "right", "bottom"):
        value = values.get(key)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not -1e7 < value < 1e7:  # type: ignore[operator]
            raise SettingsError(f"{key}: is no number of pixels")
        edges.append(round(value))  # type: ignore[arg-type]
    return Box(*edges)


def _lines(first: int, last: int, unit: int) -> list[int]:
    lines = list(range(first, last + 1, unit))
    return lines if lines and lines[-1] == last else [*lines, last]


def _stamp(path: Path) -> tuple[int, ...] | None:
    with contextlib.suppress(OSError):
        stat = path.stat()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns
    return None
