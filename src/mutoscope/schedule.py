"""What happens at which step: scenes, moves of the camera, saved files.

Steps are counted from 0 over the whole run. Between two steps there may be a *move* (the picture
goes where the camera has gone) and a *save* (a numbered file is written); a save at a moment comes
before the move at that moment. The stretch of steps between two such moments is a `Shot`.

- In a still, file ``n`` holds exactly ``n · save_every`` steps.
- In a film, file 1 holds ``pre_animation_steps`` (``steps_per_frame`` if those are 0) and each file
  after it ``save_every`` more. The first move follows file 1: nothing is moved before it is drawn.
- The last step is always saved, in a file of its own if it falls between two.

This mends what PyTTI did: it saved one step too early, and never the last one.

A film that *closes* is painted for some frames beyond its end, its *lap*: time is back at its
beginning there, and each of these frames is led nearer to the one of that time which was painted
first, until the last is that frame. In the film they take the place of those first ones, so that
its last frame leads into its first as every frame does into the next.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from mutoscope.curves import Closing, smooth
from mutoscope.settings import Settings

Signals = Callable[[float], Mapping[str, float]]


@dataclass(frozen=True)
class Moment:
    """A step's place in time.

    ``t`` is in seconds of film and negative before the animation starts; ``frame`` counts the
    moves so far, also in a still, where mask videos and keyframes go by it. ``signals`` are what
    named curves, such as bands of sound, are at this moment. ``onto``: the moment one round
    earlier, which a film that closes is led over into; ``share``: how far it is there, 0 to 1.
    """

    step: int
    scene: int
    scene_step: int
    frame: int
    t: float
    signals: Mapping[str, float] = field(default_factory=dict, compare=False)
    onto: "Moment | None" = None
    share: float = 0.0

    @cached_property
    def values(self) -> dict[str, float]:
        """The variables that expressions may use at this moment."""
        time = {"t": self.t, "frame": float(self.frame), "step": float(self.step)}
        values = {**self.signals, **time}
        if self.onto is None:
            return values
        return Closing(values, onto=self.onto.values, share=self.share)

    @property
    def turn(self) -> int:
        """The frame by which what repeats goes, such as a mask's film: in the lap from 0 again."""
        if self.onto is None or self.share < 1:
            return self.frame
        return max(0, self.onto.frame)


class Join(NamedTuple):
    """Where a frame of the lap is led: so far (0 to 1) toward the picture in file ``number``."""

    number: int
    share: float


@dataclass(frozen=True)
class Shot:
    """A stretch of steps between two moments at which something happens.

    ``moves``: the picture is moved before the first step. ``saves``: the number of the file that
    holds the last step, or None where the shot ends only to be looked at. ``stage``: which of the
    sizes it is painted in; ``grows``: that size begins here. ``joins``: what its picture is led
    toward when it is done, in the lap of a film that closes; ``after``: the scene before this one,
    from which wishes fade over.
    """

    steps: range
    scene: int
    moves: bool
    saves: int | None
    moment: Moment
    stage: int = 0
    grows: bool = False
    joins: Join | None = None
    after: int | None = None


