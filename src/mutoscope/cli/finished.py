"""The commands that work on pictures already made."""

from pathlib import Path

import click

from mutoscope.errors import printable

JOINER = "\u200d"  # composes emoji, and does nothing else to a terminal


@click.command(epilog="Example:  mutoscope film images_out/harbour/harbour/frames -o harbour.mp4")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The film to write."
)
@click.option("--fps", type=float, default=12.0, show_default=True, help="Frames per second.")
@click.option(
    "--crf", type=click.FloatRange(0, 51), default=17.0, show_default=True,
    help="Quality of H.264: 0 is lossless, 51 the smallest.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the film if it is there.")
def film(folder: Path, output: Path, fps: float, crf: float, overwrite: bool) -> None:
    """Make a film of a folder of pictures.

    The pictures are taken in the order of the numbers in their names. FOLDER may also be that of a
    run, whose frames are then taken.
    """
    from rich.console import Console
    from rich.progress import track

    from mutoscope.errors import MediaError
    from mutoscope.frames import FilmSink, FolderSource

    if output.suffix.lower() != ".mp4":
        raise MediaError(f"{output}: films are written as .mp4; give it that ending")
    frames = folder / "frames"
    source = FolderSource(frames if (folder / "run.json").exists() and frames.is_dir() else folder)
    console = Console(stderr=True)
    with FilmSink(output, fps, crf=crf, overwrite=overwrite) as sink:
        try:
            for picture in track(
                source, "filming", total=len(source), console=console,
                disable=not console.is_terminal,
            ):  # fmt: skip
                sink.write(picture)
        except BaseException:
            sink.abort()  # half a film would stand in the way of the whole one
            raise
    click.echo(output)


@click.command(epilog="Example:  mutoscope show fox.png")
@click.argument("picture", type=click.Path(path_type=Path))
def show(picture: Path) -> None:
    """Print a picture's recipe, and the command that makes it again.

    PICTURE is a PNG, JPEG, WebP or MP4 that Mutoscope made. Of a sheet, it says what stands in its
    rows and columns, and the settings are those of its first picture.
    """
    from mutoscope.settings.writing import as_scalar
    from mutoscope.sources import recipe_of
    from mutoscope.sweep.jobs import axes_of, command_of

    recipe = recipe_of(picture)
    for key in ("version", "frame", "step"):
        if key in recipe:
            click.echo(printable(f"# {key}: {recipe[key]}", allowed=JOINER))
    for number, axis in enumerate(axes_of(recipe) or (), 1):
        click.echo(printable(f"# sheet, axis {number}: {' | '.join(axis)}", allowed=JOINER))
    for key, value in recipe["settings"].items():
        click.echo(printable(f"{key}: {as_scalar(value)}", allowed=JOINER))
    click.echo()
    click.echo(printable(command_of(recipe), allowed=f"\n\t{JOINER}"))
