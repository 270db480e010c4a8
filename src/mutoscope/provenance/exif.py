"""The texts of an Exif block, by hand: a TIFF folder, and in it the folder of Exif.

Only texts that viewers show, and which way up the picture is, are read and written. Exif is a
nest of offsets that anyone may have forged, so nothing is followed twice and reading never fails:
what can't be read is not there. (Exif 2.32, CIPA DC-008-2019.)
"""

import struct
from collections.abc import Mapping

DESCRIPTION, ORIENTATION, SOFTWARE = 0x010E, 0x0112, 0x0131
USER_COMMENT = 0x9286

NAMES = {
    DESCRIPTION: "ImageDescription",
    SOFTWARE: "Software",
    0x013B: "Artist",
    0x8298: "Copyright",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9D: "XPAuthor",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
    0x9003: "DateTimeOriginal",
    USER_COMMENT: "UserComment",
}
"""The tags that are read as texts, by number."""

_FOLDER, _VERSION = 0x8769, 0x9000
_PLAIN, _UNICODE = b"ASCII\0\0\0", b"UNICODE\0"
_INNER = (0x9003, USER_COMMENT, _VERSION)  # these lie in the folder of Exif
_WIDE = range(0x9C9B, 0x9CA0)  # UTF-16, little end first
_BYTE, _ASCII, _SHORT, _LONG, _UNDEFINED, _UTF8 = 1, 2, 3, 4, 7, 129
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _UNDEFINED: 1, _UTF8: 1}
_KIND = {_VERSION: _UNDEFINED, USER_COMMENT: _UNDEFINED, ORIENTATION: _SHORT, _FOLDER: _LONG}
_MOST = 512  # entries of a folder

Values = Mapping[int, bytes]
"""Bytes by tag, as they lie in the file, of little-endian files where it matters."""


def exif_block(values: Values, *, orientation: int = 1) -> bytes:
    """A TIFF structure with these texts, little end first.

    Args:
        values: By tag, one of `NAMES`; ASCII texts without their closing zero.
        orientation: Which way up the picture is, 1 to 8; 1, upright, is not written.
    """
    outer = {tag: value for tag, value in values.items() if tag not in _INNER}
    inner = {tag: value for tag, value in values.items() if tag in _INNER}
    if orientation != 1:
        outer[ORIENTATION] = struct.pack("<H", orientation)
    if inner:
        inner[_VERSION] = b"0232"
        outer[_FOLDER] = bytes(4)
    start = b"II*\0" + struct.pack("<I", 8)
    first = _folder(outer, len(start))
    if inner:  # now that it is known where the second begins
        outer[_FOLDER] = struct.pack("<I", len(start) + len(first))
        first = _folder(outer, len(start)) + _folder(inner, len(start) + len(first))
    return start + first


def _folder(values: Values, at: int) -> bytes:
    """A folder of tags that begins at `at`, with the values that don't fit into it behind."""
    entries, after = b"", b""
    room = at + 2 + 12 * len(values) + 4
    for tag in sorted(values):
        kind = _KIND.get(tag, _BYTE if tag in _WIDE else _ASCII)
        value = values[tag] + (b"\0" if kind == _ASCII else b"")
        count = len(value) // _SIZES[kind]
        if len(value) <= 4:
            placed = value.ljust(4, b"\0")
        else:
            placed = struct.pack("<I", room + len(after))
            after += value + b"\0" * (len(value) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + placed
    return struct.pack("<H", len(values)) + entries + bytes(4) + after


def exif_values(block: bytes | None) -> dict[int, bytes]:
    """The values of the tags in `NAMES`, and the orientation, of a TIFF structure."""
    block = (block or b"").removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return {}
    found = _entries(block, block[4:8], order)
    inner = _entries(block, found.pop(_FOLDER, b""), order)
    found |= {tag: value for tag, value in inner.items() if tag in _INNER}
    if order == ">":  # what is read from here on takes these for little-endian
        for tag, value in found.items():
            if tag == ORIENTATION:
                found[tag] = value[::-1]
            elif tag == USER_COMMENT and value.startswith(_UNICODE):
                found[tag] = user_comment(value[8:].decode("utf-16-be", errors="replace"))
    return found


def _entries(block: bytes, pointer: bytes, order: str) -> dict[int, bytes]:
    """The wanted entries of the folder that `pointer` leads to, the first of each tag."""
    found: dict[int, bytes] = {}
    try:
        at = struct.unpack(order + "I", pointer)[0]
        count = min(struct.unpack_from(order + "H", block, at)[0], _MOST)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(order + "HHI", block, entry)
            if tag not in (*NAMES, ORIENTATION, _FOLDER) or kind not in _SIZES or tag in found:
                continue
            size, place = number * _SIZES[kind], entry + 8
            if size > 4:
                place = struct.unpack_from(order + "I", block, place)[0]
            if place + size <= len(block):
                value = block[place : place + size]
                found[tag] = value.rstrip(b"\0") if kind in (_ASCII, _UTF8) else value
    except struct.error:
        pass  # cut off: what came before stands
    return found


def orientation_of(values: Values) -> int:
    """Which way up the picture is, 1 to 8; 1 where nothing sensible is said."""
    value = int.from_bytes(values.get(ORIENTATION, b"\1\0")[:2], "little")
    return value if 1 <= value <= 8 else 1


def exif_texts(values: Values) -> dict[str, str]:
    """The texts among `values` by name, decoded as their tags have it."""
    texts = {NAMES[tag]: _text(tag, value) for tag, value in values.items() if tag in NAMES}
    return {name: text for name, text in texts.items() if text.strip()}


def user_comment(text: str) -> bytes:
    """A user comment: its character code, then the text."""
    if text.isascii():
        return _PLAIN + text.encode("ascii")
    return _UNICODE + text.encode("utf-16-le", errors="replace")


def _text(tag: int, value: bytes) -> str:
    if tag == USER_COMMENT:
        code, rest = value[:8], value[8:]
        if code in (_PLAIN, bytes(8)):
            return rest.rstrip(b"\0").decode("utf-8", errors="replace")
        if code == _UNICODE:
            return rest.decode("utf-16-le", errors="replace").rstrip("\0")
        # Some write no character code at all, and UTF-16 more often than not.
        wide = b"\0" in value
        return value.decode("utf-16-le" if wide else "utf-8", errors="replace").rstrip("\0")
    if tag in _WIDE:
        return value.decode("utf-16-le", errors="replace").rstrip("\0")
    return value.decode("utf-8", errors="replace")
