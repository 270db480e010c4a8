"""The command that processes line drawings: tones, and colours between the lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mutoscope.finish.process_files import Processing

FILMS = (".mp4", ".mov", ".mkv", ".webm", ".gif")
OTHER_FILMS = (".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".ogv", ".wmv", ".apng")

# What belongs to filling alone, by the names that click gives and the ones that users write.
_OF_FILLING = {
    "keep_lines": "--keep-lines", "by": "--by", "seed": "--seed", "smallest": "--smallest",
    "gap": "--gap", "blend": "--blend", "fade": "--fade", "each": "--each", "loop": "--loop",
}  # fmt: skip


@click.command(
    epilog="Example:  mutoscope process drawings -o filled.mp4 --fill 'teal, #ffd166, coral, white'"
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="The picture, folder or film to write.",
)  # fmt: skip
@click.option("--invert", is_flag=True, help="Light lines on dark; with --fill, dark on light.")
@click.option(
    "--min-value", type=int, default=0, show_default=True, metavar="N",
    help="The grey that the darkest comes to, 0 to 255.",
)  # fmt: skip
@click.option("--bitmap", is_flag=True, help="Only black and white, before the rest.")
@click.option(
    "--threshold", type=int, metavar="N",
    help="Lighter than this is paper: for --bitmap, else 128; for --fill, else 160.",
)  # fmt: skip
@click.option(
    "--fill", metavar="PALETTE|PICTURE",
    help="Colour the regions between lines: 'teal, gold', a ramp 'navy->gold\\6', a picture "
    "under the drawing, or its main colours, 'photo.jpg\\8'.",
)  # fmt: skip
@click.option("--keep-lines", is_flag=True, help="Leave the lines over the colours.")
@click.option(
    "--by", type=click.Choice(["chance", "area", "place"]), default="chance", show_default=True,
    help="What decides on a palette's colour: a lot, a region's size, or how far down it lies.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Another one, other lots."
)
@click.option(
    "--smallest", type=int, default=20, show_default=True, metavar="N",
    help="Regions of fewer pixels go to their neighbours.",
)  # fmt: skip
@click.option(
    "--gap", type=int, default=4, show_default=True, metavar="N",
    help="Gaps in lines of up to N pixels are taken for closed; 0 for none.",
)  # fmt: skip
@click.option(
    "--blend", type=float, default=2.0, show_default=True, metavar="N",
    help="Colours mix over N pixels where they meet; 0 for hard edges.",
)  # fmt: skip
@click.option(
    "--fade", type=int, default=8, show_default=True, metavar="N",
    help="In a film, a region's colour changes over N frames.",
)  # fmt: skip
@click.option("--each", is_flag=True, help="Colour each picture by itself, not as a frame.")
@click.option(
    "--loop", is_flag=True, help="The film plays round: its last frame leads to its first."
)
@click.option("--fps", type=float, help="Frames per second of a film; else its own, or 12.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.pass_context
def process(
    context: click.Context,
    source: Path,
    output: Path,
    invert: bool,
    min_value: int,
    bitmap: bool,
    threshold: int | None,
    fill: str | None,
    keep_lines: bool,
    by: str,
    seed: int,
    smallest: int,
    gap: int,
    blend: float,
    fade: int,
    each: bool,
    loop: bool,
    fps: float | None,
    overwrite: bool,
) -> None:
    """Invert, threshold and colour line drawings.

    IN is a picture, a folder of pictures, the folder of a run, or a film. It becomes grey. The
    ending of the output says what is written; without one it is a folder, and the pictures keep
    their names and recipes. A film keeps its sound. Folders and films go on where they were
    stopped when the same command is given again.
    """
    from mutoscope.errors import MediaError, SettingsError
    from mutoscope.finish.fill import FILL_THRESHOLD, Shapes
    from mutoscope.finish.process import BITMAP_THRESHOLD, Tone
    from mutoscope.finish.process_files import Filling, Processing
    from mutoscope.finish.region_colours import By

    if not source.exists():
        raise MediaError(f"{source}: does not exist; give a picture, a folder or a film")
    _refuse_without_use(context, filled=fill is not None)
    filling = None
    if fill is not None:
        shapes = Shapes(
            threshold=FILL_THRESHOLD if threshold is None else threshold,
            smallest=smallest, gap=gap, blend=blend, keep_lines=keep_lines,
        )  # fmt: skip
        filling = Filling(fill, shapes, by=By(by), seed=seed, fade=fade, each=each, loop=loop)
    divides = (BITMAP_THRESHOLD if threshold is None else threshold) if bitmap else None
    tone = Tone(invert=invert, min_value=min_value, threshold=divides)
    if fill is None and tone == Tone():
        raise SettingsError(
            "nothing is to be done; add --invert, --min-value N, --bitmap or --fill PALETTE"
        )
    _make(Processing(source, tone, filling, overwrite=overwrite), output, fps)
    click.echo(output)


def _refuse_without_use(context: click.Context, *, filled: bool) -> None:
    """Refuse options that would do nothing."""
    from click.core import ParameterSource

    from mutoscope.errors import SettingsError

    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if filled and (tones := given & {"bitmap", "min_value"}):
        name = min(tones).replace("_", "-")
        raise SettingsError(
            f"--{name}: changes nothing about colours; leave it out, or leave out --fill"
        )
    if not filled:
        for name, option in _OF_FILLING.items():
            if name in given:
                raise SettingsError(f"{option}: is for colours; say which by --fill PALETTE")
        if "threshold" in given and "bitmap" not in given:
            raise SettingsError("--threshold: is for --bitmap or --fill; add one of them")


def _make(processing: Processing, output: Path, fps: float | None) -> None:
    """Process what the source is, and show how far it is."""
    from mutoscope.cli.finish_smooth import counting
    from mutoscope.errors import SettingsError
    from mutoscope.finish.process_files import (
        process_picture,
        process_to_film,
        process_to_folder,
    )
    from mutoscope.frames import as_rate

    source = processing.path
    # takes/0.7 is a folder: no kind of film begins with a digit.
    is_folder = not output.suffix[1:2].isalpha() or output.is_dir()
    if _is_film(source, output) and not is_folder:
        rate = None if fps is None else as_rate(fps, "--fps")
        with counting("processing") as counted:
            process_to_film(processing, output, rate=rate, progress=counted)
    elif fps is not None:
        raise SettingsError(f"--fps: {output} is no film; leave it out")
    elif is_folder and (source.is_dir() or _is_film(source, output)):
        with counting("processing") as counted:
            process_to_folder(processing, output, progress=counted)
    else:
        process_picture(processing, output)


def _is_film(source: Path, output: Path) -> bool:
    """Whether what is read goes into a film, or is one."""
    return (
        source.is_dir()
        or source.suffix.lower() in (*FILMS, *OTHER_FILMS)
        or (output.suffix.lower() in FILMS)
    )
