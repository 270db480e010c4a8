"""Everything that has a value at a time of a film: what is heard, and the user's named curves."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from mutoscope.curves import TIME_NAMES
from mutoscope.schedule import Schedule

Source = Callable[[float], Mapping[str, float]]
"""What something heard is at a time in seconds of film, by name."""
_PREV = "_prev"


class Number(Protocol):
    """A number over time, out of the variables that it looks at."""

    @property
    def names(self) -> frozenset[str]:
        """Those variables."""

    def __call__(self, values: Mapping[str, float]) -> float:
        """Its value where they have these."""


class Signals:
    """The values of all names at a time of a film.

    A curve may look at those before it, also at what they were a frame ago, and these at what
    others were two frames ago: how far back each is needed is known before the first is asked for,
    and every one is computed once.

    Args:
        schedule: says which frame and step a time belongs to.
        sources: what is heard; where two give the same name, the later one's counts.
        curves: by name, in order; each looks at those before it only.
        wanted: the names of curves that are asked for, NAME or NAME_prev, all by default. What
            nobody wants is not computed: it may have no value then.
    """

    def __init__(
        self,
        schedule: Schedule,
        sources: Sequence[Source] = (),
        curves: Mapping[str, Number] | None = None,
        *,
        wanted: Collection[str] | None = None,
    ) -> None:
        self._schedule = schedule
        self._sources = sources
        self._curves = dict(curves or {})
        names = {each for name in self._curves for each in (name, f"{name}{_PREV}")}
        self._needed = self._frames_back(names if wanted is None else names & {*wanted})
        self._deepest = max((max(backs) for backs in self._needed.values()), default=0)

    def values(self, t: float) -> Mapping[str, float]:
        """Each name at ``t`` seconds, and as NAME_prev what it was a frame before.

        Raises:
            ScriptError: a curve has no value then.
        """
        at = [self._heard(t, back) for back in range(self._deepest + 1)]
        for name, backs in self._needed.items():
            for back in backs:
                at[back][name] = value = self._curves[name](at[back])
                if back:
                    at[back - 1][f"{name}{_PREV}"] = value
        return {name: value for name, value in at[0].items() if name not in TIME_NAMES}

    def _frames_back(self, wanted: Collection[str]) -> dict[str, list[int]]:
        """For each curve, in order, how many frames ago it is needed."""
        needed = {
            name: {back for back, each in enumerate((name, f"{name}{_PREV}")) if each in wanted}
            for name in self._curves
        }
        # Only those before it are looked at, so that from the last one on nothing is missed.
        for name in reversed(self._curves):
            for variable in self._curves[name].names:
                base = variable.removesuffix(_PREV)
                if variable in self._curves:
                    needed[variable] |= needed[name]
                elif base in self._curves:
                    needed[base] |= {back + 1 for back in needed[name]}
        return {name: sorted(backs) for name, backs in needed.items() if backs}

    def _heard(self, t: float, back: int) -> dict[str, float]:
        """What needs no curve, ``back`` frames before ``t``."""
        schedule = self._schedule
        rate = schedule.steps_per_frame * schedule.frames_per_second
        step = round(t * rate) + schedule.pre_animation_steps - back * schedule.steps_per_frame
        t -= back / schedule.frames_per_second
        found: dict[str, float] = {}
        for source in self._sources:
            found.update(source(t))
        frame = schedule.moment(step).frame
        return found | {"t": t, "frame": float(frame), "step": float(step)}
