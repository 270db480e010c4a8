"""What a picture says about itself, apart from how its format keeps it, and how bytes are put in.

A picture is never encoded anew for it: a format says of which pieces the changed file is made,
stretches of the old one and new bytes between them.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from mutoscope.provenance.exif import NAMES, USER_COMMENT, Values, exif_texts

_BUFFER = 1_048_576

Piece = bytes | range
"""New bytes, or a stretch of the old file."""

MAX_TEXT = 65_536
"""Bytes of a foreign text that are read."""

MAX_TEXTS = 64
"""How many of them."""


@dataclass(frozen=True)
class Said:
    """Recipe and texts of a picture, each as it lies in its place; empty where there is none.

    ``recipe``: the text under our own keyword; ``texts``: of the other text chunks of a PNG, by
    keyword; ``exif``: values by tag, see `mutoscope.provenance.exif`; ``xmp``: the packet.
    """

    recipe: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    exif: Values = field(default_factory=dict)
    xmp: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.recipe or self.texts or self.xmp or exif_texts(self.exif))

    @property
    def comment(self) -> str | None:
        """The Exif user comment as text."""
        return exif_texts(self.exif).get(NAMES[USER_COMMENT])


def compose(file: BinaryIO, pieces: Iterable[Piece], sink: BinaryIO) -> None:
    """Write the file that is made of these pieces, the stretches from `file`."""
    for piece in pieces:
        if isinstance(piece, bytes):
            sink.write(piece)
            continue
        file.seek(piece.start)
        left = len(piece)
        while left and (data := file.read(min(left, _BUFFER))):
            sink.write(data)
            left -= len(data)


def composed(data: bytes, pieces: Iterable[Piece]) -> bytes:
    """The bytes that are made of these pieces, the stretches from `data`."""
    sink = io.BytesIO()
    view = memoryview(data)
    for piece in pieces:
        sink.write(piece if isinstance(piece, bytes) else view[piece.start : piece.stop])
    return sink.getvalue()
