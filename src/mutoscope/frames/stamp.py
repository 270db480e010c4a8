"""Recipes in animations that FFmpeg writes without: added when the file is finished."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mutoscope.provenance import KEYWORD, MAX_BYTES, exif_with, recipe_text

_IEND = b"\0\0\0\0IEND\xaeB\x60\x82"
_TRAILER = b"\x3b"
_HAS_EXIF = 0x08


def add_recipe(part: Path, suffix: str, recipe: Mapping[str, Any], place: str) -> None:
    """Put a recipe into a finished GIF, WebP or PNG; other kinds are left as they are.

    In GIF it is a comment, in WebP the Exif user comment, in PNG an iTXt chunk.
    `mutoscope.provenance.read_recipe` reads each.

    Args:
        part: The file.
        suffix: The ending that it is to have.
        recipe: What it is to say.
        place: Its name for messages.
    """
    if suffix == ".gif":
        _replace_end(part, _TRAILER, _gif_comment(recipe_text(recipe).encode("ascii")))
    elif suffix == ".png":
        _replace_end(part, _IEND, _png_text(recipe_text(recipe).encode("ascii")))
    elif suffix == ".webp":
        exif = exif_with(recipe, place, room=MAX_BYTES).removeprefix(b"Exif\0\0")
        if exif:
            part.write_bytes(_webp_with(part.read_bytes(), exif))


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


def _gif_comment(text: bytes) -> bytes:
    """A comment extension, in blocks of up to 255 bytes."""
    pieces = (text[at : at + 255] for at in range(0, len(text), 255))
    return b"\x21\xfe" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def _png_text(text: bytes) -> bytes:
    """An iTXt chunk, uncompressed, without language."""
    body = b"iTXt" + KEYWORD.encode("ascii") + b"\0\0\0\0\0" + text
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _webp_with(data: bytes, exif: bytes) -> bytes:
    """A WebP with an Exif chunk at its end."""
    chunks = data[12:]
    if chunks[:4] == b"VP8X":
        flags = chunks[8] | _HAS_EXIF
        chunks = chunks[:8] + bytes([flags]) + chunks[9:]
    else:  # a film of one picture comes without the header that announces more
        chunks = _webp_header(data) + chunks
    chunks += b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2)
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _webp_header(data: bytes) -> bytes:
    """The VP8X chunk for a still: its flags and its size, which its only chunk says."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["WEBP"]) as picture:
        width, height = picture.size
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X" + struct.pack("<I", 10) + bytes([_HAS_EXIF, 0, 0, 0]) + size


def _chunks(data: bytes | bytearray) -> list[tuple[bytes, int, int]]:
    """Each chunk's name, the place of its contents, and their length."""
    found, at = [], 12
    while at + 8 <= len(data):
        name, length = bytes(data[at : at + 4]), struct.unpack_from("<I", data, at + 4)[0]
        found.append((name, at + 8, length))
        at += 8 + length + length % 2
    return found
