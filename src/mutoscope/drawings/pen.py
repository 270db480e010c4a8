"""A pen and a sheet of paper: strokes whose width and course vary as those of a hand.

All measures are inches and all random numbers are drawn per inch of line, so a drawing is the same
at any resolution. Ink is drawn three times finer than the page and averaged down.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

Points = npt.NDArray[np.float64]
"""Points of a line, (n, 2): x to the right and y down, in inches from the page's upper left."""
Grey = npt.NDArray[np.uint8]

STEP = 0.012  # inches between the points of a stroke
_FINER = 3
_SHIFT = 4  # bits below a pixel that OpenCV's coordinates have
_GRAIN = 30  # cells of the ink's unevenness per inch
_INK, _PAPER = 0, 255


@dataclass(frozen=True)
class Nib:
    """A pen.

    Attributes:
        width: Of a line, in inches.
        pressure: How much the width varies along a line, as a standard deviation, 0 to 0.5.
        wobble: How far the hand strays from the line that is meant, in inches.
        taper: Over how many inches a line begins and ends thinly; 0 leaves it blunt.
        pool: How much wider a line is where the pen rests, at its two ends.
    """

    width: float = 0.016
    pressure: float = 0.18
    wobble: float = 0.004
    taper: float = 0.0
    pool: float = 0.25


