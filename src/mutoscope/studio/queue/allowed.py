"""Which commands a visitor may have run, and on which files: those of the studio's place.

What settings name is kept within the place by `mutoscope.fence`, in the command's own process. Here
the words of the command itself are looked at.
"""

import os
import re
from collections.abc import Sequence

from mutoscope.errors import MediaError, SettingsError, nearest, printable
from mutoscope.studio.place import Place

COMMANDS = (
    *("image", "render", "resume", "restyle", "video", "demo", "preview", "film", "smooth"),
    *("interpolate", "upscale", "process", "quality", "train", "train-vqgan", "walk", "atlas"),
    *("project", "drawings"),
)
MOST_WORDS = 400
MOST_LETTERS = 100_000
_SERVERS = {("drawings", "pick")}
# What stands before a path in one word: -o, --output=, or key= of a setting.
_BEFORE = re.compile(r"-[A-Za-z]|[-\w]+=")


def refuse_others(place: Place, command: Sequence[str]) -> None:
    """Refuse a command that a studio does not run, or that names what is not in its place.

    Raises:
        SettingsError: the command is none, or too long.
        MediaError: a word in it is a path that leads out of the place.
    """
    if not command or len(command) > MOST_WORDS or sum(map(len, command)) > MOST_LETTERS:
        raise SettingsError(
            f"command: has {len(command)} words; allowed are 1–{MOST_WORDS}, "
            f"and {MOST_LETTERS} letters"
        )
    first = printable(command[0][:40])
    if first not in COMMANDS or tuple(command[:2]) in _SERVERS:
        raise SettingsError(
            f"{' '.join(command[:2])[:40]!r}: is not done in the studio; there are: "
            f"{', '.join(COMMANDS)}{nearest(first, COMMANDS)}"
        )
    for word in command[1:]:
        before = _BEFORE.match(word)
        for text in (word, word[before.end() :] if before else ""):
            _refuse_path(place, text)


def _refuse_path(place: Place, text: str) -> None:
    """Refuse a text that is a path out of the place, or the name of a link that leads there."""
    if "\0" in text:
        raise MediaError("a word of the command holds a character that no name may have")
    absolute = text.startswith(("/", "~", "\\")) or re.match(r"[A-Za-z]:[/\\]", text)
    leads = absolute or ".." in re.split(r"[/\\]", text) or _is_there(place, text)
    if leads and not place.holds(place.root / os.path.expanduser(text)):  # noqa: PTH111 - as settings do
        shown = printable(text[-80:])
        raise MediaError(
            f"{shown!r}: lies outside of the studio's folder; upload it, or copy it there"
        )


def _is_there(place: Place, text: str) -> bool:
    try:
        return bool(text) and (place.root / text).exists()
    except (OSError, ValueError):  # too long, or no name at all
        return False
