"""What happens at which step: scenes, moves of the camera, saved files.

Steps are counted from 0 over the whole run. Between two steps there may be a *move* (the picture
goes where the camera has gone) and a *save* (a numbered file is written); a save at a moment comes
before the move at that moment. The stretch of steps between two such moments is a `Shot`.

- In a still, file ``n`` holds exactly ``n · save_every`` steps.
- In a film, file 1 holds ``pre_animation_steps`` (``steps_per_frame`` if those are 0) and each file
  after it ``save_every`` more. The first move follows file 1: nothing is moved before it is drawn.
- The last step is always saved, in a file of its own if it falls between two.

This mends what PyTTI did: it saved one step too early, and never the last one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

Signals = Callable[[float], Mapping[str, float]]


@dataclass(frozen=True)
class Moment:
    """A step's place in time.

    ``t`` is in seconds of film and negative before the animation starts; ``frame`` counts the
    moves so far, also in a still, where mask videos and keyframes go by it. ``signals`` are what
    named curves, such as bands of sound, are at this moment.
    """

    step: int
    scene: int
    scene_step: int
    frame: int
    t: float
    signals: Mapping[str, float] = field(default_factory=dict, compare=False)

    @cached_property
    def values(self) -> Mapping[str, float]:
        """The variables that expressions may use at this moment."""
        time = {"t": self.t, "frame": float(self.frame), "step": float(self.step)}
        return {**self.signals, **time}


@dataclass(frozen=True)
class Shot:
    """A stretch of steps between two moments at which something happens.

    ``moves``: the picture is moved before the first step. ``saves``: the number of the file that
    holds the last step, or None where the shot ends only to be looked at. ``stage``: which of the
    sizes it is painted in; ``grows``: that size begins here.
    """

    steps: range
    scene: int
    moves: bool
    saves: int | None
    moment: Moment
    stage: int = 0
    grows: bool = False


@dataclass(frozen=True)
class Schedule:
    """The whole run as a plan of steps; see the module's rules.

    ``scenes``, ``steps_per_scene`` and ``steps_per_frame`` are at least 1. ``save_every`` 0 saves
    the last step only; ``display_every`` 0 never ends a shot just to be looked at. ``stages``: in
    how many sizes, one after the other, the beginning is painted. ``signals`` says, for a time t,
    what the named curves are then.
    """

    scenes: int
    steps_per_scene: int
    steps_per_frame: int = 50
    pre_animation_steps: int = 0
    save_every: int = 0
    display_every: int = 0
    frames_per_second: float = 12.0
    animated: bool = False
    stages: int = 1
    signals: Signals | None = field(default=None, compare=False)

    @property
    def total_steps(self) -> int:
        """All steps of all scenes."""
        return self.scenes * self.steps_per_scene

    @property
    def first_move(self) -> int:
        """The step before which the first move comes."""
        return self.pre_animation_steps or self.steps_per_frame

    @property
    def first_save(self) -> int:
        """How many steps file 1 holds."""
        first = self.first_move if self.animated and self.save_every else self.save_every
        return min(first or self.total_steps, self.total_steps)

    @property
    def files(self) -> int:
        """How many numbered files the run writes."""
        return self.file_of(self.total_steps)

    def steps_of(self, number: int) -> int:
        """How many steps file ``number`` (from 1) holds."""
        return min(self.first_save + (number - 1) * (self.save_every or 1), self.total_steps)

    def file_of(self, steps: int) -> int:
        """The number of the first file that holds at least ``steps`` steps."""
        if steps <= self.first_save:
            return 1
        return 1 + -(-(steps - self.first_save) // (self.save_every or self.total_steps))

    def moment(self, step: int) -> Moment:
        """Where ``step`` stands in time."""
        since = step - self.first_move
        t = (step - self.pre_animation_steps) / (self.steps_per_frame * self.frames_per_second)
        return Moment(
            step=step,
            scene=step // self.steps_per_scene,
            scene_step=step % self.steps_per_scene,
            frame=0 if since < 0 else since // self.steps_per_frame + 1,
            t=t,
            signals=self.signals(t) if self.signals is not None else {},
        )

    def progress(self, step: int) -> float:
        """How far ``step`` is, from 0 to 1, through the still, or through its frame of a film."""
        if not self.animated:
            return step / max(1, self.total_steps - 1)
        since = step - self.first_move
        if since < 0:
            return step / max(1, self.first_move - 1)
        return since % self.steps_per_frame / max(1, self.steps_per_frame - 1)

    @property
    def beginning(self) -> int:
        """The steps before which nothing is moved, saved as a frame, or wished for anew."""
        return min(self.first_move, self.total_steps) if self.animated else self.steps_per_scene

    def stage(self, step: int) -> int:
        """In which of the sizes ``step`` is painted, from 0: the beginning in equal shares."""
        return min(self.stages - 1, step * self.stages // self.beginning)

    def begins(self, stage: int) -> int:
        """The first step that is painted in size ``stage`` or a larger one."""
        return -(-stage * self.beginning // self.stages)

    def shots(self, start: int = 0) -> Iterator[Shot]:
        """The shots from ``start`` (steps already done) to the end, in order."""
        while start < self.total_steps:
            stop = self._next_event(start)
            number = self.file_of(stop)
            moment = self.moment(start)
            yield Shot(
                steps=range(start, stop),
                scene=moment.scene,
                moves=self._moves_at(start),
                saves=number if self.steps_of(number) == stop else None,
                moment=moment,
                stage=self.stage(start),
                grows=start > 0 and self.stage(start) > self.stage(start - 1),
            )
            start = stop

    def _moves_at(self, step: int) -> bool:
        since = step - self.first_move
        return self.animated and since >= 0 and since % self.steps_per_frame == 0

    def _next_event(self, start: int) -> int:
        candidates = [
            (start // self.steps_per_scene + 1) * self.steps_per_scene,
            self.steps_of(self.file_of(start + 1)),
        ]
        since = start - self.first_move
        frames = max(0, since // self.steps_per_frame + 1)
        candidates.append(self.first_move + frames * self.steps_per_frame)
        if (stage := self.stage(start)) < self.stages - 1:
            candidates.append(self.begins(stage + 1))
        if self.display_every:
            candidates.append((start // self.display_every + 1) * self.display_every)
        return min(candidates)
