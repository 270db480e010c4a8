"""The command that makes pictures and films larger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mutoscope.cli.crew import engaged, sharing

if TYPE_CHECKING:
    from mutoscope.crew.segments import Segments
    from mutoscope.finish.upscale import Upscaler

FILMS = (".mp4", ".mov", ".mkv", ".webm", ".gif")
OTHER_FILMS = (".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".ogv", ".wmv", ".apng")
FILM_SCALE, PICTURE_SCALE = 2, 4

Told = Callable[[int, int | None], None]


@click.command(epilog="Example:  mutoscope upscale fox.png -o fox-large.png --scale 4")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="The picture, folder or film to write.",
)  # fmt: skip
@click.option(
    "--scale", type=click.Choice(["2", "3", "4"]),
    help="By how much; else 4, of films 2, with a checkpoint its own.",
)  # fmt: skip
@click.option(
    "--model", metavar="NAME|FILE",
    help="realesrgan-x4plus (pictures), realesrgan-x4plus-anime (drawings), realesr-animevideov3 "
    "(films, quick), or a checkpoint (.pth, .safetensors).",
)  # fmt: skip
@click.option(
    "--tile", type=click.IntRange(0), metavar="N",
    help="Work in tiles of N pixels, 0 for none; else what memory allows.",
)  # fmt: skip
@click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|vulkan",
    help="Where it runs: auto takes a graphics card if there is one.",
)  # fmt: skip
@click.option(
    "--faces", is_flag=False, flag_value="", metavar="[NAME]",
    help="Restore faces by a plug-in that is installed.",
)  # fmt: skip
@sharing
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def upscale(
    source: Path,
    output: Path,
    scale: str | None,
    model: str | None,
    tile: int | None,
    device: str,
    faces: str | None,
    overwrite: bool,
    workers: int | None,
    threads: int | None,
    on: str | None,
) -> None:
    """Make a picture, a folder of pictures or a film larger.

    Transparency, a film's sound and the recipe are kept. Folders and films go on where they were
    stopped when the same command is given again. With --workers or --on the pictures of a film are
    shared out, which changes nothing in it.
    """
    from mutoscope.errors import MediaError
    from mutoscope.finish.produce import is_taken
    from mutoscope.finish.upscale import FOR_FILMS, FOR_PICTURES, load_upscaler

    if not source.exists():
        raise MediaError(f"{source}: does not exist; give a picture, a folder or a film")
    is_film = _is_film(source, output)
    taken = is_taken(output) if is_film else output.exists()
    if taken and not overwrite and not source.is_dir():
        raise MediaError(f"{output}: exists already; choose another name, or add --overwrite")
    chosen = model or (FOR_FILMS if is_film else FOR_PICTURES)
    if not is_film and (on is not None or workers is not None):
        raise click.UsageError(
            "--workers and --on share out the pictures of a film; leave them out"
        )
    named: dict[str, Any] = {
        "scale": _scale(scale, model, is_film=is_film),
        "tile": tile,
        "device": device,
        "faces": faces or faces is not None,
    }
    upscaler = load_upscaler(chosen, **named)
    with engaged(on, workers, threads) as crew:
        hands = None
        if crew is not None:
            from mutoscope.crew.segments import upscaled_segments

            hands = upscaled_segments(crew, source, model=chosen, **named)
        _make(source, output, upscaler, is_film=is_film, overwrite=overwrite, hands=hands)
    click.echo(output)


def _make(
    source: Path,
    output: Path,
    upscaler: Upscaler,
    *,
    is_film: bool,
    overwrite: bool,
    hands: Segments | None,
) -> None:
    """Upscale what ``source`` is, and show how far it is."""
    from mutoscope.finish.upscale import upscale_film, upscale_folder, upscale_picture

    try:
        if source.is_dir():
            with upscaling("pictures") as told:
                upscale_folder(source, output, upscaler, overwrite=overwrite, told=told)
        elif is_film:
            with upscaling("frames") as told:
                upscale_film(source, output, upscaler, overwrite=overwrite, told=told, hands=hands)
        else:
            with upscaling("tiles") as told:
                upscale_picture(source, output, upscaler, overwrite=overwrite, told=told)
    except KeyboardInterrupt:
        if is_film or source.is_dir():
            click.echo("stopped; the same command goes on with it", err=True)
        raise


def _is_film(source: Path, output: Path) -> bool:
    """Whether a film is meant: by the input's ending, or an animation's by the output's."""
    if source.is_dir():
        return False
    ending = source.suffix.lower()
    return ending in (*FILMS, *OTHER_FILMS) or output.suffix.lower() in FILMS


def _scale(scale: str | None, model: str | None, *, is_film: bool) -> float | None:
    """The scale that is meant; None leaves it to a checkpoint."""
    from mutoscope.finish.upscale.models import model_of

    if scale is not None:
        return float(scale)
    if model is not None and isinstance(model_of(model), Path):
        return None
    return FILM_SCALE if is_film else PICTURE_SCALE


@contextmanager
def upscaling(what: str) -> Iterator[Told]:
    """What shows on a terminal how much is done, and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    from mutoscope.report import Counter

    console, counter = Console(stderr=True), Counter()
    columns = (
        TextColumn("upscaling"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(what),
        TextColumn("left"),
        Left(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("upscaling", total=None)

        def told(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)
            counter(done, total)

        yield told
