"""A run painted into its folder: where the parts, the frames and the files meet."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from mutoscope.paint import RESERVED, Frame, State, Watch
from mutoscope.quality.keep import keep_quality
from mutoscope.run import FilmPlan, Run, Saved
from mutoscope.run.layout import PALETTE, QUALITY, TENSORBOARD
from mutoscope.schedule import Schedule, make_schedule
from mutoscope.settings import Settings
from mutoscope.smoothing import LatentSmoother, Window

Records = Sequence[Mapping[str, float]]

SMOOTHER = "smoother."  # what the names begin with of what it remembers, in a state


@dataclass(frozen=True)
class Kept:
    """A frame that is safe on the disk; ``picture`` is where its file lies."""

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
    painted from the beginning. When the iteration ends, by itself or early, the last frame yielded
    is what is kept.
    """
    if saved:
        refuse_changed(parts.settings, run.about.follows)
    run.rewind(saved.number if saved else 0)
    done = steps_kept(run, saved)
    state = State(done, saved.tensors) if saved else None
    smoother = smoother_of(parts, saved)
    if isinstance(parts.motion, Follow):
        parts.motion.painted = painted_in(run, parts.schedule)

    with scalars(parts.settings, run.folder, done=done) as write_scalars:
        for frame in parts.animate(resume=state, watch=watch, kept=kept_in(run)):
            meta = {"steps": frame.steps}
            if smoother is not None and frame.number is not None:
                # Before the state, which promises what is drawn from the frames before it.
                keep_smoothed(run, parts, smoother.add(frame.number))
            tensors = dict(frame.state.tensors)
            if smoother is not None:
                tensors |= {f"{SMOOTHER}{name}": t for name, t in smoother.tensors().items()}
            if frame.number is None:
                run.pause(tensors=tensors, meta=meta, records=frame.records)
            else:
                run.keep(
                    frame.number, frame.image, tensors=tensors, meta=meta,
                    records=frame.records,
                    recipe=recipe(
                        parts.settings, frame, follows=run.about.follows, behind=parts.lineage
                    ),
                )  # fmt: skip
            write_scalars(frame.records)
            done = frame.steps
            yield Kept(frame, show_newest(parts, run, frame))
    if smoother is not None:
        keep_smoothed(run, parts, smoother.rest())
    run.draw_losses()
    if done == parts.schedule.total_steps:
        look_back(run, parts.settings, parts.schedule)


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


def kept_in(run: Run) -> Callable[[int], Tensor | None]:
    """What the files of ``run`` hold, by their numbers."""

    def kept(number: int) -> Tensor | None:
        path = run.frame_path(number)
        return load_image(path) if path.exists() else None

    return kept


def painted_in(run: Run, schedule: Schedule) -> Callable[[int], Tensor | None]:
    """What was painted in each frame of a film, by its number from 0, as its file holds it."""
    kept = kept_in(run)

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
    if not (run.folder / QUALITY).exists():
        look_back(run, settings, schedule)
    return True


def look_back(run: Run, settings: Settings, schedule: Schedule) -> None:
    """Measure a film that is complete, and write what was found beside it."""
    if settings.quality and (schedule.animated or schedule.lap):
        keep_quality(
            run.folder, run.shown(), settings=settings, schedule=schedule, loops=schedule.lap > 0
        )


def show_newest(parts: Parts, run: Run, frame: Frame) -> Path:
    """Put what there is to look at between frames on the disk, and say where the picture is."""
    settings = parts.settings
    if settings.show_graphs:
        run.draw_losses()
    if settings.show_palette and isinstance(parts.canvas, Palette):
        save_image(parts.canvas.render_palette(), run.folder / PALETTE)
    scale, (height, width) = settings.display_scale, frame.image.shape[-2:]
    if scale != 1:
        shown = (max(1, round(width * scale)), max(1, round(height * scale)))
        run.preview(resize(frame.image, shown))
    elif frame.number is None:
        run.preview(frame.image)
    return run.latest_path if frame.number is None else run.frame_path(frame.number)


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
