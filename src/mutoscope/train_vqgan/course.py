"""What happens when in a training: ticks, learning rate, when codebook and critic come in."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

TICKS = 40  # so often a training is shown and kept
RISE = 50  # steps over which the learning rate rises
LEAST_RATE = 0.02  # what is left of it at the end
VERDICT = 0.5  # how much the critic counts, times the adaptive weight


@dataclass(frozen=True)
class Course:
    """The course of a training, in steps, the first being 0.

    ``tick``: how many make a tick. ``codes``: when the codebook comes in; before, features reach
    the decoder as they are. ``critic``: when the critic comes in. ``rate``: the learning rate at
    its highest.
    """

    steps: int
    tick: int
    codes: int
    critic: int
    rate: float

    @classmethod
    def of(cls, steps: int, rate: float) -> "Course":
        """The usual one: codes after a twelfth, the critic after half."""
        return cls(
            steps=steps, tick=max(1, round(steps / TICKS)), codes=steps // 12, critic=steps // 2,
            rate=rate,
        )  # fmt: skip

    def ticks(self, done: int) -> Iterator[range]:
        """The steps that are left after ``done``, tick by tick."""
        while done < self.steps:
            end = min(self.steps, (done // self.tick + 1) * self.tick)
            yield range(done, end)
            done = end

    def whole(self, done: int) -> int:
        """How many ticks are whole after ``done`` steps; the last may be a short one."""
        return done // self.tick if done < self.steps else -(-done // self.tick)

    def rate_at(self, step: int) -> float:
        """The learning rate of ``step``: it rises at first, then falls along a cosine."""
        rise = min(1.0, (step + 1) / min(RISE, 0.1 * self.steps + 1))
        fall = LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.rate * rise * fall

    def verdict_at(self, step: int) -> float:
        """How much the critic counts in ``step``: nothing, then more and more, then its full."""
        since = step + 1 - self.critic
        return VERDICT * min(1.0, max(0.0, since / (0.05 * self.steps + 1)))
