"""Cutting one tile from a page: any place, size, angle and side, in a single resampling."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mutoscope.drawings.grid import Pixels

PAPER = 255
_TAPS = 2  # pixels beyond its own that a cubic reads
_EVEN = 1e-6  # pixels by which rounding may put a tile beyond the page's edge


@dataclass(frozen=True)
class Place:
    """Where a tile comes from.

    Attributes:
        page: the number of the sheet.
        x: the centre, in the sheet's pixels from its left edge.
        y: the centre, from its top edge.
        side: the length of the tile's side on the sheet, in its pixels.
        angle: by how much it is turned, in degrees; at 90 what was right is on top.
        mirror: whether left and right change places, after turning.
    """

    page: int
    x: float
    y: float
    side: float
    angle: float = 0.0
    mirror: bool = False


def reach(side: float, angle: float) -> float:
    """Half the width of the upright square that holds a square of ``side`` turned by ``angle``."""
    cosine, sine = _turn(angle)
    return side / 2 * (abs(cosine) + abs(sine))


def cut(pixels: Pixels, place: Place, size: int) -> Pixels:
    """The tile at ``place``, (size, size) or (size, size, 3); beyond the page there is white.

    Only the rows that it covers are touched. Bicubic; a tile that shows more than one and a half
    pixels of the page in each of its own is cut larger and averaged, so that lines don't break up.
    A tile that is not scaled and turned by quarters is the page's own pixels.
    """
    density = place.side / size
    if density > 1.5:
        finer = math.ceil(density)
        large = cut(pixels, place, size * finer)
        small: Pixels = np.asarray(
            cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
        return small
    height, width = pixels.shape[:2]
    half = reach(place.side, place.angle)
    left, right = math.floor(place.x - half) - _TAPS, math.ceil(place.x + half) + _TAPS
    top, bottom = math.floor(place.y - half) - _TAPS, math.ceil(place.y + half) + _TAPS
    slack = half - _EVEN
    inside = slack <= place.x <= width - slack and slack <= place.y <= height - slack
    left, right = min(max(left, 0), width - 1), max(min(right, width), 1)
    top, bottom = min(max(top, 0), height - 1), max(min(bottom, height), 1)
    tile: Pixels = np.asarray(
        cv2.warpAffine(
            np.asarray(pixels[top:bottom, left:right]),
            _matrix(place, size, left, top),
            (size, size),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            # The taps of a tile that touches the page's edge go on with the paper as it is there.
            borderMode=cv2.BORDER_REPLICATE if inside else cv2.BORDER_CONSTANT,
            borderValue=(PAPER, PAPER, PAPER),
        ),
        dtype=np.uint8,
    )
    return tile


def _matrix(
    place: Place, size: int, left: int, top: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """From a tile's pixel to the page's: both count the middles of pixels, hence the halves."""
    cosine, sine = _turn(place.angle)
    density, middle = place.side / size, (size - 1) / 2
    across = -density if place.mirror else density
    a, b = across * cosine, -density * sine
    c, d = across * sine, density * cosine
    x, y = place.x - 0.5 - left, place.y - 0.5 - top
    return np.array([[a, b, x - (a + b) * middle], [c, d, y - (c + d) * middle]], dtype=np.float64)


def _turn(angle: float) -> tuple[float, float]:
    """Cosine and sine of degrees, exact at the quarters."""
    quarters, rest = divmod(angle % 360, 90)
    cosine, sine = (math.cos(math.radians(rest)), math.sin(math.radians(rest))) if rest else (1, 0)
    for _ in range(int(quarters)):
        cosine, sine = -sine, cosine
    return cosine, sine
