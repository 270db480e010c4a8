"""A film's report as a picture: panels above one another on the film's timeline."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from mutoscope.chart import halved, letters, ticks
from mutoscope.images import shortened
from mutoscope.quality.faults import Fault
from mutoscope.quality.measure import Column
from mutoscope.quality.report import Quality
from mutoscope.quality.sight import srgb
from mutoscope.quality.wishes import agreement

WIDTH = 1200
_HIGH = 170  # of a panel
_LEFT, _RIGHT, _TOP, _GAP, _BOTTOM = 64, 300, 124, 58, 52
_STRIP = 18
_TWICE = 2  # drawn at twice the size, so that lines come out smooth
_ROWS = 7  # of a legend

_Colour = tuple[int, int, int]
_INK, _FAINT, _GRID = (38, 42, 48), (110, 116, 124), (228, 230, 233)
_WRONG, _BAND, _SCENE = (200, 30, 40), (252, 226, 226), (150, 156, 164)
# Okabe and Ito's, which are told apart with any kind of sight.
_COLOURS: tuple[_Colour, ...] = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A curve over the film's places, (n,), NaN where there is none; ``note`` stands behind it."""

    label: str
    values: Column
    colour: _Colour
    note: str = ""
    thickness: float = 2.0


@dataclass(frozen=True)
class Panel:
    """Curves that share an axis, which holds at least the values from ``low`` to ``high``."""

    title: str
    lines: Sequence[Line]
    low: float = 0.0
    high: float = 0.0


def plot(quality: Quality) -> Tensor:
    """The report as a picture, (1, 3, H, 1200)."""
    panels = list(_panels(quality))
    height = _TOP + len(panels) * (_HIGH + _GAP) - _GAP + _BOTTOM
    sheet = _Sheet(quality, height)
    sheet.head()
    for index, panel in enumerate(panels):
        sheet.panel(panel, _TOP + index * (_HIGH + _GAP), last=index == len(panels) - 1)
    sheet.marks(_TOP - 6)
    return sheet.image()


def _panels(quality: Quality) -> Iterator[Panel]:
    film = quality.film
    change, flicker = film.column("change"), film.column("flicker")
    yield Panel(
        "from frame to frame, per cent of the way from black to white",
        [
            Line("change", change, _SCENE, _typical(change, " %"), 1.4),
            Line("flicker: what did not move", flicker, _COLOURS[0], _typical(flicker, " %")),
        ],
        high=2.0,
    )
    shown = ("lightness", "contrast", "colourfulness")
    colours = zip(shown, (_INK, _COLOURS[1], _COLOURS[2]), strict=True)
    shares = {name: film.column(name) for name in ("black", "white")}
    yield Panel(
        "colour, as multiples of the first second's; share of black and white",
        [
            *(
                Line(name, (ratio := quality.ratio(name)), colour, f"{quality.last(ratio):.2f}")
                for name, colour in colours
            ),
            *(
                Line(name, share, colour, f"{100 * quality.last(share):.1f} %")
                for (name, share), colour in zip(shares.items(), _COLOURS[3:], strict=False)
            ),
        ],
        high=1.2,
    )  # fmt: skip
    if quality.wishes:
        starred = any(not wish.whole for wish in quality.wishes)
        note = "; * only part of the picture: compare it with itself" if starred else ""
        yield Panel(
            f"agreement with the prompts, at most 1{note}",
            list(_prompts(quality)),
            low=math.inf,
            high=-math.inf,
        )


def _prompts(quality: Quality) -> Iterator[Line]:
    for index, wish in enumerate(quality.wishes):
        values = np.full(len(quality.film), np.nan)
        values[list(wish.places)] = [agreement(distance) for distance in wish.distances]
        star, away = "" if wish.whole else " *", " (away)" if wish.away else ""
        note = f"{agreement(wish.begin):.2f} to {agreement(wish.end):.2f}"
        label = f"{wish.scene}: {wish.label}{away}{star}"
        yield Line(label, values, _COLOURS[index % len(_COLOURS)], note)


