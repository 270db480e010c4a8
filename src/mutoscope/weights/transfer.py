"""What all downloads share: how far one is, a file that tells it, and a file's digest."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Transfer:
    """How far a download is: bytes ``done`` of ``size``, and the seconds that may be left."""

    file: str
    done: int
    size: int
    seconds_left: float | None


Progress = Callable[[Transfer], None]


class Told:
    """A file that tells how far it is written.

    Args:
        file: open for writing, at the end of what it has.
        name: what is being fetched, for `Transfer`.
        done: the bytes that it has already.
        size: how many there will be, if that is known.
        progress: who is told.
    """

    def __init__(
        self, file: IO[bytes], name: str, done: int, size: int | None, progress: Progress | None
    ) -> None:
        self._file, self._name, self._size, self._progress = file, name, size, progress
        self._done, self._began, self._at_first = done, time.monotonic(), done

    def write(self, chunk: bytes) -> int:
        """Write ``chunk`` and tell."""
        written = self._file.write(chunk)
        self._done += written
        if self._progress is not None:
            seconds = time.monotonic() - self._began
            rate = (self._done - self._at_first) / seconds if seconds > 0 else 0.0
            left = (self._size - self._done) / rate if self._size and rate else None
            self._progress(Transfer(self._name, self._done, self._size or 0, left))
        return written

    def truncate(self, size: int | None = None) -> int:
        """Cut the file, which is only asked for where a server begins again."""
        self._done = self._at_first = self._file.truncate(size)
        return self._done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def digest_of(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
