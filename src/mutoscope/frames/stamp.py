"""Recipes in animations that FFmpeg writes without: added when the file is finished."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mutoscope.provenance import gif, png, stamped
from mutoscope.provenance.writing import said_in_png

_IEND = b"\0\0\0\0IEND\xaeB\x60\x82"
_TRAILER = b"\x3b"


def add_recipe(part: Path, suffix: str, recipe: Mapping[str, Any], place: str) -> None:
    """Put a recipe into a finished GIF, WebP or PNG; other kinds are left as they are.

    In GIF it is a comment, in WebP the Exif user comment, in PNG a text chunk, and in the last two
    what viewers show of it stands beside it. `mutoscope.provenance.read_recipe` reads each.

    Args:
        part: The file.
        suffix: The ending that it is to have.
        recipe: What it is to say.
        place: Its name for messages.
    """
    if suffix == ".gif":
        _replace_end(part, _TRAILER, gif.comment(recipe))
    elif suffix == ".png":
        # Behind the pictures, so that a long animation is not written twice.
        _replace_end(part, _IEND, png.chunks(said_in_png(recipe)))
    elif suffix == ".webp":
        part.write_bytes(stamped(part.read_bytes(), recipe, place))


def set_plays(part: Path, plays: int) -> None:
    """Have a finished animated WebP be played so many times; 0 is for ever."""
    data = bytearray(part.read_bytes())
    for name, start, _ in _chunks(data):
        if name == b"ANIM":
            data[start + 4 : start + 6] = struct.pack("<H", plays)
            part.write_bytes(data)
            return


def _replace_end(part: Path, end: bytes, extra: bytes) -> None:
    """Put `extra` before the last bytes of a file, which must be `end`."""
    with part.open("rb+") as file:
        file.seek(-len(end), 2)
        if file.read() != end:
            raise ValueError(f"{part.name} does not end as its format says")
        file.seek(-len(end), 2)
        file.write(extra + end)


def _chunks(data: bytes | bytearray) -> list[tuple[bytes, int, int]]:
    """Each chunk's name, the place of its contents, and their length."""
    found, at = [], 12
    while at + 8 <= len(data):
        name, length = bytes(data[at : at + 4]), struct.unpack_from("<I", data, at + 4)[0]
        found.append((name, at + 8, length))
        at += 8 + length + length % 2
    return found
