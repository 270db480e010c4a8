"""The text chunks of a PNG: read without the pixels between them, and put in front of them."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from mutoscope.errors import MediaError
from mutoscope.provenance import xmp
from mutoscope.provenance.exif import exif_block, exif_values
from mutoscope.provenance.recipe import KEYWORD, MAX_BYTES, inflated, too_large
from mutoscope.provenance.said import MAX_TEXT, MAX_TEXTS, Piece, Said

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_MAX_CHUNKS = 2_000_000  # an animated PNG of 8 GB in chunks of 4 KiB
_MOST = {KEYWORD: MAX_BYTES, xmp.KEYWORD: xmp.MAX_PACKET}  # bytes that are read, by keyword
_HEAD = 256  # bytes that the keyword and language of a text may take
_MAX_EXIF = 1_048_576
_IHDR = 33  # where the first chunk ends


def read(file: BinaryIO, place: str) -> Said:
    """What a PNG says, before its pixels or behind them; of equal names the first counts.

    Raises:
        MediaError: Our own chunk is damaged or too large.
    """
    found: dict[str, str] = {}
    exif: dict[int, bytes] = {}
    for kind, start, length in _chunks(file):
        if kind == b"eXIf" and length <= _MAX_EXIF and not exif:
            exif = exif_values(_at(file, start, length))
        if kind not in _TEXTS or (name := _keyword(file, start, length)) in found:
            continue
        most = _MOST.get(name, MAX_TEXT) + _HEAD
        if name == KEYWORD and length > most:
            raise too_large(place)
        if length > most or (name not in _MOST and len(found) >= MAX_TEXTS):
            continue
        try:
            found[name] = _text(kind, _at(file, start, length).partition(b"\0")[2], place)
        except MediaError:
            if name == KEYWORD:
                raise  # somebody else's is not ours to complain of
    recipe, packet = found.pop(KEYWORD, None), found.pop(xmp.KEYWORD, None)
    return Said(
        recipe=recipe,
        texts={name: text[:MAX_TEXT] for name, text in found.items()},
        exif=exif,
        xmp=None if packet is None else packet.encode(errors="replace"),
    )


def edited(file: BinaryIO, said: Said, place: str) -> Iterator[Piece]:
    """The pieces of a PNG that says `said`; what it said under the same names goes.

    Raises:
        MediaError: It is damaged.
    """
    names = {*said.texts}
    names |= {KEYWORD} if said.recipe else set()
    names |= {xmp.KEYWORD} if said.xmp else set()
    dropped = []
    last = 0
    for kind, start, length in _chunks(file):
        last = start + length + 4
        if kind in _TEXTS:
            if _keyword(file, start, length) not in names:
                continue
        elif kind != b"eXIf" or not said.exif:
            continue
        dropped.append(range(start - 8, last))
    if _at(file, last + 4, 4) != b"IEND" or last < _IHDR:
        raise MediaError(f"{place}: is cut off or damaged, so nothing is written into it")
    file.seek(0, 2)
    yield range(_IHDR)
    yield chunks(said)
    at = _IHDR
    for gone in dropped:
        yield range(at, gone.start)
        at = gone.stop
    yield range(at, file.tell())


def chunks(said: Said) -> bytes:
    """The chunks that say `said`: our own first, then what viewers look for."""
    made = b""
    if said.recipe is not None:
        made += _text_chunk(KEYWORD, said.recipe, plain=said.recipe.isascii())
    for keyword, text in said.texts.items():
        made += _text_chunk(keyword, text, plain=text.isascii())
    if said.xmp is not None:
        made += _text_chunk(xmp.KEYWORD, said.xmp.decode(errors="replace"), plain=False)
    if said.exif:
        made += _chunk(b"eXIf", exif_block(said.exif))
    return made


def texts_for(fields: Mapping[str, str]) -> dict[str, str]:
    """Texts by keyword as a PNG can hold them: short names of Latin-1, and no zero."""
    named = {key.replace("\0", "").strip()[:79]: text for key, text in fields.items()}
    return {
        key: text.replace("\0", "\ufffd")
        for key, text in named.items()
        if key and key.encode("latin-1", errors="ignore").decode("latin-1") == key and text
    }


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's name, the place of its contents and their length, up to the end of the PNG."""
    at = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        head = _at(file, at, 8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length = int.from_bytes(head[:4], "big")
        yield head[4:], at + 8, length
        at += 12 + length  # the contents, and their checksum


def _keyword(file: BinaryIO, start: int, length: int) -> str:
    """The keyword of a text chunk, from its start alone: it may be longer than is ever read."""
    return _at(file, start, min(length, _HEAD)).partition(b"\0")[0].decode("latin-1")


def _at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _text(kind: bytes, body: bytes, place: str) -> str:
    """The text of a text chunk after its keyword, inflated as far as is allowed."""
    packed = False
    if kind == b"zTXt":
        packed, body = True, body[1:]
    elif kind == b"iTXt":
        packed = body[:1] == b"\1"
        # compression flag and method, then language and translated keyword, zero-terminated
        body = body[2:].split(b"\0", 2)[-1]
    if packed:
        body = inflated(body, place)
    return body.decode("latin-1" if kind != b"iTXt" else "utf-8", errors="replace")


def _text_chunk(keyword: str, text: str, *, plain: bool) -> bytes:
    """A text chunk, uncompressed: tEXt, which every viewer knows, or iTXt without language."""
    name = keyword.encode("latin-1")
    if plain:
        return _chunk(b"tEXt", name + b"\0" + text.encode("ascii"))
    return _chunk(b"iTXt", name + b"\0\0\0\0\0" + text.encode(errors="replace"))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
