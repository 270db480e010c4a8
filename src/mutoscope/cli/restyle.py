"""The commands that paint footage anew, and films that zoom from prompt to prompt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mutoscope.cli import tell
from mutoscope.cli.make import OVERRIDES
from mutoscope.cli.stopping import STOPPED

if TYPE_CHECKING:
    from mutoscope.settings import Settings

OUTPUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The film to write."
)
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace the film if it is there.")

# Over the preset of stills. The first frame gets a picture's worth of steps, those after it what it
# takes to follow; the optimiser's moments go along, so that few are enough.
_FILM = {
    "steps_per_frame": 10,
    "pre_animation_steps": 80,
    "learning_rate_decay": 1.0,
    "reset_lr_each_frame": False,
    "display_every": 0,
}
_RESTYLED = {
    **_FILM,
    "animation_mode": "Video Source",
    "width": 320,
    "height": -1,
    "reencode_each_frame": False,
    "direct_stabilization_weight": "2",
    "flow_stabilization_weight": "30",
    "infill_mode": "smear",
}
_ZOOMED = {**_FILM, "animation_mode": "2D", "infill_mode": "mirror"}
_SMALLEST, _LARGEST = 0.1, 10.0


@click.command(
    epilog='Example:  mutoscope restyle dancer.mp4 "a dancer, oil painting" -o painted.mp4'
)
@click.argument("video", type=click.Path(path_type=Path))
@click.argument("prompt")
@OVERRIDES
@OUTPUT
@OVERWRITE
def restyle(
    video: Path, prompt: str, overrides: tuple[str, ...], output: Path, overwrite: bool
) -> int:
    """Paint a film anew in the words of a prompt; its sound is kept.

    PROMPT is "a dancer | oil painting:0.5"; with "first ^ second" the film goes from one to the
    other, each for as long. Any key of `mutoscope settings` may be given as KEY=VALUE: fewer frames
    by frames_per_second=12, nearer to the film by direct_stabilization_weight=8, larger by
    width=512, with a VQGAN by image_model=VQGAN.

    Ctrl-C ends after the step in hand, and the same command goes on.
    """
    from mutoscope.frames.source import SourceFilm
    from mutoscope.run.material import material_of

    material = material_of(video) if not video.is_dir() else None
    if material is None or material.rate is None:
        raise click.UsageError(f"VIDEO: {video} is a folder; mutoscope film makes a film of it")
    values = {
        **_RESTYLED,
        "video_path": os.path.abspath(video),  # noqa: PTH100 - a link stays one
        "input_audio": str(material.extras.sound.absolute()) if material.extras.sound else "",
        "frames_per_second": float(material.rate),
    }
    settings = _settings(prompt, values, overrides)
    rate = Fraction(settings.frames_per_second).limit_denominator(1001)
    film = SourceFilm(video, rate, stride=settings.frame_stride)
    count = film.length or -(-material.length(rate) // settings.frame_stride)
    asked = {"restyle": prompt, "video": _traits(video)}
    return _make(_spread(settings, prompt, count), output, asked, overwrite=overwrite)


@click.command(epilog='Example:  mutoscope video "a fox ^ a boat" -o film.mp4 --frames 240')
@click.argument("prompt")
@OVERRIDES
@OUTPUT
@click.option("--frames", type=click.IntRange(1, 1_000_000), default=120, show_default=True)
@click.option(
    "--zoom", type=click.FloatRange(_SMALLEST, _LARGEST), default=1.01, show_default=True,
    help="By how much the picture grows from frame to frame.",
)  # fmt: skip
@click.option("--shift-x", type=float, default=0.0, help="Pixels a frame, to the right.")
@click.option("--shift-y", type=float, default=0.0, help="Pixels a frame, down.")
@OVERWRITE
def video(
    prompt: str,
    overrides: tuple[str, ...],
    output: Path,
    frames: int,
    zoom: float,
    shift_x: float,
    shift_y: float,
    overwrite: bool,
) -> int:
    """Make a film that zooms, or drifts, from prompt to prompt.

    PROMPT is "a fox | snow:0.5 ^ a boat": first a fox in snow, then a boat, each for as long. Any
    key of `mutoscope settings` may be given as KEY=VALUE, such as steps_per_frame=20, width=512 or
    image_model=VQGAN.

    Ctrl-C ends after the step in hand, and the same command goes on.
    """
    from mutoscope.vqgan_clip.mapping import drawn_size, moving

    settings = _settings(prompt, _ZOOMED, overrides)
    camera = moving(zoom, shift_x, shift_y, size=drawn_size(settings, {}))
    if zoom >= 1 and not (shift_x or shift_y):
        del camera["infill_mode"]  # nothing comes in
    given = {text.partition("=")[0] for text in overrides}
    settings = settings.replace(**{k: v for k, v in camera.items() if k not in given})
    asked = {"video": prompt, "frames": frames}
    return _make(_spread(settings, prompt, frames), output, asked, overwrite=overwrite)


def _settings(prompt: str, values: Mapping[str, Any], overrides: Sequence[str]) -> Settings:
    """The settings of a film with the first of its prompts."""
    from mutoscope.cli.make import refuse_loose_words
    from mutoscope.settings import load_settings
    from mutoscope.sources import STILL
    from mutoscope.vqgan_clip.wishes import read_stories, scene_of

    refuse_loose_words(prompt, overrides)
    scenes = scene_of(read_stories(prompt, None, None))
    return load_settings({**values, "scenes": scenes}, overrides, preset=STILL, quiet=True)


def _spread(settings: Settings, prompt: str, frames: int) -> Settings:
    """The same settings for so many frames, over which the prompts follow each other evenly."""
    from mutoscope.vqgan_clip.wishes import read_stories, scene_of

    stories = read_stories(prompt, None, None)
    groups = min(len(stories[0]), frames)
    changes = [1 + round(index * frames / groups) for index in range(1, groups)]
    first = settings.pre_animation_steps or settings.steps_per_frame
    return settings.replace(
        scenes=scene_of(stories, changes),
        steps_per_scene=first + (frames - 1) * settings.steps_per_frame,
        save_every=settings.steps_per_frame,
        film=True,
    )


def _make(settings: Settings, output: Path, asked: Mapping[str, Any], *, overwrite: bool) -> int:
    """Paint the film in a hidden folder beside ``output``, or go on there; then write it."""
    from mutoscope.build import build
    from mutoscope.cli.finished import filming
    from mutoscope.cli.painting import fetching, paint, say_plan
    from mutoscope.errors import MediaError
    from mutoscope.frames.codecs import codec_of
    from mutoscope.perform import finish, start_run
    from mutoscope.run import Run
    from mutoscope.run.joining import Finish, Joined, extras_of, join
    from mutoscope.run.material import material_of
    from mutoscope.run.ordered import settings_of_run
    from mutoscope.vqgan_clip.work import Work, claim_film

    codec_of(output)
    claim_film(output, overwrite=overwrite)
    told = settings.to_dict()
    told.pop("seed")  # one that was drawn is another each time, and the run has its own
    work = Work(output, {**asked, "settings": told}, told={}, overwrite=overwrite)
    if work.named:
        work.name(output)
        if output.exists():
            tell(f"{output}: is complete; there is nothing left to do")
            work.remove()
            click.echo(output)
            return 0
    try:
        claim_film(output, overwrite=overwrite)  # it may be another call's that was named
    except MediaError:
        work.forget_if_nothing_is_done()
        raise
    if (found := work.run_folder()) is None:
        parts = build(
            settings.replace(file_namespace="run", allow_overwrite=False), progress=fetching
        )
        say_plan(parts)
        run, saved, complete = start_run(parts, work.folder), None, False
    else:
        run = Run.open(found)
        parts, saved = None, run.state()
        tell(f"going on with what was begun for {output}")
        complete = finish(run, settings_of_run(run), saved)
    with run:
        if not complete:
            parts = parts or build(settings_of_run(run), progress=fetching)
            complete = paint(parts, run, saved)
    if not complete:
        tell(f"the same command goes on too, and then writes {output}")
        return STOPPED
    joined = Joined([material_of(run.folder)])
    crf = settings.film_quality if codec_of(output).crf else None
    extras = extras_of(joined, output)
    join(joined, work.film(output), extras, Finish(crf, overwrite=True), watched=filming)
    claim_film(output, overwrite=overwrite)
    work.name(output)
    work.remove()
    click.echo(output)
    return 0


def _traits(path: Path) -> list[Any]:
    """What tells a file from others, and from itself once it was changed."""
    found = path.stat()
    return [path.name, found.st_size, found.st_mtime_ns]