@dataclass(frozen=True)
class Schedule:
    """The whole run as a plan of steps; see the module's rules.

    ``scenes``, ``steps_per_scene`` and ``steps_per_frame`` are at least 1. ``save_every`` 0 saves
    the last step only; ``display_every`` 0 never ends a shot just to be looked at. ``stages``: in
    how many sizes, one after the other, the beginning is painted. ``signals`` says, for a time t,
    what the named curves are then. ``lap``: how many frames a film that closes is painted beyond
    its end, at most half of its own; its files are one a frame.
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
    lap: int = 0

    @property
    def total_steps(self) -> int:
        """All steps of all scenes, and of the lap."""
        if self.lap:
            return self.closes + self.lap * self.steps_per_frame
        return self._steps_of_scenes

    @property
    def _steps_of_scenes(self) -> int:
        return self.scenes * self.steps_per_scene

    @property
    def round(self) -> int:
        """How many frames a film that closes has, the lap apart."""
        return 1 + max(0, -(-(self._steps_of_scenes - self._first) // self.steps_per_frame))

    @property
    def closes(self) -> int:
        """The step at which a film that closes is back at its beginning: the lap's first."""
        return self._first + (self.round - 1) * self.steps_per_frame

    @property
    def _first(self) -> int:
        return self.first_move if self.animated else self.save_every

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
        if not self.lap:
            return self._moment(step)
        leads = self.closes - self.lap * self.steps_per_frame
        if step < leads:
            return self._moment(step)
        rest = min(1.0, (step - leads) / (self.closes - leads))
        moment = self._moment(step)
        before = self._moment(step - self.round * self.steps_per_frame)
        return replace(
            moment,
            onto=replace(before, frame=moment.frame - self.round),
            share=smooth(rest),
        )

    def _moment(self, step: int) -> Moment:
        since = step - self.first_move
        t = (step - self.pre_animation_steps) / (self.steps_per_frame * self.frames_per_second)
        scene, scene_step = divmod(step, self.steps_per_scene)
        if self.lap and step >= self.closes:
            scene, scene_step = divmod(step - self.closes, self.steps_per_scene)
        elif scene >= self.scenes:
            scene, scene_step = self.scenes - 1, step - (self.scenes - 1) * self.steps_per_scene
        return Moment(
            step=step,
            scene=scene,
            scene_step=scene_step,
            frame=0 if since < 0 else since // self.steps_per_frame + 1,
            t=t,
            signals=self.signals(t) if self.signals is not None else {},
        )

    def again(self, step: int) -> int:
        """The step of the first round that ``step`` of the lap repeats; else ``step`` itself."""
        back = self.lap > 0 and step >= self.closes
        return step - self.round * self.steps_per_frame if back else step

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
                joins=self._join(number) if self.steps_of(number) == stop else None,
                after=self._scene_before(start),
            )
            start = stop

    def _join(self, number: int) -> Join | None:
        """What the frame in file ``number`` is led toward: nothing before the lap.

        Frame by frame the shares add up to a way over that sets out and arrives gently, since it is
        there that its film ends and begins.
        """
        place = number - self.round - 1
        if not self.lap or place < 0:
            return None
        before, after = smooth(place / self.lap), smooth((place + 1) / self.lap)
        return Join(place + 1, (after - before) / (1 - before))

    def _scene_before(self, step: int) -> int | None:
        scene = self.moment(step).scene
        if self.lap and step >= self.closes:
            return scene - 1 if scene else self.scenes - 1
        return scene - 1 if scene else None

    def _scene_ends(self, step: int) -> int:
        begins = self.closes if self.lap and step >= self.closes else 0
        scene = (step - begins) // self.steps_per_scene
        if scene >= self.scenes - 1:
            return self.closes if self.lap and step < self.closes else self.total_steps
        return begins + (scene + 1) * self.steps_per_scene

    def _moves_at(self, step: int) -> bool:
        since = step - self.first_move
        return self.animated and since >= 0 and since % self.steps_per_frame == 0

    def _next_event(self, start: int) -> int:
        candidates = [self._scene_ends(start), self.steps_of(self.file_of(start + 1))]
        since = start - self.first_move
        frames = max(0, since // self.steps_per_frame + 1)
        candidates.append(self.first_move + frames * self.steps_per_frame)
        if (stage := self.stage(start)) < self.stages - 1:
            candidates.append(self.begins(stage + 1))
        if self.display_every:
            candidates.append((start // self.display_every + 1) * self.display_every)
        return min(candidates)


def make_schedule(settings: Settings) -> Schedule:
    """What happens at which step."""
    schedule = Schedule(
        scenes=max(1, len(settings.script.scenes)),
        steps_per_scene=settings.steps_per_scene,
        steps_per_frame=settings.steps_per_frame,
        pre_animation_steps=settings.pre_animation_steps,
        save_every=settings.save_every,
        display_every=settings.display_every,
        frames_per_second=settings.frames_per_second,
        animated=settings.animation_mode != "off",
        stages=settings.sizes,
    )
    if settings.loop:
        # A lap of more than half the film would lead its frames toward one another.
        lap = min(settings.loop_overlap, max(1, schedule.round // 2))
        schedule = replace(schedule, lap=lap)
    return schedule
