"""The command that maps what a trained generator draws."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mutoscope.atlas.survey import Atlas, Stage, Survey
    from mutoscope.walk import Renderer
    from mutoscope.walk.places import Map

# What only the whole map takes.
MAP_ONLY = ("output", "count", "first", "overwrite")


@click.command(epilog="Example:  mutoscope atlas my-drawings-gan --bookmark bird=42+2*sefa-1")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="HTML",
    help="The page to write; by default atlas.html in RUN.",
)  # fmt: skip
@click.option("--count", type=int, default=256, show_default=True, help="Samples on the map.")
@click.option("--first", type=int, default=0, show_default=True, help="The first one's number.")
@click.option(
    "--truncation", type=float, default=0.7, show_default=True,
    help="Toward the mean picture, as of a walk.",
)  # fmt: skip
@click.option(
    "--bookmark", "bookmarks", multiple=True, metavar="NAME=PLACE",
    help="Keep a place by a name and draw no map; PLACE is 42, 42+2*sefa-1 or 0.5*42+0.5*17.",
)  # fmt: skip
@click.option("--forget", multiple=True, metavar="NAME", help="Drop a bookmark.")
@click.option(
    "--nearest", metavar="PICTURE|PLACE",
    help="Say from which drawing a picture, or a place, is, and draw no map.",
)  # fmt: skip
@click.option(
    "--drawings", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Where the drawings lie, if not where the training found them.",
)  # fmt: skip
@click.option(
    "--tiles", type=int, default=4096, show_default=True, help="Tiles of them to compare with."
)
@click.option("--device", help="cpu, cuda, cuda:1, mps; by default a GPU where there is one.")
@click.option("--overwrite", is_flag=True, help="Replace the page and the picture.")
@click.pass_context
def atlas(
    ctx: click.Context, run: Path, output: Path | None, count: int, first: int, truncation: float,
    bookmarks: tuple[str, ...], forget: tuple[str, ...], nearest: str | None,
    drawings: Path | None, tiles: int, device: str | None, overwrite: bool,
) -> None:  # fmt: skip
    """Map what a trained generator draws.

    RUN is the folder of a training, or a generator's file. The map is a page with samples laid out
    by likeness, each with its number, the directions in which pictures change most, the bookmarks,
    those samples marked where drawings are thin, and for each the drawing that it is most like.
    Beside it the map alone is written as a PNG, and beside the generator its directions.

    Samples, bookmarks and directions are keys of walks: --keys "3,bird,42 + 2*sefa-1".
    """
    from mutoscope.atlas.survey import Survey
    from mutoscope.cli.train import pick_device
    from mutoscope.walk import load_renderer

    asked = bool(bookmarks or forget) + (nearest is not None)
    if asked > 1:
        raise click.UsageError("--nearest stands alone; leave the bookmarks for another command")
    for name in MAP_ONLY if asked else ():
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} means nothing where no map is drawn; leave it out")
    wanted = Survey(count=count, first=first, truncation=truncation, drawings=drawings, tiles=tiles)
    renderer = load_renderer(run, pick_device(device))
    if bookmarks or forget:
        click.echo(keep(renderer, bookmarks, forget))
    elif nearest is not None:
        click.echo(look_up(nearest, renderer, wanted))
    else:
        for path in draw(renderer, wanted, output, overwrite=overwrite):
            click.echo(path)


def draw(renderer: Renderer, wanted: Survey, output: Path | None, *, overwrite: bool) -> list[Path]:
    """Draw the map; returns what was written."""
    from mutoscope.atlas.survey import survey
    from mutoscope.errors import MediaError
    from mutoscope.sources import refuse_taken
    from mutoscope.train_gan.quality import embedded_embedding
    from mutoscope.walk.directions import write_directions

    page = renderer.path.parent / "atlas.html" if output is None else output
    if page.suffix.lower() not in (".html", ".htm"):
        raise MediaError(f"{page}: a map is a page; give a name that ends with .html")
    if not page.parent.is_dir():
        raise MediaError(f"{page}: can't be written: there is no folder {page.parent}")
    chart = page.with_suffix(".png")
    if page.is_dir() or (page.exists() and not overwrite):
        raise MediaError(f"{page}: exists already; choose another name, or add --overwrite")
    refuse_taken(chart, overwrite=overwrite)
    with staged() as stage:
        found, directions = survey(renderer, wanted, embedded_embedding(), stage=stage)
    kept = write_directions(renderer.path.parent, directions)
    write(found, page, chart)
    if found.thin is not None:
        click.echo(found.thin.sentence(), err=True)
    return [page, chart, kept]


def write(found: Atlas, page: Path, chart: Path) -> None:
    """Write the page and the picture of a map."""
    from importlib.metadata import version

    from mutoscope.atlas.chart import draw_map
    from mutoscope.atlas.page import write_page
    from mutoscope.atomic import reason, write_bytes, write_text
    from mutoscope.errors import MediaError

    told = {
        "generator": found.generator,
        "first": found.numbers[0],
        "count": len(found.numbers),
        "truncation": found.truncation,
    }
    recipe: Mapping[str, object] = {
        "program": "mutoscope", "version": version("mutoscope"), "settings": {}, "atlas": told,
    }  # fmt: skip
    try:
        write_bytes(chart, draw_map(found, recipe))
        write_text(page, write_page(found))
    except OSError as error:
        raise MediaError(f"{page}: can't be written: {reason(error)}") from error


def keep(renderer: Renderer, wanted: tuple[str, ...], forget: tuple[str, ...]) -> Path:
    """Set and drop bookmarks; returns where they are kept."""
    from dataclasses import replace

    from mutoscope.errors import SettingsError, nearest
    from mutoscope.walk.bookmarks import Bookmark, check_name, read_bookmarks, write_bookmarks

    folder = renderer.path.parent
    kept = read_bookmarks(folder)
    for name in forget:
        if name not in kept:
            raise SettingsError(f"--forget: {name!r} is no bookmark{nearest(name, kept)}")
        del kept[name]
    if wanted:
        places = known(renderer)
    for text in wanted:
        name, equals, latent = (part.strip() for part in text.partition("="))
        if not equals:
            raise SettingsError(f"--bookmark: {text[:60]!r} is no NAME=PLACE, as bird=42")
        vector = replace(places, bookmarks=kept).find(latent)
        kept[check_name(name)] = Bookmark(latent, vector, "w", renderer.digest)
    return write_bookmarks(folder, kept)


def known(renderer: Renderer) -> Map:
    """What names mean for a generator; its directions are found where they are not kept yet."""
    from mutoscope.atlas.directions import find_directions
    from mutoscope.errors import MediaError
    from mutoscope.walk.bookmarks import read_bookmarks
    from mutoscope.walk.directions import read_directions, write_directions
    from mutoscope.walk.places import Map

    folder, shape = renderer.path.parent, renderer.generator.shape
    try:
        directions = read_directions(folder, generator=renderer.digest, w=shape.w)
    except MediaError:  # damaged, or of an earlier generator
        directions = None
    if directions is None:
        directions = find_directions(renderer)
        write_directions(folder, directions)
    return Map(renderer, read_bookmarks(folder), directions)


def look_up(what: str, renderer: Renderer, wanted: Survey) -> str:
    """From which drawing a picture, or a place, is, in words."""
    from mutoscope.atlas.survey import draw_place, open_finder
    from mutoscope.errors import MediaError
    from mutoscope.images import load_image, resize
    from mutoscope.train_gan.quality import embedded_embedding

    shape = renderer.generator.shape
    if Path(what).exists():
        picture = resize(load_image(what), (shape.size, shape.size))[0]
        picture = picture.mean(dim=0, keepdim=True) if shape.channels == 1 else picture
    else:
        picture = draw_place(renderer, known(renderer).find(what), wanted.truncation)
    with staged() as stage:
        finder = open_finder(renderer, wanted, embedded_embedding(), stage=stage)
        if finder is None:
            raise MediaError(
                f"{renderer.path.parent}: its drawings were not found; name their folder by "
                "--drawings"
            )
        match = finder.anywhere(picture, progress=stage("pages"))
    return f"{match.where} ({match.likeness:.2f})"


@contextmanager
def staged() -> Iterator[Stage]:
    """Show on a terminal what is being done, and how much of it is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:

        def stage(what: str) -> Callable[[int, int], None]:
            task = bar.add_task(what, total=None)
            return lambda done, total: bar.update(task, completed=done, total=total)

        yield stage
