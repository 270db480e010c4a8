"""The command that shows a film's motion before it is painted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mutoscope.cli.make import OVERRIDES
from mutoscope.cli.painting import fetching

if TYPE_CHECKING:
    from mutoscope.preview import Preview

_STRETCH = re.compile(r"(\d{0,9})\.\.(\d{0,9})")


@click.command(epilog="Example:  mutoscope preview harbour.yaml -o harbour-preview.mp4 --size 384")
@click.argument("file", type=click.Path(path_type=Path))
@OVERRIDES
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="The film to write; the plot comes to lie beside it as .png. By default it is called "
    "after the run.",
)  # fmt: skip
@click.option("--size", type=click.IntRange(64, 2048), help="The longer side of the picture shown.")
@click.option("--frames", metavar="A..B", help="Only the frames A to B, counted from 0.")
@click.option("--still", type=float, metavar="T", help="Only the frame at T seconds, as a picture.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def preview(
    file: Path,
    overrides: tuple[str, ...],
    output: Path | None,
    size: int | None,
    frames: str | None,
    still: float | None,
    overwrite: bool,
) -> None:
    """Show a film's motion, masks and sound in seconds, without painting.

    The film's camera moves over its init image, over the film that it follows, or over a test card.
    Beside it stand the time, the scene, the weights of its prompts, and the bands of its sound;
    masks are outlined, and what comes newly into view is tinted. A plot shows all curves.

    The moves are those of `mutoscope render`, at its size. No network is loaded but those that tell
    depth or follow a film.
    """
    from mutoscope.build.rehearsing import rehearse
    from mutoscope.preview import Preview
    from mutoscope.sources import refuse_taken, settings_of

    settings = settings_of(file, overrides)
    if still is not None:
        refuse_both(frames)
        path = output or Path(f"{settings.file_namespace}-preview.png")
        refuse_taken(path, overwrite=overwrite)
        made = Preview(rehearse(settings, progress=fetching), side=size)
        show_still(made, still, path)
        return
    path = output or Path(f"{settings.file_namespace}-preview.mp4")
    plot = path.with_suffix(".png")
    refuse_film(path, overwrite=overwrite)
    refuse_taken(plot, overwrite=overwrite)
    start, stop = stretch(frames)
    made = Preview(rehearse(settings, progress=fetching), side=size)
    show_film(made, path, plot, start=start, stop=stop, overwrite=overwrite)


def show_still(made: Preview, t: float, path: Path) -> None:
    """Write the frame at ``t`` seconds as a picture, and print where it lies."""
    from mutoscope.images import save_image

    number = made.number_at(t)
    for frame in made.frames(number, number + 1):
        save_image(frame, path)
    click.echo(path)


def show_film(
    made: Preview, path: Path, plot: Path, *, start: int, stop: int | None, overwrite: bool
) -> None:
    """Write film and plot, showing how far they are, and print where they lie."""
    from rich.console import Console
    from rich.progress import Progress

    count = len(made.cues)
    last = count if stop is None else min(stop, count)
    if start >= last:
        refuse_stretch(f"{start}..{'' if stop is None else stop - 1}", count)
    say_what_is_shown(made)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("previewing", total=last - start)

        def watch(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        made.write(path, start=start, stop=last, overwrite=overwrite, watch=watch)
    made.write_plot(plot)
    click.echo(path)
    click.echo(plot)


def say_what_is_shown(made: Preview) -> None:
    """Say in one line how long the film is, and what of it can't be seen here."""
    settings, schedule = made.rehearsal.settings, made.rehearsal.schedule
    width, height = made.rehearsal.size
    seconds = len(made.cues) / settings.frames_per_second
    line = f"{len(made.cues)} frames of {width} x {height}, {seconds:.1f} s"
    if not schedule.animated:
        line += "; animation_mode is off: nothing moves, only weights and curves are shown"
    elif settings.save_every != settings.steps_per_frame:
        line += f"; render writes a file every {settings.save_every} steps, not one a move" + (
            ", and its film has no sound" if settings.input_audio else ""
        )
    click.echo(line, err=True)


def stretch(text: str | None) -> tuple[int, int | None]:
    """The first frame of ``A..B`` and the one after the last; None where that is the film's end.

    Raises:
        SettingsError: it is none.
    """
    from mutoscope.errors import SettingsError

    if text is None:
        return 0, None
    found = _STRETCH.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise SettingsError(f"--frames: {text!r} is no stretch; write 24..48, 24.. or ..48")
    start, stop = int(found[1] or 0), int(found[2]) + 1 if found[2] else None
    if stop is not None and start >= stop:
        raise SettingsError(f"--frames: {text!r} ends before it begins; write {stop - 1}..{start}")
    return start, stop


def refuse_stretch(text: str, count: int) -> None:
    """Refuse a stretch that begins after the last frame.

    Raises:
        SettingsError: always.
    """
    from mutoscope.errors import SettingsError

    raise SettingsError(f"--frames: {text!r}: the film has the frames 0 to {count - 1}")


def refuse_both(frames: str | None) -> None:
    """Refuse a stretch beside a still.

    Raises:
        SettingsError: there is one.
    """
    from mutoscope.errors import SettingsError

    if frames is not None:
        raise SettingsError("--frames, --still: give one of them; a still is a single frame")


def refuse_film(path: Path, *, overwrite: bool) -> None:
    """Refuse a film that can't be written, before any work.

    Raises:
        MediaError: its name is no film's, it is there already, or its folder is not.
    """
    from mutoscope.errors import MediaError

    if path.suffix.lower() != ".mp4":
        raise MediaError(f"{path}: previews are written as .mp4; give it that ending")
    if path.is_dir() or (path.exists() and not overwrite):
        raise MediaError(
            f"{path}: is there already and is not overwritten; give another name, or --overwrite"
        )
    if not path.parent.is_dir():
        raise MediaError(f"{path}: there is no folder {path.parent}; make it first")
