"""Curves as a picture, drawn with Pillow alone: the losses of a run, and what others draw so."""

import colorsys
import functools
import itertools
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mutoscope.images import shortened

SIZE = (1200, 700)
TOTAL = "total"

_NOT_TERMS = ("step", "frame", "t", "scene")
_OVERSAMPLE = 2  # drawn at twice the size, so that lines come out smooth
_WINDOW, _ORDER = 17, 2  # of the Savitzky–Golay filter, as users of PyTTI know its plots
LEGEND_ROWS = 18
INK, FAINT, _GRID = (38, 42, 48), (110, 116, 124), (228, 230, 233)
# Okabe and Ito's colours, which are told apart with any kind of sight; yellow is too pale here.
_COLOURS = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0),
)  # fmt: skip

MAX_LOG = 256 * 2**20
"""Bytes of a log that are read: a million steps and more."""

Values = npt.NDArray[np.float64]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Series:
    """One term over the steps; where it has no finite value the line is broken."""

    label: str
    steps: Values  # (n,)
    values: Values  # (n,), NaN where there is none


def read_records(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a ``log.jsonl``; torn or foreign ones are passed over. No file is no lines.

    Of more than `MAX_LOG` the last are read.
    """
    records: list[dict[str, Any]] = []
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_LOG))
            lines = file.read(MAX_LOG).splitlines()
    except FileNotFoundError:
        return records
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def losses_chart(
    records: Sequence[Mapping[str, Any]], *, title: str = "", size: tuple[int, int] = SIZE
) -> Tensor:
    """Every term and the total over the steps, (1, 3, H, W).

    Each is drawn faintly as it is and strongly as smoothed by a Savitzky–Golay filter (window 17,
    order 2), with its last value in the legend.

    Args:
        records: Lines of the log: ``step``, the terms by label, ``total``.
        title: What stands above.
        size: (width, height) of the picture.
    """
    series = collect(records)
    sheet = Paper(size)
    sheet.text(28, 22, title or "losses", 20, INK)
    drawn = [one for one in series if bool(np.isfinite(one.values).any())]
    if not drawn:
        sheet.text(size[0] / 2, size[1] / 2, "no losses were logged", 16, FAINT, anchor="mm")
        return sheet.image()
    width = 300 if size[0] >= 800 else 180
    frame = Axes(drawn, (76, 84, size[0] - width - 24, size[1] - 58))
    sheet.axes(frame)
    colours = [colour_of(index, one.label) for index, one in enumerate(drawn)]
    # Many lines would bury the strong ones under the faint ones, and so these come first.
    for one, colour in zip(drawn, colours, strict=True):
        sheet.curve(frame, one.steps, one.values, _pale(colour), 1.0)
    for one, colour in zip(drawn, colours, strict=True):
        thick = 2.6 if one.label == TOTAL else 2.0
        sheet.curve(frame, one.steps, smooth(one.values), colour, thick)
    sheet.legend(frame, drawn, colours, width)
    return sheet.image()


def collect(records: Sequence[Mapping[str, Any]]) -> list[Series]:
    """The terms in the records, in the order of their first appearance, the total first."""
    labels: dict[str, None] = {}
    for record in records:
        labels |= {label: None for label in record if label not in _NOT_TERMS}
    steps = np.array(
        [_number(record.get("step", index)) for index, record in enumerate(records)], dtype=float
    )
    good = np.isfinite(steps)
    ordered = sorted(labels, key=lambda label: label != TOTAL)
    return [
        Series(
            label,
            steps[good],
            np.array([_number(record.get(label)) for record in records], dtype=float)[good],
        )
        for label in ordered
    ]


def smooth(values: Values) -> Values:
    """A curve after Savitzky and Golay (Anal. Chem. 36, 1964), piece by piece between gaps.

    Pieces shorter than the window use the longest odd one that fits, and the shortest none.
    """
    result = values.copy()
    for start, stop in _pieces(values):
        window = min(_WINDOW, stop - start - (stop - start + 1) % 2)
        if window > _ORDER:
            result[start:stop] = _fitted(values[start:stop], window)
    return result


def _fitted(values: Values, window: int) -> Values:
    """Each value on the parabola that fits ``window`` values around it best, at the ends beside it.

    SciPy has it too, but to import that takes a second of every run.
    """
    half = window // 2
    powers = np.vander(np.arange(-half, half + 1.0), _ORDER + 1, increasing=True)
    onto = powers @ np.linalg.pinv(powers)  # values of a window to those of its parabola
    middle = np.correlate(values, onto[half], "valid")
    before, after = onto[:half] @ values[:window], onto[half + 1 :] @ values[-window:]
    return np.concatenate([before, middle, after])


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) between `low` and `high`, about `count`."""
    span = high - low
    if not span > 0:
        return [low]
    rough = span / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next((m for m in (1, 2, 5) if m * power >= rough * (1 - 1e-9)), 10)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _pieces(values: Values) -> list[tuple[int, int]]:
    """The runs of finite values, as (start, stop)."""
    finite = np.concatenate(([False], np.isfinite(values), [False])).astype(int)
    edges = np.flatnonzero(np.diff(finite))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    # Far beyond these no axis can be drawn, and nothing is learnt from it.
    return float(value) if abs(value) < 1e30 else math.nan


def colour_of(index: int, label: str) -> Colour:
    """Dark ink for the total, then the fixed colours, then ever new hues."""
    if label == TOTAL:
        return INK
    if index <= len(_COLOURS):
        return _COLOURS[(index - 1) % len(_COLOURS)]
    hue = index * 0.381966 % 1  # the golden angle
    red, green, blue = colorsys.hls_to_rgb(hue, 0.42, 0.6)
    return round(red * 255), round(green * 255), round(blue * 255)


def _pale(colour: Colour) -> Colour:
    red, green, blue = (round(255 - (255 - part) * 0.28) for part in colour)
    return red, green, blue


_DECADES = 4.5  # how far down a logarithmic scale goes from its top


class Axes:
    """The box in which the curves are drawn, and the numbers along its sides.

    Upward the scale is linear, or logarithmic where all is positive and some terms are more than
    a hundred times as large as others, which would lie flat on the ground.

    Args:
        series: What is drawn; one at least has a finite value.
        box: Left, top, right and bottom, in pixels.
        across: What the numbers below count.
        up: What those on the left do.
        whole: Whether there is nothing between the whole numbers below.
        linear: Whether the scale upward is never logarithmic.
    """

    def __init__(
        self,
        series: Sequence[Series],
        box: tuple[float, float, float, float],
        *,
        across: str = "step",
        up: str = "loss",
        whole: bool = True,
        linear: bool = False,
    ) -> None:
        self.across, self.up, self.whole = across, up, whole
        self.box = box
        finite = [one.values[np.isfinite(one.values)] for one in series]
        low, high = (float(edge(np.concatenate(finite))) for edge in (np.min, np.max))
        middles = [float(np.median(values)) for values in finite]
        self.log = not linear and low > 0 and max(middles) > 100 * min(middles)
        if self.log:
            # What is smaller still is as good as nothing, and must not flatten the rest.
            high = math.log10(high)
            low = max(math.log10(low), high - _DECADES)
        steps = series[0].steps
        self.x = self._range(float(steps.min()), float(steps.max()), 0.0)
        self.y = self._range(low, high, 0.05)

    def levels(self) -> list[tuple[float, str]]:
        """The values at which a line is drawn across, with their numbers as text."""
        if self.log:
            powers = range(math.ceil(self.y[0]), math.floor(self.y[1]) + 1)
            return [(10.0**power, f"{10.0**power:g}") for power in powers]
        height = self.box[3] - self.box[1]
        values = ticks(*self.y, count=max(2, min(8, round(height / 40))))
        digits = _digits(values)
        return [(v, f"{v:.3g}" if digits is None else f"{v:.{digits}f}") for v in values]

    @staticmethod
    def _range(low: float, high: float, margin: float) -> tuple[float, float]:
        if high - low <= 1e-9 * max(abs(low), abs(high)):
            half = abs(low) * 0.1 or 0.5
            return low - half, high + half
        return low - margin * (high - low), high + margin * (high - low)

    def place_x(self, value: float) -> float:
        """Where a number below stands, in pixels."""
        left, _, right, _ = self.box
        return left + (value - self.x[0]) / (self.x[1] - self.x[0]) * (right - left)

    def place_y(self, value: float) -> float:
        """Where a value stands, in pixels."""
        _, top, _, bottom = self.box
        if self.log:
            # Smoothing may undershoot what it smooths.
            value = max(math.log10(value), self.y[0]) if value > 0 else self.y[0]
        return bottom - (value - self.y[0]) / (self.y[1] - self.y[0]) * (bottom - top)


@functools.lru_cache(64)
def letters(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's font, so many pixels high: to open it takes longer than to write a line with it."""
    return ImageFont.load_default(size=size)


def halved(picture: Image.Image) -> Tensor:
    """A picture drawn at twice its size, (1, 3, H, W).

    It lies in memory as pictures in files do, so that to write it no value has to be moved.
    """
    pixels = np.asarray(picture.reduce(_OVERSAMPLE))
    return torch.from_numpy(np.divide(pixels, 255, dtype=np.float32)).permute(2, 0, 1)[None]


class Paper:
    """A white sheet to draw on, in pixels of the final size."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._picture = Image.new("RGB", (size[0] * _OVERSAMPLE, size[1] * _OVERSAMPLE), "white")
        self._draw = ImageDraw.Draw(self._picture)

    def image(self) -> Tensor:
        """The sheet in its final size, (1, 3, H, W)."""
        return halved(self._picture)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        points: float,
        colour: Colour,
        *,
        anchor: str = "la",
        width: float | None = None,
    ) -> None:
        """Write one line, cut to ``width`` pixels; ``anchor`` is one of Pillow's."""
        font = letters(points * _OVERSAMPLE)
        limit = (self._size[0] - 56 if width is None else width) * _OVERSAMPLE
        place = (x * _OVERSAMPLE, y * _OVERSAMPLE)
        self._draw.text(place, shortened(text, font, limit), fill=colour, font=font, anchor=anchor)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, thickness: float) -> None:
        """Draw from point to point."""
        scaled = [(x * _OVERSAMPLE, y * _OVERSAMPLE) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(thickness * _OVERSAMPLE), joint="curve")

    def box(self, corners: tuple[float, float, float, float], colour: Colour) -> None:
        """Fill a box: left, top, right and bottom."""
        left, top, right, bottom = (round(side * _OVERSAMPLE) for side in corners)
        self._draw.rectangle((left, top, right - 1, bottom - 1), fill=colour)

    def axes(self, frame: Axes) -> None:
        """Grid, numbers along the sides and what they count."""
        left, top, right, bottom = frame.box
        for value, number in frame.levels():
            y = frame.place_y(value)
            self.line([(left, y), (right, y)], _GRID, 1)
            self.text(left - 10, y, number, 13, FAINT, anchor="rm")
        for value in ticks(*frame.x, count=8):
            if frame.whole and value != round(value):
                continue  # there is no half step
            x = frame.place_x(value)
            self.line([(x, bottom), (x, bottom + 5)], FAINT, 1)
            number = f"{value:.0f}" if frame.whole else f"{value:.6g}"
            self.text(x, bottom + 10, number, 13, FAINT, anchor="ma")
        self.line([(left, bottom), (right, bottom)], FAINT, 1)
        self.text((left + right) / 2, bottom + 32, frame.across, 13, FAINT, anchor="ma")
        scale = f"{frame.up}, on a logarithmic scale" if frame.log else frame.up
        self.text(left, top - 10, scale, 13, FAINT, anchor="ls")

    def curve(
        self, frame: Axes, steps: Values, values: Values, colour: Colour, thickness: float
    ) -> None:
        """Draw a curve, broken where it has no value."""
        for start, stop in _pieces(values):
            points = [
                (frame.place_x(float(step)), frame.place_y(float(value)))
                for step, value in zip(steps[start:stop], values[start:stop], strict=True)
            ]
            if len(points) == 1:
                x, y = points[0]
                points = [(x - 3, y), (x + 3, y)]
            self.line(points, colour, thickness)

    def legend(
        self,
        frame: Axes,
        series: Sequence[Series],
        colours: Sequence[Colour],
        width: int,
        *,
        last: bool = True,
    ) -> None:
        """Each term's colour, label and ``last`` value, right of the curves, as many as fit."""
        left = frame.box[2] + 24
        right = left + width - 24
        y = frame.box[1] + 4
        rows = max(1, min(LEGEND_ROWS, int((frame.box[3] - y) / 28)))
        for one, colour in list(zip(series, colours, strict=True))[:rows]:
            self.line([(left, y + 8), (left + 18, y + 8)], colour, 4)
            room = right - left - 28 - (70 if last else 0)
            self.text(left + 28, y, one.label, 14, INK, width=room)
            if last:
                value = one.values[np.isfinite(one.values)][-1]
                self.text(right, y, f"{value:.4g}", 14, INK, anchor="ra")
            y += 28
        if len(series) > rows:
            self.text(left + 28, y, f"and {len(series) - rows} more", 14, FAINT)


def _digits(levels: Sequence[float]) -> int | None:
    """How many decimals tell the levels apart; ``None`` where only powers of ten would."""
    step = min((abs(b - a) for a, b in itertools.pairwise(levels)), default=1.0)
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    return digits if digits <= 5 and max(map(abs, levels), default=0) < 1e6 else None
