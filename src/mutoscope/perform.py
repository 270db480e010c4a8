"""A run painted into its folder: where the parts, the frames and the files meet."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope import __version__
from mutoscope.build import Parts
from mutoscope.build.listening import digests, refuse_changed
from mutoscope.canvas.palette import Palette
from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.errors import RunError
from mutoscope.images import load_image, resize, save_image
from mutoscope.motion.video import Follow
from mutoscope.paint import RESERVED, Frame, Losses, State, Watch
from mutoscope.quality.keep import keep_quality
from mutoscope.run import FilmPlan, Run, Saved
from mutoscope.run.layout import PALETTE, QUALITY, QUALITY_PLOT, TENSORBOARD
from mutoscope.run.scribe import Scribe, Watchful
from mutoscope.schedule import Schedule, make_schedule
from mutoscope.settings import Settings
from mutoscope.smoothing import LatentSmoother, Window

Records = Sequence[Mapping[str, float]]

SMOOTHER = "smoother."  # what the names begin with of what it remembers, in a state


@dataclass(frozen=True)
class Kept:
    """A frame that is safe on the disk; ``picture`` is where its file lies.

    The frame's own picture is on the CPU.
    """

    frame: Frame
    picture: Path


def start_run(parts: Parts, out: Path) -> Run:
    """Make the folder of a new run, with its settings in it, before the first step.

    Raises:
        RunError: the folder can't be made.
    """
    settings, schedule = parts.settings, parts.schedule
    scenes = [
        (index * schedule.steps_per_scene / (schedule.save_every or schedule.total_steps), source)
        for index, source in enumerate(scene.source for scene in settings.script.scenes)
    ]
    follows = digests(settings)
    return Run.start(
        out,
        settings.file_namespace,
        settings.to_yaml(),
        scenes=scenes,
        relative_to=settings.paths_from,
        overwrite=settings.allow_overwrite,
        backups=None if settings.backups == "all" else settings.backups,
        resume_points=settings.resume_points,
        follows=follows,
        film=film_plan(settings, schedule, follows, parts.lineage),
    )


def film_plan(
    settings: Settings,
    schedule: Schedule,
    follows: Mapping[str, str],
    behind: Mapping[str, Any] | None = None,
) -> FilmPlan | None:
    """The film that is to be made of the frames of ``settings``, or None."""
    if not (schedule.animated or schedule.lap) or not settings.film:
        return None
    return FilmPlan(
        settings.frames_per_second,
        crf=settings.film_quality,
        title=settings.scenes or None,
        recipe=recipe(settings, follows=follows, behind=behind),
        sound=sound_of(settings),
        sound_from=sound_from(settings, schedule),
        lap=schedule.lap,
        files=schedule.files if schedule.lap else 0,
        smoothed=smooths(settings, schedule),
    )


def sound_from(settings: Settings, schedule: Schedule) -> float:
    """The second of its sound at which a film begins: its first picture is that of file 1."""
    return settings.input_audio_offset + schedule.moment(schedule.first_save).t


def sound_of(settings: Settings) -> Path | None:
    """The sound that a film of ``settings`` carries, if it can keep in step with its pictures."""
    if not settings.input_audio or settings.save_every != settings.steps_per_frame:
        return None
    return Path(settings.resolve(settings.input_audio))


def perform(
    parts: Parts, run: Run, *, saved: Saved | None = None, watch: Watch | None = None
) -> Iterator[Kept]:
    """Paint ``run``: yield each frame once it, and all before it, is on the disk.

    A run that was stopped goes on from ``saved``, which ``run.state()`` gives; without it, it is
    painted from the beginning. A frame is written while the next one is painted, so where writing
    takes more than a small part of the time that painting does, it is yielded after that. When the
    iteration ends, by itself or early, all that was painted is kept: the last frame yielded, and
    maybe one more.

    Raises:
        RunError: a frame can't be written: raised after the step in hand. What was kept before it
            stands, nothing after it was written, and the run can be resumed.
    """
    if saved:
        refuse_changed(parts.settings, run.about.follows)
    run.rewind(saved.number if saved else 0)
    done = steps_kept(run, saved)
    state = State(done, saved.tensors) if saved else None
    smoother = smoother_of(parts, saved)

    with scalars(parts.settings, run.folder, done=done) as write_scalars, Scribe[Kept]() as scribe:
        kept, watchful = kept_in(run, scribe), Watchful()
        if isinstance(parts.motion, Follow):
            parts.motion.painted = painted_in(kept, parts.schedule)
        frames = parts.animate(resume=state, watch=alert(watch, scribe), kept=kept, lends=True)
        for frame in frames:
            done = frame.steps
            yield from scribe.hand(keeping(parts, run, frame, smoother, write_scalars))
            if frame.state.lent:  # it is gone once the next step is made
                yield from scribe.rest()
            yield from scribe.ready(watchful.patience())
        yield from scribe.rest()
    if smoother is not None:
        keep_smoothed(run, parts, smoother.rest())
    run.draw_losses()
    if done == parts.schedule.total_steps:
        look_back(run, parts.settings, parts.schedule)


def keeping(
    parts: Parts,
    run: Run,
    frame: Frame,
    smoother: LatentSmoother | None,
    write_scalars: Callable[[Records], None],
) -> Callable[[], Kept]:
    """What keeps ``frame`` when it is called, in whatever thread, while later ones are painted.

    So all that they change is taken here.
    """
    frame = replace(frame, image=frame.image.cpu())
    smoothed = []
    if smoother is not None and frame.number is not None:
        smoothed = [(number, image.cpu()) for number, image in smoother.add(frame.number)]
    tensors = dict(frame.state.tensors)
    if smoother is not None:
        tensors |= {f"{SMOOTHER}{name}": t.clone() for name, t in smoother.tensors().items()}
    palette = None
    if parts.settings.show_palette and isinstance(parts.canvas, Palette):
        palette = parts.canvas.render_palette().cpu()

    def keep() -> Kept:
        meta = {"steps": frame.steps}
        # Before the state, which promises what is drawn from the frames before it.
        keep_smoothed(run, parts, smoothed)
        if frame.number is None:
            run.pause(tensors=tensors, meta=meta, records=frame.records)
        else:
            told = recipe(parts.settings, frame, follows=run.about.follows, behind=parts.lineage)
            run.keep(
                frame.number, frame.image, tensors=tensors, meta=meta, records=frame.records,
                recipe=told,
            )  # fmt: skip
        write_scalars(frame.records)
        return Kept(frame, show_newest(parts.settings, run, frame, palette))

    return keep


def alert(watch: Watch | None, scribe: Scribe[Kept]) -> Watch:
    """``watch``, in which a step also hears that what was to be written could not be."""
    watch = watch or Watch()

    def step(done: int, losses: Losses) -> None:
        watch.step(done, losses)
        scribe.check()

    return Watch(step=step, stopped=watch.stopped)


def smooths(settings: Settings, schedule: Schedule) -> bool:
    """Whether the frames are smoothed over time: those of a film that a VQGAN draws."""
    return (
        settings.z_smoother
        and settings.image_model == "VQGAN"
        and bool(schedule.animated or schedule.lap)
    )


def smoother_of(parts: Parts, saved: Saved | None) -> LatentSmoother | None:
    """What smooths the frames of a film, gone on with from ``saved``, or None for nothing.

    Raises:
        RunError: what it remembers there is of another film.
    """
    settings = parts.settings
    if not smooths(settings, parts.schedule) or not isinstance(parts.canvas, VqganCanvas):
        return None
    window = Window(settings.z_smoother_buffer_len, settings.z_smoother_alpha)
    smoother = LatentSmoother(parts.canvas, window)
    kept = saved.tensors if saved else {}
    try:
        smoother.recall(
            {k.removeprefix(SMOOTHER): t for k, t in kept.items() if k.startswith(SMOOTHER)}
        )
    except ValueError as error:
        raise RunError(f"its newest state can't be gone on with: {error}") from error
    return smoother


def keep_smoothed(run: Run, parts: Parts, pictures: Iterable[tuple[int, Tensor]]) -> None:
    """Keep smoothed frames, each with its number, beside those that were painted."""
    for number, picture in pictures:
        steps = parts.schedule.steps_of(number)
        told = recipe(parts.settings, follows=run.about.follows, behind=parts.lineage)
        told |= {"frame": number, "step": steps}
        run.keep_smoothed(number, picture, recipe=told)


def kept_in(run: Run, scribe: Scribe[Kept]) -> Callable[[int], Tensor | None]:
    """What the files of ``run`` hold, by their numbers, with all that was painted so far."""

    def kept(number: int) -> Tensor | None:
        scribe.wait()
        path = run.frame_path(number)
        return load_image(path) if path.exists() else None

    return kept


def painted_in(
    kept: Callable[[int], Tensor | None], schedule: Schedule
) -> Callable[[int], Tensor | None]:
    """What was painted in each frame of a film, by its number from 0, as its file holds it.

    ``kept``: what the files hold, by their numbers.
    """

    def painted(frame: int) -> Tensor | None:
        steps = schedule.first_move + frame * schedule.steps_per_frame
        number = schedule.file_of(steps)
        return kept(number) if schedule.steps_of(number) == steps else None

    return painted


def steps_kept(run: Run, saved: Saved | None) -> int:
    """How many steps of ``run`` are safe in ``saved``.

    Raises:
        RunError: it doesn't say.
    """
    steps = saved.meta.get("steps") if saved else 0
    if not isinstance(steps, int) or steps < 0:
        raise RunError(
            f"{run.folder}: its newest state does not say how many steps it holds, so it can't be "
            "gone on with; the frames stand"
        )
    return steps


def finish(run: Run, settings: Settings, saved: Saved | None) -> bool:
    """Whether every step of ``run`` is done already; then see to its film and plot, if need be."""
    schedule = make_schedule(settings)
    if saved is None or steps_kept(run, saved) < schedule.total_steps:
        return False
    run.rewind(saved.number)  # a film that is missing is made when the run is closed
    run.draw_losses()
    if not ((run.folder / QUALITY).exists() and (run.folder / QUALITY_PLOT).exists()):
        look_back(run, settings, schedule)
    return True


def look_back(run: Run, settings: Settings, schedule: Schedule) -> None:
    """Measure a film that is complete, and write what was found beside it."""
    if settings.quality and (schedule.animated or schedule.lap):
        keep_quality(
            run.folder, run.shown(), settings=settings, schedule=schedule, loops=schedule.lap > 0
        )


def show_newest(settings: Settings, run: Run, frame: Frame, palette: Tensor | None) -> Path:
    """Put what there is to look at between frames on the disk, and say where the picture is."""
    if settings.show_graphs and shows_more(frame.steps - len(frame.records), frame.steps):
        run.draw_losses()
    if palette is not None:
        save_image(palette, run.folder / PALETTE)
    scale, (height, width) = settings.display_scale, frame.image.shape[-2:]
    if scale != 1:
        shown = (max(1, round(width * scale)), max(1, round(height * scale)))
        run.preview(resize(frame.image, shown))
    elif frame.number is None:
        run.preview(frame.image)
    return run.latest_path if frame.number is None else run.frame_path(frame.number)


def shows_more(before: int, now: int) -> bool:
    """Whether a plot of ``now`` steps shows more than one of those ``before``: a fiftieth of them.

    It is drawn of the whole log, so a run that drew it again and again would slow down as it grows.
    """
    return now < 50 or before == 0 or math.floor(math.log(now, 1.02)) > math.log(before, 1.02)


@contextmanager
def scalars(settings: Settings, folder: Path, *, done: int) -> Iterator[Callable[[Records], None]]:
    """What takes the losses of a shot for TensorBoard, or drops them where none is wanted.

    ``done``: the steps before which what was written stands.
    """
    if not settings.use_tensorboard:
        yield lambda _records: None
        return
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder / TENSORBOARD), purge_step=done + 1)

    def write(records: Records) -> None:
        for record in records:
            losses = {k: v for k, v in record.items() if k == "total" or k not in RESERVED}
            for label, value in losses.items():
                writer.add_scalar(f"losses/{label}", value, int(record["step"]))
        writer.flush()

    try:
        yield write
    finally:
        writer.close()


def recipe(
    settings: Settings,
    frame: Frame | None = None,
    *,
    follows: Mapping[str, str] | None = None,
    behind: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a picture says about its making: enough to make it again, no path of this machine.

    ``follows``: digests of the files that it hangs on, by settings key; ``behind``: the generator
    that drew it, with what that was trained on.
    """
    told: dict[str, Any] = {
        "program": "mutoscope",
        "version": __version__,
        "settings": settings.to_dict(portable=True),
    }
    if frame is not None:
        told |= {"frame": frame.number, "step": frame.steps}
    if behind is not None:
        told["generator"] = dict(behind)
    return told | ({"follows": dict(follows)} if follows else {})
