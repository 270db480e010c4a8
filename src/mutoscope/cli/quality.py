"""What came out: a run, a film or a folder of pictures measured."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mutoscope.errors import MediaError, MutoscopeError, printable

if TYPE_CHECKING:
    from mutoscope.quality.report import Quality
    from mutoscope.schedule import Schedule
    from mutoscope.settings import Settings

log = logging.getLogger("mutoscope")

Told = Callable[[int], None]


@click.command(epilog="Example:  mutoscope quality images_out/harbour/harbour")
@click.argument("path", metavar="RUN|FILM|FOLDER", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="Folder for quality.json and quality.png; by default that of the run, and none for a "
    "film or a folder.",
)  # fmt: skip
@click.option(
    "--fps", type=click.FloatRange(0, 1000, min_open=True),
    help="Pictures per second of a folder, to name times.",
)  # fmt: skip
@click.option("--loop", is_flag=True, help="It is to be played round: judge the seam as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
def quality(path: Path, output: Path | None, fps: float | None, loop: bool, as_json: bool) -> None:
    """Measure what came out, and name the worst frames.

    Flicker, drift of colours, the seam of a loop, agreement with the prompts of each scene, frames
    that repeat or are black. Of a run the report is written into its folder, with a plot.
    """
    from mutoscope.quality.keep import write_quality
    from mutoscope.quality.table import table

    if (path / "run.json").is_file():
        report = of_run(path, loop=loop)
        output = output or path
    else:
        report = of_pictures(path, fps=fps, loop=loop)
    if output is not None:
        make_folder(output)
        _, plot = write_quality(report, output)
    if as_json:
        click.echo(json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
        return
    for line in table(report):
        click.echo(printable(line))
    if output is not None:
        click.echo(f"\n{plot}")


def of_run(folder: Path, *, loop: bool) -> Quality:
    """The report of a run, whether it has come to its end or not."""
    from mutoscope.quality.keep import judge_run
    from mutoscope.run.about import About
    from mutoscope.run.layout import ABOUT, SETTINGS, shown_paths
    from mutoscope.schedule import make_schedule
    from mutoscope.settings import load_settings

    about = About.read(folder / ABOUT)
    settings = load_settings(folder / SETTINGS, base=about.relative_to, quiet=True)
    schedule = with_sound(settings, make_schedule(settings))
    kept = [path for _, path in shown_paths(folder, about.base)]
    if not kept:
        raise MediaError(f"{folder}: has kept no frame yet; go on with: mutoscope resume {folder}")
    shown = about.film.order(kept) if about.film is not None else kept
    closed = schedule.lap > 0 and len(shown) < len(kept)
    with measuring(len(shown)) as told:
        return judge_run(
            folder, shown, settings=settings, schedule=schedule, loops=loop or closed,
            progress=told,
        )  # fmt: skip


def with_sound(settings: Settings, schedule: Schedule) -> Schedule:
    """The schedule with the curves that weights may follow, as far as they can be had."""
    from dataclasses import replace

    from mutoscope.build.listening import listen

    try:
        heard = listen(settings, schedule)
    except MutoscopeError as error:
        log.warning("%s; prompts that follow the sound are compared with themselves only", error)
        return schedule
    return schedule if heard is None else replace(schedule, signals=heard.values)


def of_pictures(path: Path, *, fps: float | None, loop: bool) -> Quality:
    """The report of a film, or of the pictures in a folder."""
    from mutoscope.frames import ClipSource, FolderSource
    from mutoscope.frames.base import Source
    from mutoscope.quality.keep import number_of
    from mutoscope.quality.measure import measure
    from mutoscope.quality.report import Quality

    source: Source
    if path.is_dir():
        folder = FolderSource(path, rate=fps)
        numbers = [number_of(picture, place) for place, picture in enumerate(folder.paths, 1)]
        source = folder
    else:
        source, numbers = ClipSource(path), None
        if fps is not None:
            raise MediaError(
                f"--fps: {path} has its own rate, {float(source.rate):g}; leave it out"
            )
    rate = None if source.rate is None else float(source.rate)
    with measuring(source.length) as told:
        film = measure(source, numbers=numbers, rate=rate, loops=loop, progress=told)
    return Quality.of(path.absolute().name, film)


@contextmanager
def measuring(total: int | None) -> Iterator[Told]:
    """What shows on a terminal how many pictures are measured, and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    console = Console(stderr=True)
    columns = (
        TextColumn("measuring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        Left(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("measuring", total=total)
        yield lambda done: progress.update(task, completed=done)


def make_folder(folder: Path) -> None:
    """Make the folder for the report, if need be."""
    from mutoscope.atomic import reason

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"{folder}: can't be made: {reason(error)}") from error
