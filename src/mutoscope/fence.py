"""A fence around what other people's settings may read: one folder, and the public internet.

On the command line settings may name any file that their owner can read. Where others' settings
are run, in the studio, the environment names a folder (`VARIABLE`), outside of which no file that
settings name is read. It holds for the process and for those that it starts.
"""

import os
from pathlib import Path

from mutoscope.errors import SettingsError, printable

VARIABLE = "MUTOSCOPE_FENCE"
OWN = ".studio"  # what in the folder is the studio's own, keys among it, and nobody's settings read
_SHOWN = 80  # characters of a path in a message


def put_up(folder: Path) -> None:
    """Let this process, and those that it starts, read within ``folder`` only."""
    os.environ[VARIABLE] = os.path.realpath(folder)


def is_up() -> bool:
    """Whether there is a fence; then addresses on the web must be public ones, too."""
    return bool(os.environ.get(VARIABLE))


def within(path: str | Path) -> bool:
    """Whether a path, links followed, lies within the fence, or there is none."""
    if not is_up():
        return True
    found, fence = Path(os.path.realpath(path)), Path(os.environ[VARIABLE])
    return found.is_relative_to(fence) and not found.is_relative_to(fence / OWN)


def refuse_outside(path: str | Path) -> None:
    """Refuse a path that leads out of the fence, where there is one.

    Raises:
        SettingsError: it does; the message has no more of it than its last part.
    """
    if not within(path):
        shown = printable(Path(path).name[:_SHOWN])
        raise SettingsError(
            f"{shown!r}: lies outside of the studio's folder; only files within it are read, so "
            "upload it there, or copy it into the folder"
        )
