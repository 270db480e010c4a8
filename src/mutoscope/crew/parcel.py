"""The files of a folder on their way to another machine and back, as names and bytes.

What arrives was sent by somebody else: a name that leaves the folder, or that this program keeps
for itself, is refused, as is more than anybody needs. A parcel becomes visible when it is complete,
each file whole or not at all, in the order in which the files were written where they come from; so
a folder that loses its sender in the middle is one that a program was killed over, at the worst.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from mutoscope import atomic
from mutoscope.errors import RunError
from mutoscope.lock import NAME as LOCK

CHUNK = 16 * 2**20
"""The most bytes that travel in one message, and the most of a file in it."""

MOST_FILES = 200_000
MOST_BYTES = 2**36
"""What a folder on its way may hold: 200,000 files, 64 GiB."""

_LONGEST = 1000  # bytes of a name
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Mark = tuple[int, int, int]
"""What tells one version of a file from another: its number on the disk, time and size."""


@dataclass(frozen=True)
class Chunk:
    """A part of a file: ``data`` of its ``size`` bytes, from ``start`` on."""

    name: str
    start: int
    size: int
    data: bytes

    def packed(self) -> tuple[str, int, int, bytes]:
        """It as plain values, which are read without any code of ours."""
        return self.name, self.start, self.size, self.data

    @classmethod
    def unpacked(cls, values: object) -> Self:
        """A chunk of such values.

        Raises:
            RunError: they are none, whoever sent them.
        """
        match values:
            case [str(name), int(start), int(size), bytes(data)]:
                if start >= 0 and start + len(data) <= size <= MOST_BYTES:
                    return cls(name, start, size, data)
        raise RunError("a worker sent what is no part of a file; nothing of it was kept")


class Sent:
    """What of a folder the other side has, so that only what has changed is sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._marks: dict[str, Mark] = {}

    def note(self) -> None:
        """Take it that the other side has all that there is now."""
        self._marks = marks_of(self.folder)

    def changed(self) -> bool:
        """Whether there is anything to send."""
        return marks_of(self.folder) != self._marks

    def changes(self) -> tuple[list[Chunk], list[str]]:
        """What has changed since, read into memory, and the names of what is gone.

        Nobody may write to the folder meanwhile. Files come as they were written, the last last.
        """
        marks = marks_of(self.folder)
        new = [name for name, mark in marks.items() if self._marks.get(name) != mark]
        new.sort(key=lambda name: (marks[name][1], name))
        chunks = [chunk for name in new for chunk in chunks_of(self.folder / name, name)]
        gone = sorted(set(self._marks) - set(marks))
        self._marks = marks
        return chunks, gone


def marks_of(folder: Path) -> dict[str, Mark]:
    """The files that travel, by name, with what tells their versions apart.

    Part files, locks and links don't travel.
    """
    found: dict[str, Mark] = {}
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path) / name
            if name == LOCK or atomic.is_part(file) or file.is_symlink():
                continue
            with contextlib.suppress(FileNotFoundError):
                stat = file.stat()
                key = file.relative_to(folder).as_posix()
                found[key] = stat.st_ino, stat.st_mtime_ns, stat.st_size
    return found


def chunks_of(path: Path, name: str) -> Iterator[Chunk]:
    """A file in parts; an empty one in one."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = 0
        while data := file.read(min(CHUNK, size - start)):
            yield Chunk(name, start, size, data)
            start += len(data)
        if not size:
            yield Chunk(name, 0, 0, b"")


def messages(chunks: Iterable[Chunk]) -> Iterator[list[tuple[str, int, int, bytes]]]:
    """Chunks put together for the way, up to `CHUNK` bytes at a time."""
    message: list[tuple[str, int, int, bytes]] = []
    weight = 0
    for chunk in chunks:
        if message and (weight + len(chunk.data) > CHUNK or len(message) >= 1000):
            yield message
            message, weight = [], 0
        message.append(chunk.packed())
        weight += len(chunk.data)
    if message:
        yield message


class Arrival:
    """A parcel on its way into a folder, of which nothing is seen until `settle`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts: dict[str, Path] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def add(self, message: object) -> None:
        """Take a message of `messages`.

        Raises:
            RunError: it holds what may not be written here, or can't be.
        """
        if not isinstance(message, list):
            raise RunError("a worker sent what is no list of files; nothing of it was kept")
        for values in message:
            chunk = Chunk.unpacked(values)
            path = target(self.folder, chunk.name)
            with _reporting(path):
                self._take(chunk, path)

    def _take(self, chunk: Chunk, path: Path) -> None:
        if chunk.start == 0:
            self._refuse_too_much(chunk)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._drop(chunk.name)
            self._parts[chunk.name] = atomic.part_path(path)
            self._parts[chunk.name].touch(exist_ok=False)
            self._sizes[chunk.name] = (0, chunk.size)
        have, size = self._sizes.get(chunk.name, (-1, -1))
        if (have, size) != (chunk.start, chunk.size):
            raise RunError(f"{path}: came in pieces that don't fit; it was not kept")
        with self._parts[chunk.name].open("ab") as file:
            file.write(chunk.data)
        self._sizes[chunk.name] = (have + len(chunk.data), size)

    def settle(self, gone: Iterable[object] = ()) -> None:
        """Give all files their names, and then remove those that are gone where they came from.

        Raises:
            RunError: a file is not whole, or can't be written.
        """
        for name, (have, size) in self._sizes.items():
            if have != size:
                raise RunError(f"{self.folder / name}: came cut off; it was not kept")
        left = [target(self.folder, name) for name in gone]
        for name, part in self._parts.items():
            path = target(self.folder, name)
            with _reporting(path):
                atomic.settle(part, path)
        self._parts, self._sizes = {}, {}
        for path in left:
            with _reporting(path):
                path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Forget what has come so far."""
        for name in list(self._parts):
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._sizes.pop(name, None)
        if (part := self._parts.pop(name, None)) is not None:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _refuse_too_much(self, chunk: Chunk) -> None:
        total = chunk.size + sum(size for _, size in self._sizes.values())
        if total > MOST_BYTES or len(self._sizes) >= MOST_FILES:
            raise RunError(
                f"{self.folder}: a worker sends more than {MOST_FILES} files or "
                f"{MOST_BYTES // 2**30} GiB at once; nothing of it was kept"
            )


def target(folder: Path, name: object) -> Path:
    """Where a file that came by this name is to lie.

    Raises:
        RunError: the name leads out of the folder, or is not one for files of a task.
    """
    if isinstance(name, str) and _is_plain(name):
        path = folder / name
        inside = path.parent.resolve().is_relative_to(folder.resolve())
        if inside and not path.is_symlink() and not path.is_dir():
            return path
    said = repr(name)[:80]
    raise RunError(f"{folder}: a worker sent a file named {said}, which may not lie in it")


def _is_plain(name: str) -> bool:
    """Whether a name is a relative path with forward slashes, of visible parts, and ours to use."""
    if not name or _CONTROL.search(name) or len(name.encode(errors="replace")) > _LONGEST:
        return False
    parts = name.split("/")
    pure = PurePosixPath(name)
    return (
        not any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts)
        and pure.name != LOCK
        and not atomic.is_part(Path(pure.name))
    )


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(f"{path}: can't be written: {atomic.reason(error)}") from error
