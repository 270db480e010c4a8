"""Pages of drawings: samples drawn, scans looked at and made ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mutoscope.errors import MediaError, printable

Told = Callable[[int], None]


@click.command(epilog="Example:  mutoscope drawings sample pages --pages 24 --seed 3")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--pages", type=int, default=12, show_default=True, help="How many pages.")
@click.option(
    "--style", "styles", multiple=True, metavar="NAME",
    help="tangle, contours, growth, flow, hatch or creatures; may be given several times. "
    "Without, all by turns.",
)  # fmt: skip
@click.option("--dpi", type=float, default=300.0, show_default=True, help="Pixels per inch.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, other pages.")
def sample(folder: Path, pages: int, styles: tuple[str, ...], dpi: float, seed: int) -> None:
    """Draw pages of abstract ink line-work, 8.5 × 11 inches, to try things without a scanner.

    FOLDER must be new or empty, or hold such pages only, which are then replaced.
    """
    from mutoscope.drawings.sample import write_samples

    with counting("drawing", pages) as told:
        drawn = write_samples(folder, pages=pages, styles=styles, seed=seed, dpi=dpi, told=told)
    many = "page" if len(drawn) == 1 else "pages"
    click.echo(f"{folder}: {len(drawn)} {many} at {dpi:g} dpi")


@click.command(epilog="Example:  mutoscope drawings check scans -o check.png")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="The page of thumbnails to write, a PNG; else FOLDER-check.png where you are.",
)  # fmt: skip
@click.option(
    "--tile", type=click.IntRange(1), default=256, show_default=True,
    help="The side of the tiles that will be cut, in pixels.",
)  # fmt: skip
def check(folder: Path, output: Path | None, tile: int) -> None:
    """Look at scans: size, dpi, mode and margins of each page, and what is odd.

    A line a page, and a page of thumbnails on which the margins are drawn.
    """
    from mutoscope.drawings.check import look_at, sheet_png, table
    from mutoscope.drawings.scans import page_paths

    output = output or Path(f"{folder.absolute().name}-check.png")
    _may_write(output, folder)
    with counting("looking", len(page_paths(folder))) as told:
        findings = look_at(folder, tile=tile, told=told)
    write(output, sheet_png(findings, printable(f"{folder.absolute().name}")))
    for line in table(findings):
        click.echo(line)
    click.echo(output)


@click.command(epilog="Example:  mutoscope drawings prepare photos -o pages --page --light --crop")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="The folder to write: new, empty, or one of an earlier call, which then goes on.",
)  # fmt: skip
@click.option("--page", is_flag=True, help="Cut out and square the sheet, where its edges show.")
@click.option("--deskew", is_flag=True, help="Turn straight what lies askew by up to 15°.")
@click.option("--light", is_flag=True, help="Make the paper white all over.")
@click.option("--crop", is_flag=True, help="Cut off the margins around the ink.")
@click.option(
    "--margin", type=float, default=2.0, show_default=True,
    help="What --crop leaves around the ink, in per cent of the page's longer side.",
)  # fmt: skip
@click.option("--dpi", type=float, help="Pixels per inch of pages whose files don't say.")
def prepare(
    folder: Path,
    output: Path,
    page: bool,
    deskew: bool,
    light: bool,
    crop: bool,
    margin: float,
    dpi: float | None,
) -> None:
    """Make scans and photographs ready: straight, evenly lit, cropped; as numbered PNG files.

    FOLDER stays as it is. What was done to each page stands in prepared.json.
    """
    from mutoscope.drawings.prepare import Wishes, prepare_folder
    from mutoscope.drawings.scans import pages_of

    wishes = Wishes(page=page, deskew=deskew, light=light, crop=crop, margin=margin, dpi=dpi)
    with counting("preparing", len(pages_of(folder))) as told:
        made = prepare_folder(folder, output, wishes, told=lambda done, _: told(done))
    for entry in made:
        click.echo(printable(f"{entry['file']}  {entry['source']}  {said(entry['done'])}"))
    click.echo(output)


def said(done: dict[str, Any]) -> str:
    """What was done to a page, in a few words."""
    words = []
    if "corners" in done:
        words.append("sheet cut out")
    if "turned" in done:
        words.append(f"turned by {done['turned']:g}°")
    if done.get("light"):
        words.append("light evened")
    if "box" in done:
        words.append("cropped")
    return ", ".join(words) or "as it was"


def _may_write(output: Path, folder: Path) -> None:
    """Refuse what would be taken for a page, or would replace what is not ours."""
    from mutoscope.provenance import read_recipe

    if output.suffix.lower() != ".png":
        raise MediaError(f"--output: {output}: is a PNG file; give a name that ends in .png")
    if output.absolute().parent.resolve() == folder.resolve():
        raise MediaError(f"--output: {output}: would lie among the scans; give another place")
    if output.exists():
        recipe = read_recipe(output)
        if recipe is None or "drawings" not in recipe:
            raise MediaError(f"--output: {output}: is there already, and another picture")


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    from mutoscope import atomic

    try:
        atomic.write_bytes(path, data)
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {atomic.reason(error)}") from error


@contextmanager
def counting(what: str, total: int) -> Iterator[Told]:
    """What shows on a terminal how many pages are done, and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("left"), Left())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
