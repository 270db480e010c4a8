"""The chunks of a WebP: Exif and XMP, read and put behind its pixels.

A file that says more than pixels begins with a header of its own, VP8X, which is added where it
isn't there. (WebP container specification, RFC 9649.)
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from mutoscope.errors import MediaError
from mutoscope.provenance import xmp
from mutoscope.provenance.exif import exif_block, exif_values, orientation_of
from mutoscope.provenance.said import Piece, Said

ROOM = 262_144
"""Bytes that a recipe may take: as many as any recipe has."""

_HAS_XMP, _HAS_EXIF, _HAS_ALPHA = 0x04, 0x08, 0x10
_MAX_EXIF = 1_048_576
_MAX_CHUNKS = 1_000_000  # an animation has one for each picture


def read(file: BinaryIO, place: str) -> Said:  # noqa: ARG001 - as the other formats
    """What a WebP says in Exif and XMP."""
    exif: dict[int, bytes] = {}
    packet: bytes | None = None
    for name, start, length in _chunks(file):
        if name == b"EXIF" and length <= _MAX_EXIF and not exif:
            exif = exif_values(_at(file, start, length))
        elif name == b"XMP " and length <= xmp.MAX_PACKET and packet is None:
            packet = _at(file, start, length)
    return Said(exif=exif, xmp=packet)


def edited(file: BinaryIO, said: Said, place: str) -> Iterator[Piece]:
    """The pieces of a WebP that says `said` in place of its own Exif and XMP.

    Raises:
        MediaError: It is damaged.
    """
    found = list(_chunks(file))
    size = file.seek(0, 2)
    if not found or sum(found[-1][1:]) > size:
        raise MediaError(f"{place}: is cut off or damaged, so nothing is written into it")
    orientation, kept = 1, []
    for name, start, length in found:
        if name == b"EXIF" and said.exif:
            if length <= _MAX_EXIF:
                orientation = orientation_of(exif_values(_at(file, start, length)))
        elif not (name == b"VP8X" or (name == b"XMP " and said.xmp is not None)):
            kept.append(range(start - 8, min(start + length + length % 2, size)))
    added = []
    if said.exif:
        added.append(_chunk(b"EXIF", exif_block(said.exif, orientation=orientation)))
    if said.xmp is not None:
        added.append(_chunk(b"XMP ", said.xmp))
    flags = (_HAS_EXIF if said.exif else 0) | (_HAS_XMP if said.xmp is not None else 0)
    head = _header(file, found[0], flags, place)
    total = 4 + len(head) + sum(map(len, kept)) + sum(map(len, added))
    yield b"RIFF" + struct.pack("<I", total) + b"WEBP" + head
    yield from kept
    yield from added


def _header(file: BinaryIO, first: tuple[bytes, int, int], flags: int, place: str) -> bytes:
    """The VP8X chunk with these flags besides its own; of a plain still, from its pixels' head."""
    name, start, _ = first
    head = _at(file, start, 10)
    if name == b"VP8X" and len(head) == 10:
        return _chunk(b"VP8X", bytes([head[0] | flags]) + head[1:])
    if name == b"VP8 " and head[3:6] == b"\x9d\x01\x2a" and len(head) == 10:
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[6:]))
    elif name == b"VP8L" and head[:1] == b"\x2f" and len(head) == 10:
        bits = int.from_bytes(head[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags |= _HAS_ALPHA if bits >> 28 & 1 else 0
    else:
        raise MediaError(f"{place}: is cut off or damaged, so nothing is written into it")
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's name, the place of its contents and their length."""
    at = 12
    for _ in range(_MAX_CHUNKS):
        head = _at(file, at, 8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        yield head[:4], at + 8, length
        at += 8 + length + length % 2


def _at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
