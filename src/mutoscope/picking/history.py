"""The history of what was picked: steps that can be taken back and made again.

All values here are frozen. Whoever keeps a history makes the next one, saves what follows from it,
and only then lets go of the old.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from mutoscope.drawings.specimens import Specimen

MOST_STEPS = 1000

Picked = tuple[Specimen, ...]
"""The specimens of one page."""

Changes = Mapping[int, Picked]
"""What some pages hold, by their numbers from 0."""


@dataclass(frozen=True)
class Step:
    """One change: what the pages that it touches held ``before``, and hold ``after``.

    ``gesture`` names what the hand did. Steps of one gesture, such as an arrow key held down, are
    taken back together; one without a name stands alone.
    """

    before: Changes
    after: Changes
    gesture: str = ""

    def then(self, later: "Step") -> "Step":
        """Both as one."""
        return Step(
            MappingProxyType({**later.before, **self.before}),
            MappingProxyType({**self.after, **later.after}),
            self.gesture,
        )


@dataclass(frozen=True)
class History:
    """What can be taken back (``past``, the last one first to go) and made again (``future``)."""

    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    def with_step(self, step: Step) -> "History":
        """This history and one step more; what had been taken back is gone for good.

        The oldest steps go when there are more than `MOST_STEPS`.
        """
        if self.past and not self.future and step.gesture and step.gesture == self.past[-1].gesture:
            return History((*self.past[:-1], self.past[-1].then(step)))
        return History((*self.past, step)[-MOST_STEPS:])

    def undone(self) -> tuple["History", Changes]:
        """The history with its last step taken back, and what its pages then hold."""
        if not self.past:
            return self, {}
        *past, step = self.past
        return replace(self, past=tuple(past), future=(step, *self.future)), step.before

    def redone(self) -> tuple["History", Changes]:
        """The history with the step that was last taken back made again, and what pages hold."""
        if not self.future:
            return self, {}
        step, *future = self.future
        return replace(self, past=(*self.past, step), future=tuple(future)), step.after
