"""The segments of a JPEG before its pixels: Exif and XMP, read and put in."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from mutoscope.errors import MediaError
from mutoscope.provenance import xmp
from mutoscope.provenance.exif import exif_block, exif_values, orientation_of
from mutoscope.provenance.said import Piece, Said

SIGNATURE = b"\xff\xd8\xff"
ROOM = 52_000
"""Bytes that a recipe may take: a segment has at most 65,533, and the prompt lies in it too."""

_EXIF = b"Exif\0\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_APP0, _APP1, _SOS, _EOI = 0xE0, 0xE1, 0xDA, 0xD9
_MOST = 65_533  # bytes of a segment's contents
_MAX_SEGMENTS = 4_096


def read(file: BinaryIO, place: str) -> Said:  # noqa: ARG001 - as the other formats
    """What a JPEG says in Exif and XMP."""
    exif: dict[int, bytes] = {}
    packet: bytes | None = None
    for marker, start, length in _segments(file):
        if marker == _APP1:
            data = _at(file, start, length)
            if data.startswith(_EXIF) and not exif:
                exif = exif_values(data)
            elif data.startswith(xmp.SIGNATURE) and packet is None:
                packet = data.removeprefix(xmp.SIGNATURE)
    return Said(exif=exif, xmp=packet)


def edited(file: BinaryIO, said: Said, place: str) -> Iterator[Piece]:
    """The pieces of a JPEG that says `said` in place of its own Exif and XMP.

    Which way up it is stays. What follows the headers is taken over as it is.

    Raises:
        MediaError: It is damaged.
    """
    kept: list[range] = []
    front, end = 2, 2
    orientation = 1
    for marker, start, length in _segments(file):
        whole = range(start - 4, start + length)
        end = whole.stop
        if marker == _APP0 and not kept:
            front = end  # JFIF wants to be first
            continue
        if marker == _APP1:
            data = _at(file, start, length)
            if data.startswith(_EXIF) and said.exif:
                orientation = orientation_of(exif_values(data))
                continue
            if data.startswith((xmp.SIGNATURE, _EXTENDED)) and said.xmp is not None:
                continue
        kept.append(whole)
    while _at(file, end, 2) == b"\xff\xff":
        end += 1
    if _at(file, end, 2) != bytes([0xFF, _SOS]):
        raise MediaError(f"{place}: is cut off or damaged, so nothing is written into it")
    size = file.seek(0, 2)
    yield range(front)
    if said.exif:
        yield _segment(_EXIF + exif_block(said.exif, orientation=orientation), place, "Exif")
    if said.xmp is not None:
        yield _segment(xmp.SIGNATURE + said.xmp, place, "XMP")
    yield from kept
    yield range(end, size)


def _segment(data: bytes, place: str, name: str) -> bytes:
    if len(data) > _MOST:
        raise MediaError(
            f"{place}: {name} of {len(data)} bytes does not fit into a JPEG ({_MOST}); "
            "PNG and WebP have room"
        )
    return struct.pack(">BBH", 0xFF, _APP1, len(data) + 2) + data


def _segments(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Each segment's marker, the place of its contents and their length, up to the pixels."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        head = _at(file, at, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (_SOS, _EOI):
            return
        if head[1] == 0xFF:  # a marker may be led in by any number of these
            at += 1
            continue
        length = int.from_bytes(head[2:], "big")
        if length < 2:
            return
        yield head[1], at + 4, length - 2
        at += 2 + length


def _at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
