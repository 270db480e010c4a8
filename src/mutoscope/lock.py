"""A lock on a folder, so that two processes never write to one run.

The lock is the operating system's, on an open file: when its process ends, even by ``kill -9``,
it is gone, and no stale one is ever left to be judged. The file only says who holds it.
"""

import contextlib
import os
import sys
from pathlib import Path

from mutoscope.atomic import reason
from mutoscope.errors import RunError

NAME = ".lock"

if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes against reading, too, so the locked one lies far behind the text.
    _FAR = 1 << 30

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class InUseError(RunError):
    """Another process, or another part of this one, is writing to the run."""


class FolderLock:
    """The lock of one folder, held from now until `release` or the end of the process.

    Raises:
        InUseError: Another process holds it; the message says which.
        RunError: It can't be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, path = folder, folder / NAME
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunError(f"{folder}: can't be locked: {reason(error)}") from error
        try:
            _take(self._descriptor)
        except OSError as error:
            os.close(self._descriptor)
            self._descriptor = -1
            if isinstance(error, BlockingIOError | PermissionError):
                raise InUseError(
                    f"{folder}: is in use by process {_holder(path)}; "
                    "wait until it has ended, or stop it"
                ) from error
            raise RunError(f"{folder}: can't be locked: {reason(error)}") from error
        # The number is for messages and `was_left`; a full disk may keep it out.
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())
            os.fsync(self._descriptor)

    def release(self) -> None:
        """Let the folder go. Releasing twice is no mistake."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def discard(self) -> None:
        """Let the folder go and remove the lock's file, and the folder if that was all in it."""
        if sys.platform == "win32":
            self.release()  # what is open there can't be removed, and whoever has it now keeps it
        with contextlib.suppress(OSError):
            (self._folder / NAME).unlink(missing_ok=True)
            self._folder.rmdir()
        self.release()


def was_left(folder: Path) -> bool:
    """Whether whoever had the lock of a folder last did not let it go: is at it, or was ended."""
    try:
        return (folder / NAME).stat().st_size > 0
    except OSError:
        return False


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")[:20].strip() or "unknown"
    except OSError:
        return "unknown"
