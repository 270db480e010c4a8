"""The grid that marks which part of a page tiles come from, as plain numbers.

A cell is 256/300 inch wide, whatever the resolution. A grid says where its first cell begins and
how many there are; from the same box both the overlay is drawn and the tiles are cut, so they
can't differ. Tiles may be turned by any angle, so their centres keep half a diagonal from the
box's edges.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mutoscope.errors import SettingsError

Pixels = npt.NDArray[np.uint8]
"""A page or a tile: (H, W) grey or (H, W, 3) colour, 0 to 255."""

CELL_INCHES = 256 / 300
ROWS, COLS = 12, 18
LEAST_DPI, MOST_DPI = 10, 9600
_RED = (255, 0, 0)

_LENGTH = re.compile(r"\s*([0-9]{1,6}(?:\.[0-9]{0,6})?)\s*(px|in|mm|cm|)\s*")


@dataclass(frozen=True)
class Box:
    """A part of a page in whole pixels; right and bottom are the first that don't belong to it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels from left to right; 0 where nothing is left."""
        return max(0, self.right - self.left)

    @property
    def height(self) -> int:
        """Pixels from top to bottom; 0 where nothing is left."""
        return max(0, self.bottom - self.top)

    def within(self, size: tuple[int, int]) -> "Box":
        """The part that lies on a page of ``size`` (width, height)."""
        width, height = size
        return Box(
            min(max(self.left, 0), width),
            min(max(self.top, 0), height),
            min(max(self.right, 0), width),
            min(max(self.bottom, 0), height),
        )


@dataclass(frozen=True)
class Grid:
    """Where on its page a grid lies, in cells; fractions are allowed everywhere.

    Args:
        x: from the page's left edge to the first column.
        y: from the page's top edge to the first row.
        cols: how many columns.
        rows: how many rows.
    """

    x: float = 0.0
    y: float = 0.0
    cols: float = COLS
    rows: float = ROWS

    def box(self, dpi: float) -> Box:
        """The pixels that it covers at ``dpi``. It may reach beyond the page; see `Box.within`."""
        unit = cell_pixels(dpi)
        left, top = round(self.x * unit), round(self.y * unit)
        return Box(left, top, left + round(self.cols * unit), top + round(self.rows * unit))

    @classmethod
    def around(cls, box: Box, dpi: float) -> "Grid":
        """The grid that covers ``box`` at ``dpi``."""
        unit = cell_pixels(dpi)
        return cls(box.left / unit, box.top / unit, box.width / unit, box.height / unit)


def cell_pixels(dpi: float) -> int:
    """The side of a cell in pixels, floor(dpi · 256/300).

    Files that keep their resolution in pixels per metre say 299.9994 for 300, hence the rounding.
    """
    if not (math.isfinite(dpi) and LEAST_DPI <= dpi <= MOST_DPI):
        raise SettingsError(f"dpi: {dpi:g} is not a resolution; allowed are {LEAST_DPI}–{MOST_DPI}")
    return math.floor(round(dpi, 2) * 256 / 300)


def pixels_of(text: str, dpi: float, *, place: str = "length") -> float:
    """A length such as ``12mm``, ``0.5in``, ``1.2cm``, ``40px`` or ``0.5`` (cells), in pixels.

    Raises:
        SettingsError: it is none.
    """
    found = _LENGTH.fullmatch(text)
    if not found:
        raise SettingsError(
            f"{place}: {text[:40]!r} is no length; write a number with px, in, mm or cm, or a "
            "number alone for cells of the grid"
        )
    value, unit = float(found[1]), found[2]
    if unit == "px":
        return value
    if unit == "":
        return value * cell_pixels(dpi)
    return value * dpi / {"in": 1.0, "mm": 25.4, "cm": 2.54}[unit]


def inset(size: tuple[int, int], margin: float) -> Box:
    """A page of ``size`` (width, height) less a margin of so many pixels on each side."""
    width, height = size
    edge = round(margin)
    return Box(edge, edge, max(edge, width - edge), max(edge, height - edge))


@dataclass(frozen=True)
class Centres:
    """The centres of the tiles of one page: row by row, ``step`` pixels from one to the next."""

    left: int
    top: int
    step: int
    cols: int
    rows: int

    def __len__(self) -> int:
        return self.cols * self.rows

    def __getitem__(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        row, col = divmod(index, self.cols)
        return self.left + col * self.step, self.top + row * self.step

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return (self[index] for index in range(len(self)))


def centres(box: Box, *, size: int, steps: int, dpi: float) -> Centres:
    """The centres of tiles of ``size`` pixels in ``box``, ``steps`` of them to a cell.

    With u the cell in pixels, s = floor(u / steps) and p = size / √2, they stand at
    x = L, L + s, … < R with L = floor(left + p) and R = floor(right − p), and so for y.

    Raises:
        SettingsError: there are more steps to a cell than pixels.
    """
    unit = cell_pixels(dpi)
    if not 1 <= steps <= unit:
        raise SettingsError(
            f"steps: {steps} to a cell of {unit} pixels ({dpi:g} dpi); allowed are 1–{unit}"
        )
    step, reach = unit // steps, size / math.sqrt(2)
    left, right = math.floor(box.left + reach), math.floor(box.right - reach)
    top, bottom = math.floor(box.top + reach), math.floor(box.bottom - reach)
    cols, rows = max(0, math.ceil((right - left) / step)), max(0, math.ceil((bottom - top) / step))
    return Centres(left, top, step, cols, rows) if cols and rows else Centres(left, top, step, 0, 0)


def overlay(pixels: Pixels, grid: Grid, dpi: float, *, thickness: int = 3) -> Pixels:
    """The page in colour, (H, W, 3), with its grid in red lines; a line's middle is on its pixel.

    The lines end at the box: what they enclose is what tiles are cut from.
    """
    drawn: Pixels = np.array(
        pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2), copy=True
    )
    box, unit = grid.box(dpi), cell_pixels(dpi)
    for x in _lines(box.left, box.right, unit):
        cv2.line(drawn, (x, box.top), (x, box.bottom), _RED, thickness)
    for y in _lines(box.top, box.bottom, unit):
        cv2.line(drawn, (box.left, y), (box.right, y), _RED, thickness)
    return drawn


def _lines(first: int, last: int, unit: int) -> list[int]:
    """Where lines stand: at every whole cell, and at the end."""
    lines = list(range(first, last + 1, unit))
    return lines if lines and lines[-1] == last else [*lines, last]
