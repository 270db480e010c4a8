"""Errors as a page may show them: no path of this machine, no traceback, no token."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from mutoscope.errors import MutoscopeError, printable
from mutoscope.studio.place import Place

log = logging.getLogger("mutoscope")

UNKNOWN = "Something went wrong; the terminal says what."
_MOST = 600  # characters of a message
_TOKEN = re.compile(r"\bhf_\w{8,}|((?:token|password|secret|key)=)[^\s&;,'\"]+", re.IGNORECASE)
# A whole path: from a slash (or a drive) that begins a word, over parts without white space. A
# single part begins with a letter or a dot: /2 is a division.
_PART = r"[^\s/\\:;,'\"()\[\]<>]+"
_PATH = re.compile(
    rf"(?<![\w.:/\\>])(?:~|[A-Za-z]:)?(?:(?:[/\\]{_PART}){{2,}}|[/\\](?![\d]){_PART})[/\\]?"
)


def cleaned(text: str, place: Place) -> str:
    """A message without whole paths and tokens, in one line of printable characters.

    What lies in the place is called by its relative name, anything else by its last part.
    """
    root = str(place.root)
    text = " ".join(printable(text[: 4 * _MOST], allowed="\n\t\r").split())
    if len(root) > 1:
        text = text.replace(root + "/", "").replace(root + "\\", "").replace(root, ".")
    text = _PATH.sub(lambda match: re.split(r"[/\\]", match[0].rstrip("/\\"))[-1], text)
    text = _TOKEN.sub(lambda match: (match[1] or "") + "…", text)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"


def told(error: Exception, place: Place) -> str:
    """What a page says of an error; one that is none of ours is written to the log."""
    if isinstance(error, MutoscopeError):
        return cleaned(str(error), place)
    log.error("a fault in the studio", exc_info=error)
    return UNKNOWN


@contextmanager
def complaining(place: Place) -> Iterator[None]:
    """Show an error within the block as a notice on the page, and go on after it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the page lives on
        from nicegui import ui

        ui.notify(
            told(error, place), type="negative", multi_line=True, close_button="Close",
            timeout=12_000, progress=False,
        )  # fmt: skip
