"""The commands that show the grid, cut tiles, and find specimens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mutoscope.drawings.sheets import Sheet
    from mutoscope.drawings.specimens import Specimen

SHEET_SIDE = 900  # pixels of a page on the sheet of all pages

_folder = click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
_cache = click.option(
    "--cache", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Where decoded pages are kept; else ~/.cache/mutoscope/pages.",
)  # fmt: skip
_dpi = click.option(
    "--dpi", type=click.FloatRange(10, 9600), metavar="N",
    help="The resolution that pages are scaled to; else the one that most have.",
)  # fmt: skip


def _grid_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where the grid lies."""
    for option in (
        click.option(
            "--rows", type=click.FloatRange(0.1, 1000), default=12, show_default=True,
            metavar="N", help="Rows of cells, each 256/300 inch.",
        ),
        click.option(
            "--cols", type=click.FloatRange(0.1, 1000), default=18, show_default=True,
            metavar="N", help="Columns of cells.",
        ),
        click.option(
            "--margins", default="auto", show_default=True, metavar="auto|grid|LENGTH|FILE",
            help="auto: around the ink. grid: --cols and --rows from the corner. A length, as "
            "12mm, 0.5in or 40px: the page less that much. A file: adj_xy.json.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(
    epilog="Example:  mutoscope drawings grid pages -o grid.png --write pages/adj_xy.json"
)
@_folder
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE|FOLDER",
    help="A picture of all pages, or a folder for each page at full size.",
)  # fmt: skip
@_grid_options
@click.option("--page", metavar="NAME", help="Only this page, at full size.")
@click.option(
    "--write", type=click.Path(path_type=Path), metavar="FILE",
    help="Write where the grids lie, to be corrected by hand and given as --margins.",
)  # fmt: skip
@_cache
def grid(
    folder: Path,
    output: Path,
    margins: str,
    cols: float,
    rows: float,
    page: str | None,
    write: Path | None,
    cache: Path | None,
) -> None:
    """Draw the grid over the pages: what is inside is what tiles are cut from."""
    from mutoscope.drawings.margins import write_margins

    sheets = _sheets(folder, cache, margins=margins, cols=cols, rows=rows, dpi=None, channels=3)
    if page is not None:
        sheets = [_named(sheets, page, folder)]
    if output.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"):
        _draw_sheet(sheets, output, single=page is not None)
    else:
        for sheet in sheets:
            _save(_overlaid(sheet), output / f"{sheet.name}.png")
    if write is not None:
        write_margins(write, {sheet.name: sheet.grid for sheet in sheets})
        click.echo(write)
    click.echo(output)


@click.command(epilog="Example:  mutoscope drawings tiles pages -o tiles --size 256 --steps 2")
@_folder
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Where the tiles go; the same command goes on where it was stopped.",
)  # fmt: skip
@click.option(
    "--size", type=click.IntRange(4, 2048), default=256, show_default=True, metavar="N",
    help="The side of a tile in pixels.",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(1), default=2, show_default=True, metavar="N",
    help="How many tiles to a cell of the grid, both ways.",
)  # fmt: skip
@click.option(
    "--form", default="png", show_default=True, metavar="png|webdataset|tfrecord",
    help="Files, or shards in mixed order.",
)  # fmt: skip
@click.option(
    "--per-shard", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, metavar="N",
    help="Tiles in a shard.",
)  # fmt: skip
@_grid_options
@_dpi
@click.option(
    "--specimens", type=click.Path(path_type=Path), metavar="FILE",
    help="Cut the specimens of this file, each in its eight turns.",
)  # fmt: skip
@click.option("--colour/--grey", default=None, help="Else as the scans are.")
@click.option("--turn/--upright", default=True, help="Turned by any angle, or not at all.")
@click.option("--mirror/--no-mirror", default=True, help="Half of them mirrored, or none.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another one, other angles.")
@click.option("--count", is_flag=True, help="Say how many there would be, and stop.")
@_cache
def tiles(folder: Path, output: Path | None, count: bool, form: str, **options: Any) -> None:
    """Cut tiles from scans and write them down.

    Training needs none: it cuts its own as it goes. FOLDER may also be one of shards, WebDataset
    (.tar) or TFRecord, which are then written in another form.
    """
    from mutoscope.drawings.shards import find_shards
    from mutoscope.drawings.writing import Job, check_form, write_tiles
    from mutoscope.errors import SettingsError

    check_form(form)
    if output is None and not count:
        raise SettingsError("tiles: say where they go with -o FOLDER, or ask for --count")
    shards = find_shards(folder) if folder.is_dir() else []
    if shards:
        _repack(shards, output, form, count=count)
        return
    plan, about = _plan(folder, options)
    if count or output is None:
        click.echo(f"{len(plan)} tiles of {options['size']}² from {len(plan.sheets)} pages")
        return
    job = Job(plan, options["size"], form, options["seed"], options["per_shard"])
    with _going_on(), progressing("writing", "tiles") as told:
        write_tiles(job, output, about=about, told=told)
    click.echo(output)


