"""What happens when in a training, in steps: ticks, and the lines of the log between them."""

from collections.abc import Iterator
from dataclasses import dataclass

from mutoscope.train_gan.recipe import Recipe

LINES = 8  # of the log in a tick, at most


@dataclass(frozen=True)
class Course:
    """The course of a training. The first step is 0.

    ``steps`` there are in all, ``tick`` of them from one sample to the next, ``line`` of them from
    one line of the log to the next.
    """

    steps: int
    tick: int
    line: int

    @classmethod
    def of(cls, recipe: Recipe) -> "Course":
        """That of a recipe."""
        tick = max(1, round(recipe.settings.tick / recipe.settings.batch))
        return cls(recipe.steps, tick, max(1, tick // LINES))

    def ticks(self, done: int) -> Iterator[range]:
        """The steps that are left after ``done``, tick by tick."""
        while done < self.steps:
            end = self.tick_end(done)
            yield range(done, end)
            done = end

    def tick_end(self, step: int) -> int:
        """How many steps are done when the tick is over that ``step`` is in."""
        return min(self.steps, (step // self.tick + 1) * self.tick)

    def ends_line(self, done: int) -> bool:
        """Whether the log has a line after ``done`` steps."""
        return done == self.tick_end(done - 1) or done % self.tick % self.line == 0
