"""Shards: many tiles in one file, written whole or not at all, and checked as they are read.

Two forms. A WebDataset shard is a tar archive in which ``00000012.png`` stands beside
``00000012.json``, which says where the tile is from and the CRC-32C of the PNG. A TFRecord shard
holds records of two features and no origin, as older programs want it. What is damaged is reported
with the file's name and the offset.
"""

import io
import json
import struct
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mutoscope import atomic
from mutoscope.drawings.checksum import crc32c, masked
from mutoscope.drawings.grid import Pixels
from mutoscope.drawings.records import BadRecordError, example, framed, parse_example, picture, png
from mutoscope.errors import MediaError, printable

WEBDATASET, TFRECORD = "webdataset", "tfrecord"
ENDINGS = {WEBDATASET: ".tar", TFRECORD: ".tfrecord"}
MOST_RECORD = 256 * 2**20
MOST_JSON = 2**20
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_HEAD, _TAIL = 12, 4  # bytes around a TFRecord's record


@dataclass(frozen=True)
class Stored:
    """One tile of a shard.

    Attributes:
        key: its name in the shard; of TFRecord its number.
        data: the bytes of its picture file.
        about: what its JSON says, or nothing.
        offset: where in the file it begins.
    """

    key: str
    data: bytes
    about: Mapping[str, Any]
    offset: int

    def pixels(self) -> Pixels:
        """(H, W) or (H, W, 3).

        Raises:
            BadRecordError: it is damaged.
        """
        return picture(self.data)


def write_shard(
    path: Path, form: str, tiles: Iterable[tuple[str, Pixels, Mapping[str, Any]]]
) -> int:
    """Write one shard of tiles, each a key, its pixels and what is known of it; return how many.

    The same tiles give the same bytes. A failure or a stop leaves no file.

    Raises:
        MediaError: the file can't be written.
    """
    write = {WEBDATASET: _write_tar, TFRECORD: _write_records}[form]
    try:
        with atomic.replacing(path) as file:
            return write(file, tiles)
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {atomic.reason(error)}") from error


def read_shard(path: Path) -> Iterator[Stored]:
    """The tiles of a shard, one after another; its ending says of which form it is.

    Raises:
        MediaError: it can't be read, or is damaged: the message has the offset.
    """
    with _opened(path) as (form, file):
        yield from (_read_tar if form == WEBDATASET else _read_records)(path, file)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """A shard's form and its file."""
    forms = {ending: form for form, ending in ENDINGS.items()}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise MediaError(f"{path}: is no shard; allowed are {', '.join(ENDINGS.values())}")
    try:
        with path.open("rb") as file:
            yield form, file
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {atomic.reason(error)}") from error


def skim_shard(path: Path) -> list[int]:
    """Where in a shard its tiles begin, for `read_at`; the tiles themselves are not read.

    Raises:
        MediaError: it can't be read, or is damaged between the tiles.
    """
    with _opened(path) as (form, file):
        return list((_skim_tar if form == WEBDATASET else _skim_records)(path, file))


def read_at(path: Path, offset: int) -> Stored:
    """The tile of a shard that begins at ``offset``; its key is that of a first one in TFRecord.

    Raises:
        MediaError: it can't be read, or is damaged: the message has the offset.
    """
    with _opened(path) as (form, file):
        file.seek(offset)
        found = next((_read_tar if form == WEBDATASET else _read_records)(path, file), None)
    if found is None:
        raise _damaged(path, offset, "there is no tile any more")
    return found


def find_shards(folder: Path) -> list[Path]:
    """The shards in a folder, by name; none if there is none."""
    endings = tuple(ENDINGS.values())
    return sorted(
        path for path in folder.iterdir()
        if path.suffix.lower() in endings and not path.name.startswith(".") and path.is_file()
    )  # fmt: skip


def decoded(path: Path, stored: Stored) -> Pixels:
    """The pixels of a tile of the shard at ``path``.

    Raises:
        MediaError: they are damaged; the message has the offset.
    """
    try:
        return stored.pixels()
    except BadRecordError as error:
        raise _damaged(path, stored.offset, f"{printable(stored.key)}: {error}") from error


# ── WebDataset ──


def _write_tar(file: BinaryIO, tiles: Iterable[tuple[str, Pixels, Mapping[str, Any]]]) -> int:
    count = 0
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for key, pixels, about in tiles:
            data = png(pixels)
            told = json.dumps({**about, "crc32c": crc32c(data)}).encode()
            for ending, content in ((".png", data), (".json", told)):
                member = tarfile.TarInfo(key + ending)  # of 1970 and of nobody, so that bytes agree
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            count += 1
    return count


def _read_tar(path: Path, file: BinaryIO) -> Iterator[Stored]:
    """Pictures with their JSON, which may stand before or behind them."""
    waiting: dict[str, tuple[bytes, int]] = {}
    about: dict[str, Mapping[str, Any]] = {}
    for name, data, offset in _members(path, file):
        stem, _, ending = name.rpartition(".")
        if ending == "json":
            about[stem] = _about(path, offset, name, data)
        else:
            waiting[stem] = data, offset
        # A sample's files stand together: what belongs to another one is complete.
        for key in [key for key in waiting if key != stem or key in about]:
            yield _sample(path, key, *waiting.pop(key), about.pop(key, {}))
        for key in [key for key in about if key != stem]:
            del about[key]
    for key, found in waiting.items():
        yield _sample(path, key, *found, about.get(key, {}))


