"""The curves of a film as numbers that a page can plot: those that its render is told.

Each is asked of the very cues that `mutoscope preview` shows. A long film is told by every so many
frames; the lowest and highest of those between are kept, so that a beat of a drum stays a beat.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mutoscope.chart import colour_of
from mutoscope.preview.cues import Cue
from mutoscope.preview.overlay import lightened
from mutoscope.preview.plot import panels
from mutoscope.settings import Settings

FORMAT = 1
MOST_PLACES = 1500  # frames that are told, and seen
MOST_SERIES = 40  # in one panel
_DIGITS = 6  # of a number, more than a screen can show
_SHOWN = 200  # characters of a scene or name

Number = float | None


@dataclass(frozen=True)
class Series:
    """One curve: a value for each frame that is told, None where it has none.

    ``low`` and ``high``: the least and greatest from there until before the next frame that is
    told; both empty where every frame is. ``colour``: ``#rrggbb``.
    """

    name: str
    colour: str
    values: tuple[Number, ...]
    low: tuple[Number, ...] = ()
    high: tuple[Number, ...] = ()


@dataclass(frozen=True)
class Panel:
    """Curves that are drawn together; ``left_out`` more of them are not."""

    title: str
    series: tuple[Series, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Mark:
    """Where a scene begins: its number from 1, its first frame and second, and what it says."""

    number: int
    frame: int
    t: float
    text: str


@dataclass(frozen=True)
class Figure:
    """All that is plotted of a film.

    ``count`` frames, ``rate`` a second, of which each ``every``-th is told, beginning with the
    first; ``times``: the seconds of those.
    """

    name: str
    mode: str
    rate: float
    count: int
    every: int
    times: tuple[float, ...]
    scenes: tuple[Mark, ...]
    panels: tuple[Panel, ...]

    def values(self) -> dict[str, Any]:
        """The figure as values for JSON."""
        return {"format": FORMAT, **asdict(self)}


def every_of(count: int) -> int:
    """Each which frame of a film of ``count`` is told and seen."""
    return max(1, -(-count // MOST_PLACES))


def figure_of(settings: Settings, cues: Sequence[Cue], moved: Sequence[float] = ()) -> Figure:
    """The figure of a film.

    Args:
        settings: those of the film.
        cues: what each frame is told.
        moved: how far the picture really moved in each frame, in pixels, as far as that is known.
    """
    every = every_of(len(cues))
    wishes = dict.fromkeys(wish.label for cue in cues for wish in cue.wishes)
    drawn = []
    for title, rows in panels(cues, moved):
        named = dict.fromkeys(name for row in rows for name in row)
        # Prompts have the order, and so the colours, that they have on the preview's frames.
        order = [
            *(name for name in wishes if name in named),
            *(n for n in named if n not in wishes),
        ]
        series = [
            one for i, name in enumerate(order[:MOST_SERIES])
            if (one := _series(name, i, [row.get(name) for row in rows], every)) is not None
        ]  # fmt: skip
        if series:
            drawn.append(Panel(title, tuple(series), max(0, len(order) - MOST_SERIES)))
    return Figure(
        name=settings.file_namespace,
        mode=settings.animation_mode,
        rate=settings.frames_per_second,
        count=len(cues),
        every=every,
        times=tuple(round(cue.t, 4) + 0.0 for cue in cues[::every]),
        scenes=tuple(_marks(settings, cues)),
        panels=tuple(drawn),
    )


def _series(name: str, index: int, values: Sequence[Number], every: int) -> Series | None:
    """A curve, or None where it has no value at all."""
    numbers = [rounded(value) for value in values]
    if all(value is None for value in numbers):
        return None
    red, green, blue = lightened(colour_of(index + 1, name))
    colour = f"#{red:02x}{green:02x}{blue:02x}"
    told = tuple(numbers[::every])
    if every == 1:
        return Series(name[:_SHOWN], colour, told)
    parts = [numbers[i : i + every] for i in range(0, len(numbers), every)]
    low = tuple(min(_there(part), default=None) for part in parts)
    high = tuple(max(_there(part), default=None) for part in parts)
    return Series(name[:_SHOWN], colour, told, low, high)


def _there(values: Iterable[Number]) -> list[float]:
    return [value for value in values if value is not None]


def rounded(value: Number) -> Number:
    """A value as it is told; None where there is none that can be drawn."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}") + 0.0


def _marks(settings: Settings, cues: Sequence[Cue]) -> list[Mark]:
    """Where each scene begins."""
    scenes = settings.script.scenes
    marks: list[Mark] = []
    before: int | None = None
    for place, cue in enumerate(cues):
        scene = cue.beat.moment.scene
        if scene != before:
            text = scenes[scene].source.strip() if scenes else ""
            marks.append(Mark(scene + 1, place, round(cue.t, 4) + 0.0, text[:_SHOWN]))
        before = scene
    return marks


def told(figure: Mapping[str, Any]) -> str:
    """A figure in one line of words."""
    seconds = figure["count"] / figure["rate"]
    return f"{figure['count']} frames, {seconds:.1f} s at {figure['rate']:g} a second"
