"""The curves of a film over its seconds as one plot: motion, weights and bands."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from mutoscope.chart import FAINT, INK, LEGEND_ROWS, Axes, Paper, Series, Values, colour_of
from mutoscope.preview.cues import Cue
from mutoscope.settings import Settings

WIDTH = 1280
_LEFT, _LEGEND, _RIGHT = 84, 320, 24
_HEAD, _PANEL, _GAP, _FOOT = 112, 190, 78, 8  # pixels of height
_ROW = 28  # pixels of the legend for each line
_TITLE = 380  # pixels that a panel's title may take
_SHADES = ((247, 248, 250), (238, 241, 245))  # of scenes, in turn

Rows = Sequence[Mapping[str, float]]


def curves_plot(settings: Settings, cues: Sequence[Cue], moved: Sequence[float] = ()) -> Tensor:
    """All that varies over a film, (1, 3, H, W): as many panels as there are kinds of it.

    Args:
        settings: those of the film.
        cues: what each frame is told.
        moved: how far the picture really moved in each frame, in pixels, as far as that is known.
    """
    times = np.array([cue.t for cue in cues], dtype=float)
    drawn = [
        (title, series) for title, rows in panels(cues, moved) if (series := _collect(times, rows))
    ]
    heights = [_height(series) for _, series in drawn]
    height = _HEAD + sum(heights or [_PANEL]) + max(1, len(drawn)) * _GAP + _FOOT
    paper = Paper((WIDTH, height))
    paper.text(28, 20, settings.file_namespace, 22, INK)
    frames = f"{len(cues)} frames at {settings.frames_per_second:g} a second"
    paper.text(28, 50, f"{settings.animation_mode}, {frames}", 14, FAINT)
    top = _HEAD
    for (title, series), high in zip(drawn, heights, strict=True):
        _panel(paper, (top, top + high), title, series, cues)
        top += high + _GAP
    if not drawn:
        paper.text(WIDTH / 2, _HEAD + _PANEL / 2, "nothing varies", 16, FAINT, anchor="mm")
    return paper.image()


def panels(cues: Sequence[Cue], moved: Sequence[float] = ()) -> list[tuple[str, Rows]]:
    """What is drawn together: a title, and for each frame the values by their names.

    A name that is missing in a frame has no value there; ``moved`` is as in `curves_plot`.
    """
    motion = [dict(cue.motion) for cue in cues]
    measured: Rows = []
    if any(way > 0 for way in moved):
        known = [*moved, *[float("nan")] * (len(cues) - len(moved))]
        measured = [{"mean over the picture": way} for way in known]
    held: Rows = [cue.holds for cue in cues]
    if all(row == held[0] for row in held):
        held = []  # what never varies is no curve
    return [
        ("motion, per frame", motion),
        ("how far the picture moves, pixels per frame", measured),
        ("weights of the prompts", _weights(cues)),
        ("other weights", held),
        ("named curves and bands of sound", [cue.bands for cue in cues]),
    ]


def _height(series: Sequence[Series]) -> int:
    """How high a panel is, so that its legend has room."""
    return max(_PANEL, (min(len(series), LEGEND_ROWS) + 1) * _ROW)


def _weights(cues: Sequence[Cue]) -> Rows:
    """The weight of each prompt; 0 just before it comes and after it is gone."""
    rows: list[dict[str, float]] = [{} for _ in cues]
    for row, cue in zip(rows, cues, strict=True):
        for wish in cue.wishes:
            row[wish.label] = row.get(wish.label, 0.0) + wish.weight
    before = [set[str](), *(set(row) for row in rows)]
    after = [*before[2:], set[str]()]
    for row, *beside in zip(rows, before[:-1], after, strict=True):
        row.update(dict.fromkeys(set().union(*beside) - set(row), 0.0))
    return rows


def _collect(times: Values, rows: Rows) -> list[Series]:
    """A line for each name, in the order of their first appearance; gaps where it has no value."""
    names = dict.fromkeys(name for row in rows for name in row)
    nothing = float("nan")
    series = [
        Series(name, times, np.array([row.get(name, nothing) for row in rows])) for name in names
    ]
    return [one for one in series if bool(np.isfinite(one.values).any())]


def _panel(
    paper: Paper, span: tuple[int, int], title: str, series: Sequence[Series], cues: Sequence[Cue]
) -> None:
    top, bottom = span
    axes = Axes(
        series, (_LEFT, top, WIDTH - _LEGEND - _RIGHT, bottom),
        across="seconds", up=title, whole=False, linear=True,
    )  # fmt: skip
    _scenes(paper, axes, cues)
    paper.axes(axes)
    colours = [colour_of(index + 1, one.label) for index, one in enumerate(series)]
    for one, colour in zip(series, colours, strict=True):
        paper.curve(axes, one.steps, one.values, colour, 2.2)
    paper.legend(axes, series, colours, _LEGEND, last=False)


def _scenes(paper: Paper, axes: Axes, cues: Sequence[Cue]) -> None:
    """Each scene as a shade behind the curves, with its number."""
    starts = [cue for i, cue in enumerate(cues) if i == 0 or _scene(cues[i - 1]) != _scene(cue)]
    if len(starts) < 2:
        return
    ends = [*(cue.t for cue in starts[1:]), axes.x[1]]
    for index, (cue, end) in enumerate(zip(starts, ends, strict=True)):
        left, right = axes.place_x(max(cue.t, axes.x[0])), axes.place_x(end)
        paper.box((left, axes.box[1], right, axes.box[3]), _SHADES[index % 2])
        if right - left > 70 and right > _LEFT + _TITLE:
            place = right, axes.box[1] - 10
            paper.text(*place, f"scene {_scene(cue) + 1}", 13, FAINT, anchor="rs")


def _scene(cue: Cue) -> int:
    return cue.beat.moment.scene