def _typical(values: Column, unit: str) -> str:
    finite = values[np.isfinite(values)]
    return f"{np.median(finite):.1f}{unit}" if len(finite) else ""


class _Sheet:
    """A white sheet with the film's time from left to right, in pixels of the final size."""

    def __init__(self, quality: Quality, height: int) -> None:
        self.quality = quality
        self.height = height
        self.count = len(quality.film)
        size = (WIDTH * _TWICE, height * _TWICE)
        self._picture = Image.new("RGB", size, "white")
        self._draw = ImageDraw.Draw(self._picture)

    def image(self) -> Tensor:
        return halved(self._picture)

    # ── what stands on it ──

    def head(self) -> None:
        """The film's name, what was found, and its mean colours."""
        quality = self.quality
        self.text(28, 14, quality.name, 20, _INK)
        findings = quality.findings()
        told = f"{len(findings)} to look at: {'; '.join(findings)}" if findings else "nothing amiss"
        self.text(28, 42, told, 13, _WRONG if findings else _FAINT)
        lab = np.stack([quality.film.column(name) for name in ("lightness", "red", "yellow")], -1)
        for place, colour in enumerate(np.round(255 * srgb(lab)).astype(int)):
            left, right = self.x(place - 0.5), self.x(place + 0.5)
            low = self.height - 4
            self.box(left, low - _STRIP, right, low, tuple(int(part) for part in colour))

    def panel(self, panel: Panel, top: float, *, last: bool) -> None:
        """One panel, its scale, scenes, curves and legend."""
        bottom = top + _HIGH
        for fault in self.quality.worst:
            left, right = self.x(fault.place - 0.5), self.x(fault.place + fault.length - 0.5)
            self.box(left, top, max(right, left + 2), bottom, _BAND)
        low, high = _range(panel)
        for value in ticks(low, high, count=4):
            y = bottom - (value - low) / (high - low) * _HIGH
            self.line([(_LEFT, y), (WIDTH - _RIGHT, y)], _GRID, 1)
            self.text(_LEFT - 8, y, f"{value:g}" if abs(value) > 1e-9 else "0", 12, _FAINT, "rm")
        # Above the first panel the worst frames are marked.
        self.text(_LEFT, top - (36 if top == _TOP else 9), panel.title, 13, _FAINT, "ls")
        for scene, place in self.quality.scenes.items():
            self._scene(scene, place, top, bottom)
        for line in panel.lines:
            self._curve(line, lambda value: bottom - (value - low) / (high - low) * _HIGH)
        self.line([(_LEFT, bottom), (WIDTH - _RIGHT, bottom)], _FAINT, 1)
        self._legend(panel.lines, top)
        self._axis(bottom, named=last)

    def marks(self, y: float) -> None:
        """A wedge above each of the worst frames, with its number where there is room."""
        taken = -math.inf
        for fault in sorted(self.quality.worst, key=lambda fault: fault.place):
            x = self.x(fault.place + (fault.length - 1) / 2)
            wedge = [(x - 5, y - 8), (x + 5, y - 8), (x, y + 2)]
            scaled = [(a * _TWICE, b * _TWICE) for a, b in wedge]
            self._draw.polygon(scaled, fill=_WRONG)
            text = f"{self._number(fault)} {fault.kind}"
            width = 7 * len(text)
            if x - width / 2 > taken:
                self.text(x, y - 11, text, 11, _WRONG, "ms")
                taken = x + width / 2

    def _number(self, fault: Fault) -> str:
        numbers = self.quality.film.numbers
        first, last = numbers[fault.place], numbers[fault.place + fault.length - 1]
        return f"{first}" if fault.length == 1 else f"{first}–{last}"

    def _scene(self, scene: int, place: int, top: float, bottom: float) -> None:
        if len(self.quality.scenes) < 2:
            return
        x = self.x(place - 0.5)
        if place:
            y = top
            while y < bottom:
                self.line([(x, y), (x, min(y + 5, bottom))], _SCENE, 1)
                y += 10
        self.text(x + 4, top + 2, f"scene {scene + 1}", 11, _FAINT)

    def _axis(self, bottom: float, *, named: bool) -> None:
        rate = self.quality.film.rate
        end = (self.count - 1) / rate if rate else float(self.count)
        for value in ticks(0.0 if rate else 1.0, max(end, 1e-9), count=9):
            place = value * rate if rate else value - 1
            if not rate and value != round(value):
                continue
            self.line([(self.x(place), bottom), (self.x(place), bottom + 4)], _FAINT, 1)
            self.text(self.x(place), bottom + 7, f"{value:g}", 12, _FAINT, "ma")
        if named:
            unit = "seconds" if rate else "frame"
            self.text(WIDTH - _RIGHT + 10, bottom + 7, unit, 12, _FAINT)
            self.text(WIDTH - _RIGHT + 10, self.height - 4 - _STRIP, "mean colour", 12, _FAINT)

    def _curve(self, line: Line, place_y: Callable[[float], float]) -> None:
        finite = np.concatenate(([False], np.isfinite(line.values), [False])).astype(int)
        edges = np.flatnonzero(np.diff(finite))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            points = [(self.x(k), place_y(float(line.values[k]))) for k in range(start, stop)]
            if len(points) == 1:
                (x, y), half = points[0], max(2.0, (self.x(1) - self.x(0)) / 2)
                points = [(x - half, y), (x + half, y)]
            self.line(points, line.colour, line.thickness)

    def _legend(self, lines: Sequence[Line], top: float) -> None:
        left, right, y = WIDTH - _RIGHT + 14, WIDTH - 16, top + 2
        more = max(0, len(lines) - _ROWS)
        for line in lines[: _ROWS - 1 if more else _ROWS]:
            self.line([(left, y + 8), (left + 16, y + 8)], line.colour, 4)
            room = 7.6 * len(line.note) + 10
            self.text(left + 24, y, line.label, 13, _INK, width=right - left - 24 - room)
            self.text(right, y, line.note, 13, _INK, "ra")
            y += 24
        if more:
            self.text(left + 24, y, f"and {more + 1} more", 13, _FAINT)

    # ── how it is drawn ──

    def x(self, place: float) -> float:
        """Where a place of the film lies; half places are the borders between pictures."""
        return _LEFT + (place + 0.5) / self.count * (WIDTH - _RIGHT - _LEFT)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        points: float,
        colour: _Colour,
        anchor: str = "la",
        *,
        width: float = WIDTH - 56,
    ) -> None:
        font = letters(points * _TWICE)
        text = shortened(text, font, width * _TWICE)
        self._draw.text((x * _TWICE, y * _TWICE), text, fill=colour, font=font, anchor=anchor)

    def line(self, points: Sequence[tuple[float, float]], colour: _Colour, thick: float) -> None:
        scaled = [(x * _TWICE, y * _TWICE) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(thick * _TWICE), joint="curve")

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: tuple[int, ...]
    ) -> None:
        corners = [(left * _TWICE, top * _TWICE), (right * _TWICE, bottom * _TWICE)]
        self._draw.rectangle(corners, fill=colour)


def _range(panel: Panel) -> tuple[float, float]:
    """From where to where a panel's axis goes."""
    finite = np.concatenate([line.values[np.isfinite(line.values)] for line in panel.lines])
    low = min(panel.low, float(finite.min()) if len(finite) else math.inf)
    high = max(panel.high, float(finite.max()) if len(finite) else -math.inf)
    if not math.isfinite(low + high) or high - low < 1e-6:
        middle = low if math.isfinite(low) else 0.0
        return middle - 0.1, middle + 0.1
    # Above, there must be room for the names of the scenes.
    span = high - low
    return (low if low == panel.low else low - 0.06 * span), high + 0.14 * span