def _members(path: Path, file: BinaryIO) -> Iterator[tuple[str, bytes, int]]:
    """Names, bytes and offsets of the pictures and JSON in an archive; nothing is unpacked."""
    for archive, member in _headers(path, file):
        try:
            content = archive.extractfile(member)
            data = content.read() if content else b""
        except tarfile.TarError as error:
            raise _damaged(path, member.offset, "it ends in the middle of a file") from error
        if len(data) != member.size:
            raise _damaged(path, member.offset, "it ends in the middle of a file")
        yield member.name, data, member.offset


def _skim_tar(path: Path, file: BinaryIO) -> Iterator[int]:
    """Where the samples begin that have a picture: each at its first file."""
    key, begun, pictured = None, 0, False
    for _, member in _headers(path, file):
        stem, _, ending = member.name.rpartition(".")
        if stem != key:
            if pictured:
                yield begun
            key, begun, pictured = stem, member.offset, False
        pictured = pictured or ending != "json"
    if pictured:
        yield begun


def _headers(path: Path, file: BinaryIO) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The pictures and JSON in an archive, from where the file stands to its end."""
    offset = file.tell()
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            while (member := archive.next()) is not None:
                offset = member.offset
                # tarfile remembers every member: millions would fill memory.
                archive.members = []  # type: ignore[attr-defined]
                ending = Path(member.name).suffix.lower()
                if not member.isreg() or ending not in (*_PICTURES, ".json"):
                    continue
                if member.size > (MOST_JSON if ending == ".json" else MOST_RECORD):
                    raise _damaged(path, offset, f"a file in it has {member.size} bytes")
                yield archive, member
            offset = archive.offset
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise _damaged(path, offset, " ".join(str(error).split())[:120]) from error
    # An archive ends with two blocks of zeros; tarfile is content with whatever else stops it.
    file.seek(offset)
    if file.read(1024) != bytes(1024):
        raise _damaged(path, offset, "its end is missing, or a header is damaged")


def _about(path: Path, offset: int, name: str, data: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, offset, f"{printable(name)} is no JSON") from error
    if not isinstance(told, dict):
        raise _damaged(path, offset, f"{printable(name)} is no JSON object")
    return told


def _sample(path: Path, key: str, data: bytes, offset: int, about: Mapping[str, Any]) -> Stored:
    if "crc32c" in about and about["crc32c"] != crc32c(data):
        raise _damaged(path, offset, f"the checksum of {printable(key)} is wrong")
    return Stored(key, data, about, offset)


# ── TFRecord ──


def _write_records(file: BinaryIO, tiles: Iterable[tuple[str, Pixels, Mapping[str, Any]]]) -> int:
    count = 0
    for _, pixels, _ in tiles:
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        record = example(png(pixels), (pixels.shape[0], pixels.shape[1], channels))
        length = struct.pack("<Q", len(record))
        file.write(framed(record, masked(record), masked(length)))
        count += 1
    return count


def _read_records(path: Path, file: BinaryIO) -> Iterator[Stored]:
    for number, (offset, length) in enumerate(_frames(path, file)):
        record, tail = file.read(length), file.read(_TAIL)
        if len(record) < length or len(tail) < _TAIL:
            raise _damaged(path, offset, "it ends in the middle of a record")
        if masked(record) != struct.unpack("<I", tail)[0]:
            raise _damaged(path, offset, "the checksum of a record is wrong")
        try:
            data, shape = parse_example(record)
        except BadRecordError as error:
            raise _damaged(path, offset, str(error)) from error
        yield Stored(f"{number:08d}", data, _shape(shape), offset)


def _skim_records(path: Path, file: BinaryIO) -> Iterator[int]:
    size = path.stat().st_size
    for offset, length in _frames(path, file):
        if offset + _HEAD + length + _TAIL > size:
            raise _damaged(path, offset, "it ends in the middle of a record")
        yield offset


def _frames(path: Path, file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Offset and length of the records from where the file stands; it stands at the bytes."""
    offset = file.tell()
    while head := file.read(_HEAD):
        if len(head) < _HEAD:
            raise _damaged(path, offset, "it ends in the middle of a record's head")
        length, checksum = struct.unpack("<QI", head)
        if masked(head[:8]) != checksum:
            raise _damaged(path, offset, "the checksum of a record's length is wrong")
        if length > MOST_RECORD:
            raise _damaged(path, offset, f"a record says that it has {length} bytes")
        yield offset, length
        offset += _HEAD + length + _TAIL
        file.seek(offset)


def _shape(shape: Sequence[int]) -> Mapping[str, Any]:
    return dict(zip(("height", "width", "channels"), shape, strict=False))


def _damaged(path: Path, offset: int, what: str) -> MediaError:
    return MediaError(f"{path}: is damaged at byte {offset}: {what}; make or fetch it again")
