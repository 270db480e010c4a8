"""What of a run stands, what is to be painted, and how the new one begins."""

import copy
import re
from dataclasses import dataclass, replace
from pathlib import Path

from mutoscope.build import Parts
from mutoscope.errors import RunError, SettingsError
from mutoscope.perform import start_run
from mutoscope.retake.taking import Point, Take
from mutoscope.retake.touched import Touch, first_touched
from mutoscope.run import Run
from mutoscope.run.checkpoint import read_state
from mutoscope.schedule import Schedule, make_schedule
from mutoscope.settings import Settings

_STRETCH = re.compile(r"(\d{1,9})?(?:\.\.(\d{1,9})?)?")
_LAST = 10**9

# A state of other settings can't be gone on from where one of these has changed.
FIXED = ("image_model", "vqgan_model", "gan_model", "optimizer", "adaptive_learning_rate")


@dataclass(frozen=True)
class Stretch:
    """Frames by their numbers: from ``first`` to ``last``, both painted; None for the ends."""

    first: int | None = None
    last: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Stretch":
        """``120..180``, ``120..``, ``..180``, or the one frame ``120``.

        Raises:
            SettingsError: It is none of these.
        """
        match = _STRETCH.fullmatch(text.strip())
        first, last = (int(part) if part else None for part in match.groups()) if match else (0, 0)
        if match and text.strip().isdigit():
            last = first
        if (
            first == 0
            or last == 0
            or (first is None and last is None)
            or (first and last and first > last)
        ):
            raise SettingsError(
                f"--frames: {text!r} is no stretch of frames; write 120..180, 120.., or ..180 "
                "(numbers of files, from 1)"
            )
        return cls(first, last)

    def refuse_beyond(self, schedule: Schedule) -> None:
        """Refuse a stretch that ends beyond the run.

        Raises:
            SettingsError: There are not so many frames.
        """
        if max(self.first or 1, self.last or 1) > schedule.files:
            raise SettingsError(
                f"--frames: there are frames 1 to {schedule.files} only; end the stretch there, or "
                "make the run longer (steps_per_scene, or a scene more)"
            )

    def stop(self, schedule: Schedule) -> int:
        """After how many steps it ends."""
        return schedule.total_steps if self.last is None else schedule.steps_of(self.last)


@dataclass(frozen=True)
class Retake:
    """A run to be painted that begins with another.

    ``touch``: where the settings begin to be seen, None where they are not; ``point``: the state
    to go on from, None to begin anew; ``stretch``: which frames are asked for.
    """

    take: Take
    schedule: Schedule
    stretch: Stretch
    touch: Touch | None
    point: Point | None

    @property
    def stop(self) -> int:
        """After how many steps the painting ends."""
        return self.stretch.stop(self.schedule)

    def line(self) -> str:
        """What stands, where the change begins, and how much is to be painted."""
        kept = self.point.number if self.point else 0
        left = self.schedule.file_of(self.stop) - kept
        stands = (
            f"frames 1-{kept} of {self.take.folder} stand"
            if kept
            else (f"nothing of {self.take.folder} stands")
        )
        return f"{stands} ({'; '.join(self._reasons(kept))}); {_frames(left)} to paint"

    def _reasons(self, kept: int) -> list[str]:
        first, reasons = self.stretch.first, []
        if self.touch is not None:
            reasons.append(self._change(self.touch))
        begins = self.schedule.file_of(self.touch.step + 1) if self.touch else None
        if first is not None and begins is not None and begins <= kept:
            reasons.append(f"frames {begins}-{kept} are the old take's although it touches them")
        wanted = first if first is not None else begins
        if wanted is not None and kept + 1 < min(wanted, self.schedule.files + 1):
            state = f"that of frame {kept}" if kept else "none"
            reasons.append(f"the newest state kept before frame {wanted} is {state}")
        return reasons

    def _change(self, touch: Touch) -> str:
        keys = ", ".join(touch.keys[:3]) + (" …" if len(touch.keys) > 3 else "")
        if touch.step >= self.schedule.total_steps:
            return f"the change ends it after frame {self.schedule.files}: {keys}"
        number = self.schedule.file_of(touch.step + 1)
        t = self.schedule.moment(touch.step).t
        return f"the change begins at frame {number}, t = {t:.1f} s: {keys}"


def plan_retake(take: Take, settings: Settings, stretch: Stretch | None = None) -> Retake:
    """What is to be painted of ``settings``, and what ``take`` gives.

    All before the change stands, as far as a state was kept. Where ``stretch`` has a first frame,
    all before that one stands instead, whether or not the change would touch it.

    Raises:
        SettingsError: The stretch does not fit.
        RunError: The run's states can't be gone on from with these settings.
    """
    stretch, schedule = stretch or Stretch(), make_schedule(settings)
    stretch.refuse_beyond(schedule)
    touch = first_touched(take.settings, settings, since=take.since)
    if stretch.first is not None:
        _refuse_another_kind(take, settings)
        limit = schedule.steps_of(stretch.first - 1) if stretch.first > 1 else 0
    else:
        limit = touch.step if touch is not None else schedule.total_steps
        if touch is not None and stretch.stop(schedule) <= touch.step < schedule.total_steps:
            raise SettingsError(
                f"--frames: ends at frame {stretch.last}, and the change begins at frame "
                f"{schedule.file_of(touch.step + 1)}; there is nothing to paint"
            )
    return Retake(take, schedule, stretch, touch, take.point(limit, schedule))


def _refuse_another_kind(take: Take, settings: Settings) -> None:
    for key in FIXED:
        was, value = getattr(take.settings, key), getattr(settings, key)
        if was != value:
            raise RunError(
                f"{take.folder}: was painted with {key}: {was}, and can't be gone on with from its "
                f"middle with {value}; leave the start of --frames out to paint all anew"
            )


def begin(parts: Parts, out: Path, retake: Retake) -> Run:
    """The new run, with all that stands in its folder; ``run.state()`` is where to go on.

    It gets a folder of its own whatever allow_overwrite says: the old take is kept.

    Raises:
        RunError: It can't be made, or the state is that of another canvas.
    """
    point, take = retake.point, retake.take
    if point is not None:
        refuse_another_canvas(parts, take, point)
    settings = parts.settings.replace(allow_overwrite=False)
    run = start_run(replace(parts, settings=settings), out)
    if point is not None:
        run.take(take.beginning(point, scalars=settings.use_tensorboard))
    return run


def refuse_another_canvas(parts: Parts, take: Take, point: Point) -> None:
    """Refuse a state that the canvas of ``parts`` can't take up, before anything is copied.

    Raises:
        RunError: Its canvas is of another size or kind.
    """
    canvas = copy.deepcopy(parts.canvas)
    if parts.sizes:
        canvas.grow(parts.sizes[parts.schedule.stage(max(0, point.steps - 1))])
    needed = {f"canvas.{name}": value.shape for name, value in canvas.state_dict().items()}
    kept = {
        name: value.shape
        for name, value in read_state(point.path).tensors.items()
        if name.startswith("canvas.")
    }
    if needed != kept:
        raise RunError(
            f"{take.folder}: its state after frame {point.number} is of another canvas than these "
            "settings describe (width, height, or the model); put those back, or leave the start "
            "of --frames out to paint all anew"
        )


def _frames(count: int) -> str:
    return f"{count} frame" if count == 1 else f"{count} frames"
