"""The command that opens the studio."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import click

PASSWORD = "MUTOSCOPE_STUDIO_PASSWORD"  # noqa: S105 - the name of the variable


@click.command(epilog="Example:  mutoscope studio pictures")
@click.argument(
    "folder", metavar="[FOLDER]", type=click.Path(path_type=Path), default=Path(), required=False
)
@click.option("--port", type=click.IntRange(0, 65535), default=8717, show_default=True,
              metavar="N", help="0 is one that is free.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
              help="Any but this machine's own needs a password.")  # fmt: skip
@click.option("--password", "asks", is_flag=True, help="Ask for a password that visitors need.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def studio(folder: Path, port: int, host: str, asks: bool, no_browser: bool) -> None:
    """Open the studio: settings, runs and drawings, on pages in the browser.

    It works in FOLDER, or here: runs come to lie in its images_out/, as those of the other
    commands, and nothing outside of it is read. Runs are processes of their own: a closed page
    loses nothing, and what Ctrl-C ends here goes on when the studio is opened again.

    It is for this machine alone. To share it, give --host 0.0.0.0 and a password, by --password or
    in MUTOSCOPE_STUDIO_PASSWORD; what is sent is not encrypted.
    """
    from mutoscope.studio.place import Place

    password = os.environ.pop(PASSWORD, "") or None
    if asks:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    place = Place(folder)
    place.prepare()
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(place.own / "nicegui"))
    app = _app()
    from mutoscope.studio.queue.jobs import Jobs
    from mutoscope.studio.shared import Studio

    app.serve(
        Studio(place, Jobs(place)), host=host, port=port, password=password,
        open_browser=not no_browser,
    )  # fmt: skip


def _app() -> ModuleType:
    """The module of the application, or an `ExtraError` that says what to install."""
    from mutoscope.errors import ExtraError

    try:
        from mutoscope.studio import app
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("nicegui", "starlette", "uvicorn", "fastapi"):
            raise
        raise ExtraError(
            f"the studio needs the package {missing}; pip install 'mutoscope[studio]'"
        ) from error
    return app
