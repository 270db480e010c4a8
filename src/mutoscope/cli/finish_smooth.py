"""The command that smooths a film over time."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@click.command(epilog="Example:  mutoscope smooth images_out/dawn/dawn -o calm.mp4 --alpha 0.4")
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="The film to write, or a folder for pictures.",
)  # fmt: skip
@click.option(
    "--buffer", type=int, default=5, show_default=True, metavar="N",
    help="Over how many pictures, an odd number.",
)  # fmt: skip
@click.option(
    "--alpha", type=float, default=0.7, show_default=True, metavar="A",
    help="How much less each counts than its neighbour nearer to the middle: from 0 (all alike, "
    "smoothest) to 1 (nothing is smoothed).",
)  # fmt: skip
@click.option("--fps", type=float, help="Frames per second of the film; else its own, or 12.")
@click.option("--overwrite", is_flag=True, help="Replace the film, or pictures of the same names.")
def smooth(
    source: Path, output: Path, buffer: int, alpha: float, fps: float | None, overwrite: bool
) -> None:
    """Calm the flicker of a film along its motion.

    SOURCE is the folder of a run, a folder of pictures, or a film. Each picture becomes a weighted
    mean of those around it, carried to where things are now along the optical flow. Nothing is
    averaged across a cut.

    The ending of the output says which kind of film is written; without one it is a folder, and
    the pictures keep their names and recipes. A film keeps its sound. Ctrl-C keeps what is done:
    the same command goes on.
    """
    from mutoscope.errors import SettingsError
    from mutoscope.finish.smooth_files import Smoothing, smooth_to_film, smooth_to_folder
    from mutoscope.frames import as_rate
    from mutoscope.smoothing import Window

    smoothing = Smoothing(source, Window(buffer, alpha), overwrite=overwrite)
    with counting("smoothing") as counted:
        # takes/0.7 is a folder: no kind of film begins with a digit.
        if output.suffix[1:2].isalpha() and not output.is_dir():
            rate = None if fps is None else as_rate(fps, "--fps")
            smooth_to_film(smoothing, output, rate=rate, progress=counted)
        elif fps is not None:
            raise SettingsError(f"--fps: {output} is a folder of pictures, which have no rate")
        else:
            smooth_to_folder(smoothing, output, progress=counted)
    click.echo(output)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show, and tell the program that began this one, how many pictures are done of how many."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from mutoscope.report import Counter

    console, counter = Console(stderr=True), Counter()
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def counted(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            counter(done, total)

        yield counted