@dataclass
class Paper:
    """A sheet that is drawn on.

    Attributes:
        size: (width, height) in inches.
        dpi: Pixels per inch of the page.
        rng: Where the hand's irregularities come from.
    """

    size: tuple[float, float]
    dpi: float
    rng: np.random.Generator
    _sheet: Grey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        width, height = self.pixels
        self._sheet = np.full((height * _FINER, width * _FINER), _PAPER, np.uint8)

    @property
    def pixels(self) -> tuple[int, int]:
        """(width, height) of the page in pixels."""
        return max(1, round(self.size[0] * self.dpi)), max(1, round(self.size[1] * self.dpi))

    def stroke(self, points: Points, nib: Nib, *, closed: bool = False) -> None:
        """Draw a line through points as a hand would; `closed` leads it back past its beginning."""
        if closed:
            points = np.concatenate([points, points[: max(2, len(points) // 30)]])
        line = even(points)
        count = len(line)
        if count < 2:
            return
        rng = self.rng
        # Two drifts: a slow one of the arm and a quick one of the fingers.
        sway = np.stack([drift(rng, count, 0.35) + 0.4 * drift(rng, count, 0.06) for _ in "xy"], 1)
        line = line + nib.wobble * sway
        width = nib.width * np.exp(nib.pressure * drift(rng, count, 0.5))
        width *= 1 + 0.05 * drift(rng, count, 0.03)
        along = np.arange(count) * STEP
        ends = np.minimum(along, along[::-1])
        if nib.taper:
            reach = min(nib.taper, along[-1] / 2)
            width *= 0.25 + 0.75 * np.sqrt(np.clip(ends / reach, 0, 1))
        if nib.pool:
            rest = rng.uniform(0, 2 * nib.pool, 2)
            for amount, far in zip(rest, (along, along[::-1]), strict=True):
                width *= 1 + amount * np.exp(-((far / (1.5 * nib.width)) ** 2))
        self._lay(line, width, _INK)

    def dot(self, point: Points, radius: float) -> None:
        """Put a dot that isn't quite round."""
        turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        uneven = radius * (1 + 0.12 * self.rng.standard_normal(16))
        uneven = gaussian_filter1d(uneven, 1.2, mode="wrap")
        self._fill(point + uneven[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1), _INK)

    def blacken(self, outline: Points) -> None:
        """Fill a shape with ink."""
        self._fill(outline, _INK)

    def clear(self, outline: Points) -> None:
        """Take a shape's ink away, as if what is drawn there next stood in front."""
        self._fill(outline, _PAPER)

    def gap(self, points: Points, width: float) -> None:
        """Take the ink away along a line, as where one thread runs over another."""
        line = even(points)
        self._lay(line, np.full(len(line), width), _PAPER)

    def page(self) -> Grey:
        """The page as a scanner sees it, (H, W): white, the ink's edges grey."""
        width, height = self.pixels
        grey = cv2.resize(self._sheet, (width, height), interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(grey, (0, 0), max(0.3, 0.0018 * self.dpi))
        # Ink lies unevenly: what is drawn is a dark grey with clouds in it.
        cells = [max(2, round(side * _GRAIN)) for side in self.size]
        coarse = self.rng.normal(0, 1, (cells[1], cells[0])).astype(np.float32)
        cloud = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        dense = np.clip(0.89 + 0.04 * cloud, 0.7, 1.0)
        inked: Grey = np.rint(255 - (255 - grey.astype(np.float32)) * dense).astype(np.uint8)
        return inked

    def _lay(self, line: Points, width: npt.NDArray[np.float64], tone: int) -> None:
        """Draw pieces of equal thickness, each as one polyline with round joints."""
        if len(line) < 2:
            return
        thick = np.maximum(1, np.rint((width[:-1] + width[1:]) / 2 * self.dpi * _FINER)).astype(int)
        where = self._fixed(line)
        starts = [0, *(np.flatnonzero(np.diff(thick)) + 1), len(thick)]
        for first, last in pairwise(starts):
            piece = where[first : last + 1]
            cv2.polylines(
                self._sheet, [piece], False, tone, int(thick[first]), cv2.LINE_8, _SHIFT
            )  # fmt: skip

    def _fill(self, outline: Points, tone: int) -> None:
        cv2.fillPoly(self._sheet, [self._fixed(outline)], tone, cv2.LINE_8, _SHIFT)

    def _fixed(self, points: Points) -> npt.NDArray[np.int32]:
        scaled = (points * self.dpi * _FINER - 0.5) * (1 << _SHIFT)
        return np.rint(np.clip(scaled, -1e8, 1e8)).astype(np.int32)


def even(points: Points, step: float = STEP) -> Points:
    """A line with points every ``step`` inches, (n, 2)."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    if len(points) < 2 or along[-1] == 0:
        return points[:1]
    at = np.linspace(0, along[-1], max(2, round(along[-1] / step) + 1))
    return np.stack([np.interp(at, along, axis) for axis in points.T], 1)


def drift(
    rng: np.random.Generator, count: int, length: float, *, step: float = STEP
) -> npt.NDArray[np.float64]:
    """Values that vary smoothly along a line, (count,), with a standard deviation of one.

    Args:
        rng: Where they come from.
        count: How many points the line has.
        length: Over how many inches they change.
        step: From point to point, in inches.
    """
    sigma = max(length / step, 0.3)
    # A few values more than fit, so that short strokes differ as much as long ones.
    extra = int(2 * sigma)
    coarse = max(1, int(sigma / 4))
    white = rng.standard_normal((count + 2 * extra) // coarse + 2)
    smooth = gaussian_filter1d(white, sigma / coarse, mode="reflect")
    smooth *= np.sqrt(2 * np.sqrt(np.pi) * sigma / coarse)
    at = (np.arange(count) + extra) / coarse
    return np.asarray(np.interp(at, np.arange(len(smooth)), smooth), np.float64)


def clouds(
    rng: np.random.Generator, size: tuple[float, float], length: float, *, cells: int
) -> npt.NDArray[np.float64]:
    """Smooth noise over a page, (rows, columns), with a standard deviation of about one.

    Args:
        rng: Where it comes from.
        size: Of the page, in inches.
        length: Over how many inches it changes.
        cells: Of the result, per inch.
    """
    few = [int(side / length) + 4 for side in size]
    coarse = rng.standard_normal((few[1], few[0]))
    width, height = (max(2, round(side * cells)) for side in size)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    scale = 1 / (length * cells)
    at = (xs * scale + 1, ys * scale + 1)
    found = cv2.remap(
        coarse.astype(np.float32), *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return (
        np.asarray(cv2.GaussianBlur(found, (0, 0), max(0.5, length * cells / 3)), np.float64) * 1.6
    )
