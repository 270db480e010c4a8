"""The worst pictures of a film, each with what is wrong with it.

What counts as too much is told by the film itself: a change is an outlier where it is further from
the film's median than six times its usual spread (the median absolute deviation, scaled to that of
a normal distribution). So one cut stands out of a calm film and of a lively one, and neither is all
outliers.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mutoscope.quality.measure import Column, Measured

Kind = Literal["blank", "flash", "jump", "repeated", "flicker", "colour"]

KINDS: tuple[Kind, ...] = ("blank", "flash", "jump", "repeated", "flicker", "colour")
"""What may be wrong, the worst first."""

MOST = 10
"""How many pictures are named."""

_FAR = 6.0  # usual spreads from the median, to be an outlier
_CALM = 0.1  # of the median: a film is never so even that less than this were its spread
_LEAST = {"change": 2.0, "flicker": 1.0, "apart": 1.5}  # below, nobody would see it
_UNEXPLAINED = 0.5  # of a change, without which it is a motion and no jump
_RETURNED = 0.5  # of a change, within which the picture after next is the same again
_STILL = 0.02  # per cent: no pixel in some thousands has changed by a level
_STALLED = 0.05  # of the film's usual change


@dataclass(frozen=True)
class Fault:
    """Something wrong with a picture, or with several in a row.

    Attributes:
        place: Of the (first) picture in the film, from 0.
        length: How many pictures in a row.
        kind: One of `KINDS`.
        what: The kind in words.
        value: How much: in per cent for changes and flicker, in hundredths of OKLab for colour.
        usual: What it is in this film else, its median; None where there is no such thing.
    """

    place: int
    length: int
    kind: Kind
    what: str
    value: float
    usual: float | None


def faults(film: Measured, *, scenes: Collection[int] = ()) -> list[Fault]:
    """Everything that is wrong with single pictures, the worst first.

    Args:
        film: What was measured.
        scenes: The places at which scenes begin, where a jump is no surprise and is said so.
    """
    blank = [sight.blank for sight in film.sights]
    change, flicker = film.column("change"), film.column("flicker")
    # A blank picture and one that repeats say nothing about what is usual.
    odd = np.array([bool(word) for word in blank])
    usable = np.isfinite(change) & ~_with_next(odd, round_about=film.loops)
    still = _still(change, usable)
    usable &= ~still
    big, strong = _Bound(change, usable, "change"), _Bound(flicker, usable, "flicker")
    flashes = _flashes(film, big)
    spoilt = _with_next(odd | flashes, round_about=film.loops)
    unmoved = flicker > _UNEXPLAINED * change
    jumps = big.over & unmoved & ~spoilt
    flickers = strong.over & ~jumps & ~spoilt
    shades = _shades(film)
    tinted = _Bound(shades, usable, "apart")
    tints = tinted.over & unmoved & ~jumps & ~flickers & ~spoilt
    found = [
        *_runs(odd, "blank", lambda k: (blank[k], 100.0, None)),
        *_runs(flashes, "flash", lambda k: ("flash", float(change[k]), big.usual)),
        *_runs(still, "repeated", lambda k: ("repeated", float(change[k]), big.usual)),
    ]
    for where, kind, values, bound in (
        (jumps, "jump", change, big),
        (flickers, "flicker", flicker, strong),
        (tints, "colour", shades, tinted),
    ):
        for k in np.flatnonzero(where):
            what = _JUMPS[kind] + (", where a scene begins" if k in scenes and k else "")
            found.append(Fault(int(k), 1, kind, what, float(values[k]), bound.usual))  # type: ignore[arg-type]
    return sorted(found, key=lambda f: (KINDS.index(f.kind), -f.length, -f.value, f.place))


_JUMPS = {"jump": "jump", "flicker": "flicker", "colour": "change of colour"}


class _Bound:
    """Which of a film's ``values`` are far above its usual ones, and what is usual."""

    def __init__(self, values: Column, usable: npt.NDArray[np.bool_], name: str) -> None:
        taken = values[usable & np.isfinite(values)]
        self.usual = float(np.median(taken)) if len(taken) else 0.0
        spread = 1.4826 * float(np.median(np.abs(taken - self.usual))) if len(taken) else 0.0
        limit = self.usual + _FAR * max(spread, _CALM * self.usual)
        self.over = np.nan_to_num(values) > max(limit, _LEAST[name])


def _still(change: Column, usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which pictures are those before them once more, or as good as that."""
    moving = change[usable & (np.nan_to_num(change) > _STILL)]
    usual = float(np.median(moving)) if len(moving) else 0.0
    still: npt.NDArray[np.bool_] = usable & (change <= max(_STILL, _STALLED * usual))
    return still


def _flashes(film: Measured, big: _Bound) -> npt.NDArray[np.bool_]:
    """Which pictures differ from both neighbours, while these are alike."""
    change, back = film.column("change"), film.column("back")
    flash = np.zeros(len(film), bool)
    for k in range(1, len(film) - 1):
        there_and_back = big.over[k] and big.over[k + 1]
        flash[k] = there_and_back and back[k + 1] < _RETURNED * min(change[k], change[k + 1])
        # The picture after a flash is like the one before it, and no flash itself.
        flash[k] = flash[k] and not flash[k - 1] and not film.sights[k].blank
        flash[k] = flash[k] and not (film.sights[k - 1].blank or film.sights[k + 1].blank)
    return flash


def _shades(film: Measured) -> Column:
    """How far each picture's mean colour is from that of the one before, hundredths of OKLab."""
    before = film.sights[-1:] + film.sights[:-1]
    shades = [sight.apart(other) for sight, other in zip(film.sights, before, strict=True)]
    return np.where(np.isfinite(film.column("change")), np.array(shades), np.nan)


def _with_next(where: npt.NDArray[np.bool_], *, round_about: bool) -> npt.NDArray[np.bool_]:
    """The pictures and those after them, whose change is that of the one before."""
    after = np.roll(where, 1)
    after[0] &= round_about
    both: npt.NDArray[np.bool_] = where | after
    return both


def _runs(
    where: npt.NDArray[np.bool_],
    kind: Kind,
    told: Callable[[int], tuple[str, float, float | None]],
) -> list[Fault]:
    """One fault for each run of pictures in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], where.astype(int), [0]))))
    found = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        what, value, usual = told(int(start))
        found.append(Fault(int(start), int(stop - start), kind, what, value, usual))
    return found
