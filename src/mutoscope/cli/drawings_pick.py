"""The command that opens a page in the browser, on which specimens are picked by hand."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from types import ModuleType

import click


@click.command(epilog="Example:  mutoscope drawings pick pages")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Where they are written; else specimens.json in FOLDER. What it holds is shown.",
)  # fmt: skip
@click.option(
    "--gap", type=click.FloatRange(0.1, 100), default=2.0, show_default=True, metavar="MM",
    help="In proposals: lines nearer than this belong together.",
)  # fmt: skip
@click.option(
    "--least", type=click.FloatRange(0.1, 100), default=4.0, show_default=True, metavar="MM",
    help="In proposals: what is smaller is dust.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Else one that is free.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--cache", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Where decoded pages are kept; else ~/.cache/mutoscope/pages.",
)  # fmt: skip
def pick(
    folder: Path,
    output: Path | None,
    gap: float,
    least: float,
    port: int | None,
    no_browser: bool,
    cache: Path | None,
) -> None:
    """Pick single motifs on pages by hand, on a page in the browser.

    It is for this machine and its browser alone. Every change is saved at once; Ctrl-C ends it.
    """
    server = _server()
    from mutoscope.cli.drawings_tiles import progressing
    from mutoscope.drawings.cache import PageCache
    from mutoscope.picking.book import Book
    from mutoscope.picking.guard import new_token
    from mutoscope.picking.pictures import Pictures

    with progressing("reading", "pages") as told:
        book = Book(folder, path=output, told=told)
    pictures = Pictures(book.pages, PageCache(cache))
    heard, token = server.listen(port), new_token()
    app = server.application(
        book, pictures, port=heard.getsockname()[1], token=token, gap_mm=gap, least_mm=least
    )
    address = server.address(heard, token)
    click.echo(address)
    click.echo("Ctrl-C ends it; what is picked is saved at once", err=True)
    if not no_browser:
        # Some browsers only return when they are closed.
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
    server.serve(app, heard)
    total = sum(len(book.picked(page)) for page in range(len(book.pages)))
    click.echo(f"{total} specimens on {len(book.pages)} pages: {book.path}", err=True)


def _server() -> ModuleType:
    """The module of the server, or an `ExtraError` that says what to install."""
    from mutoscope.errors import ExtraError

    try:
        from mutoscope.picking import server
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise ExtraError(
            f"picking in the browser needs the package {error.name.partition('.')[0]}; "
            "pip install 'mutoscope[studio]', or find specimens with: mutoscope drawings specimens"
        ) from error
    return server
