"""A run painted into its folder: where the parts, the frames and the files meet."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutoscope import __version__
from mutoscope.build import Parts
from mutoscope.canvas.palette import Palette
from mutoscope.images import resize, save_image
from mutoscope.paint import Frame, State, Watch
from mutoscope.run import FilmPlan, Run
from mutoscope.settings import Settings


@dataclass(frozen=True)
class Kept:
    """A frame that is safe on the disk; ``picture`` is where its file lies."""

    frame: Frame
    picture: Path


def start_run(parts: Parts, out: Path) -> Run:
    """Make the folder of a new run, with its settings in it, before the first step."""
    settings, schedule = parts.settings, parts.schedule
    scenes = [
        (index * schedule.steps_per_scene / (schedule.save_every or schedule.total_steps), source)
        for index, source in enumerate(scene.source for scene in settings.script.scenes)
    ]
    film = None
    if schedule.animated and settings.film:
        film = FilmPlan(
            settings.frames_per_second,
            crf=settings.film_quality,
            title=settings.scenes or None,
            recipe=recipe(settings),
        )
    return Run.start(
        out,
        settings.file_namespace,
        settings.to_yaml(),
        scenes=scenes,
        relative_to=settings.paths_from,
        overwrite=settings.allow_overwrite,
        backups=None if settings.backups == "all" else settings.backups,
        film=film,
    )


def perform(parts: Parts, run: Run, *, watch: Watch | None = None) -> Iterator[Kept]:
    """Paint the rest of ``run``: yield each frame once it, and all before it, is on the disk.

    A new run is painted from the beginning. One that was stopped goes on where its newest state
    is. When the iteration ends, by itself or early, the last frame yielded is what is kept.
    """
    saved = run.state()
    run.rewind(saved.number if saved else 0)
    state = State(int(saved.meta["steps"]), saved.tensors) if saved else None
    number = saved.number if saved else 0

    for frame in parts.animate(resume=state, watch=watch):
        meta = {"steps": frame.steps}
        if frame.number is None:
            run.pause(tensors=frame.state.tensors, meta=meta, records=frame.records)
        else:
            number = frame.number
            run.keep(
                number, frame.image, tensors=frame.state.tensors, meta=meta,
                records=frame.records, recipe=recipe(parts.settings, frame),
            )  # fmt: skip
        yield Kept(frame, show_newest(parts, run, frame))
    run.draw_losses()


def show_newest(parts: Parts, run: Run, frame: Frame) -> Path:
    """Put what there is to look at between frames on the disk, and say where the picture is."""
    settings = parts.settings
    if settings.show_graphs:
        run.draw_losses()
    if settings.show_palette and isinstance(parts.canvas, Palette):
        save_image(parts.canvas.render_palette(), run.folder / "palette.png")
    if frame.number is not None:
        return run.frame_path(frame.number)
    scale, (width, height) = settings.display_scale, parts.canvas.size
    shown = (max(1, round(width * scale)), max(1, round(height * scale)))
    run.preview(frame.image if scale == 1 else resize(frame.image, shown))
    return run.latest_path


def recipe(settings: Settings, frame: Frame | None = None) -> dict[str, Any]:
    """What a picture says about its making: enough to make it again, and no path of this machine."""
    told: dict[str, Any] = {
        "program": "mutoscope",
        "version": __version__,
        "settings": settings.to_dict(portable=True),
    }
    if frame is not None:
        told |= {"frame": frame.number, "step": frame.steps}
    return told