@click.command(epilog="Example:  mutoscope drawings specimens pages --show specimens.png")
@_folder
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Where they are written; else specimens.json in FOLDER.",
)  # fmt: skip
@click.option(
    "--show", type=click.Path(path_type=Path), metavar="FILE",
    help="Draw all pages with the squares.",
)  # fmt: skip
@click.option(
    "--gap", type=float, default=2.0, show_default=True, metavar="MM",
    help="Lines nearer than this belong together.",
)  # fmt: skip
@click.option(
    "--least", type=float, default=4.0, show_default=True, metavar="MM",
    help="What is smaller is dust.",
)  # fmt: skip
@click.option("--same-size", is_flag=True, help="Give all the square of the largest.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@_cache
def specimens(
    folder: Path,
    output: Path | None,
    show: Path | None,
    gap: float,
    least: float,
    same_size: bool,
    overwrite: bool,
    cache: Path | None,
) -> None:
    """Find single motifs on pages, and write down where they are."""
    from mutoscope.drawings.specimens import NAME, equal, find_specimens, write_specimens
    from mutoscope.errors import MediaError

    target = folder / NAME if output is None else output
    if target.exists() and not overwrite:
        raise MediaError(f"{target}: exists already; choose another with -o, or add --overwrite")
    sheets = _sheets(folder, cache, margins="0px", cols=1, rows=1, dpi=None, channels=1)
    found: dict[str, list[Specimen]] = {}
    for sheet in sheets:
        each = find_specimens(sheet.pixels, sheet.dpi, gap_mm=gap, least_mm=least)
        found[sheet.name] = [one.scaled(1 / sheet.scale) for one in each]
    if same_size:
        found = equal(found)
    write_specimens(target, sheets, found)
    if show is not None:
        _show_specimens(sheets, found, show)
        click.echo(show)
    total = sum(map(len, found.values()))
    click.echo(f"{total} specimens on {len(sheets)} pages", err=True)
    click.echo(target)


# ── pages ──


def _sheets(
    folder: Path,
    cache: Path | None,
    *,
    margins: str,
    cols: float,
    rows: float,
    dpi: float | None,
    channels: int | None,
) -> list[Sheet]:
    """The pages of a folder, laid out."""
    from mutoscope.drawings.cache import PageCache
    from mutoscope.drawings.scans import pages_of
    from mutoscope.drawings.sheets import lay_out

    pages = pages_of(folder)
    with progressing("reading", "pages") as told:
        return lay_out(
            pages,
            PageCache(cache),
            channels=channels or max(page.channels for page in pages),
            dpi=dpi,
            margins=Path(margins) if margins.endswith(".json") else margins,
            cols=cols,
            rows=rows,
            told=told,
        )


def _named(sheets: list[Sheet], name: str, folder: Path) -> Sheet:
    from mutoscope.errors import MediaError, nearest

    for sheet in sheets:
        if name in (sheet.name, sheet.path.name):
            return sheet
    names = [sheet.name for sheet in sheets]
    raise MediaError(f"{folder}: has no page {name!r} with ink on it{nearest(name, names)}")


# ── tiles ──


def _plan(folder: Path, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The tiles that are asked for, and the description by which a stopped job is known again."""
    from mutoscope.drawings.plan import BlobPlan, SpecimenPlan, Wishes
    from mutoscope.drawings.specimens import places_on, read_specimens

    colour, picked = options["colour"], options["specimens"]
    sheets = _sheets(
        folder,
        options["cache"],
        margins="0px" if picked else options["margins"],
        cols=options["cols"],
        rows=options["rows"],
        dpi=options["dpi"],
        channels=None if colour is None else 3 if colour else 1,
    )
    about = {key: options[key] for key in ("size", "seed", "per_shard")}
    about["channels"] = (sheets[0].pixels.ndim == 3 and 3) or 1
    about["dpi"] = sheets[0].dpi
    if picked:
        places = places_on(sheets, read_specimens(picked))
        about["specimens"] = [[p.page, p.x, p.y, p.side, p.angle] for p in places]
        plan: Any = SpecimenPlan(sheets, places)
    else:
        wishes = Wishes(
            options["size"], options["steps"], options["seed"], options["turn"], options["mirror"]
        )
        plan = BlobPlan(sheets, wishes)
        about |= {key: options[key] for key in ("steps", "turn", "mirror")}
    about["pages"] = {
        sheet.name: [sheet.digest, sheet.box.left, sheet.box.top, sheet.box.right, sheet.box.bottom]
        for sheet in plan.sheets
    }
    return plan, about


def _repack(shards: list[Path], output: Path | None, form: str, *, count: bool) -> None:
    """Write shards in another form, or count what they hold."""
    from mutoscope.drawings.shards import read_shard
    from mutoscope.drawings.writing import repack

    if count or output is None:
        total = sum(1 for path in shards for _ in read_shard(path))
        click.echo(f"{total} tiles in {len(shards)} shards, all sound")
        return
    with _going_on(), progressing("writing", "tiles") as told:
        repack(shards, output, form=form, told=lambda done: told(done, None))
    click.echo(output)


# ── pictures ──


def _overlaid(sheet: Sheet) -> Any:
    from mutoscope.drawings.grid import overlay

    thickness = max(3, round(sheet.dpi / 100))
    return overlay(sheet.pixels, sheet.grid, sheet.dpi, thickness=thickness)


def _draw_sheet(sheets: list[Sheet], output: Path, *, single: bool) -> None:
    """All pages on one picture, or one page at full size."""
    if single:
        _save(_overlaid(sheets[0]), output)
    else:
        _contact(sheets, [_small(_overlaid(sheet)) for sheet in sheets], output)


def _show_specimens(sheets: list[Sheet], found: dict[str, list[Specimen]], output: Path) -> None:
    import cv2
    import numpy as np

    drawn = []
    for sheet in sheets:
        page = np.repeat(np.asarray(sheet.pixels)[..., None], 3, axis=2)
        for one in found[sheet.name]:
            each = one.scaled(sheet.scale)
            half = each.side / 2
            first = round(each.x - half), round(each.y - half)
            last = round(each.x + half), round(each.y + half)
            cv2.rectangle(page, first, last, (255, 0, 0), max(3, round(sheet.dpi / 60)))
        drawn.append(_small(page))
    _contact(sheets, drawn, output)


def _small(pixels: Any) -> Any:
    from mutoscope.drawings.cache import scaled

    height, width = pixels.shape[:2]
    factor = min(1.0, SHEET_SIDE / max(height, width))
    return scaled(pixels, (max(1, round(width * factor)), max(1, round(height * factor))))


def _contact(sheets: list[Sheet], drawn: list[Any], output: Path) -> None:
    from mutoscope.images import contact_sheet, from_bytes, save_image

    images = [from_bytes(pixels) for pixels in drawn]
    save_image(contact_sheet(images, labels=[sheet.name for sheet in sheets]), output)


def _save(pixels: Any, path: Path) -> None:
    from mutoscope.atomic import reason
    from mutoscope.errors import MediaError
    from mutoscope.images import from_bytes, save_image

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"{path.parent}: can't be made: {reason(error)}") from error
    save_image(from_bytes(pixels), path)


# ── progress ──


@contextmanager
def _going_on() -> Iterator[None]:
    """Says after Ctrl-C that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("stopped; the same command goes on with it", err=True)
        raise


@contextmanager
def progressing(doing: str, what: str) -> Iterator[Callable[[int, int | None], None]]:
    """What shows on a terminal how much is done, and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    console = Console(stderr=True)
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn(what), Left())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(doing, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
