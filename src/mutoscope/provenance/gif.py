"""The comments of a GIF: one of them may be a recipe."""

from collections.abc import Mapping
from typing import Any, BinaryIO

from mutoscope.provenance.recipe import KEYWORD, MAX_BYTES, recipe_text, too_large
from mutoscope.provenance.said import Said

SIGNATURES = (b"GIF87a", b"GIF89a")
_MAX_BLOCKS = 8_000_000  # a GIF of 2 GB in blocks of 255 bytes


def read(file: BinaryIO, place: str) -> Said:
    """The comment of a GIF that looks like a recipe; the pictures before it are skipped."""
    file.seek(10)
    _skip_colours(file, file.read(3)[:1])
    budget = _MAX_BLOCKS
    while (kind := file.read(1)) in (b"\x21", b"\x2c"):
        if kind == b"\x2c":
            _skip_colours(file, file.read(9)[8:])
        label = file.read(1)  # of a picture, the size of its codes
        comment = kind == b"\x21" and label == b"\xfe"
        text = b""
        while size := file.read(1)[:1]:
            if size == b"\0":
                break
            if (budget := budget - 1) == 0:
                return Said()
            if comment and len(text) <= MAX_BYTES:
                text += file.read(size[0])
            else:
                file.seek(size[0], 1)
        if f'"{KEYWORD}"'.encode("ascii") in text:
            if len(text) > MAX_BYTES:
                raise too_large(place)
            return Said(recipe=text.decode("utf-8", errors="replace"))
    return Said()


def _skip_colours(file: BinaryIO, flags: bytes) -> None:
    """Skip a table of colours, if these flags say that there is one."""
    if flags and flags[0] & 0x80:
        file.seek(3 << ((flags[0] & 7) + 1), 1)


def comment(recipe: Mapping[str, Any]) -> bytes:
    """A comment extension with a recipe, in blocks of up to 255 bytes."""
    text = recipe_text(recipe).encode("ascii")
    pieces = (text[at : at + 255] for at in range(0, len(text), 255))
    return b"\x21\xfe" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"
