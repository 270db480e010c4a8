"""Whether a process is at work in a run's folder, told without getting in its way."""

import contextlib
import os
import sys
from pathlib import Path

from mutoscope.lock import NAME


def is_held(folder: Path) -> bool:
    """Whether a process that lives holds the folder's lock.

    The lock itself is tried only where the number in its file is that of a living process, so that
    one which is about to take it is not kept from that.
    """
    path = folder / NAME
    try:
        text = path.read_bytes()[:20].strip()
    except OSError:
        return sys.platform == "win32" and path.exists()  # what is locked there can't be read
    if not text.isdigit():
        return False
    return sys.platform == "win32" or (_lives(int(text)) and _is_locked(path))


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it is another user's
    return True


if sys.platform == "win32":

    def _is_locked(path: Path) -> bool:
        return path.exists()

else:
    import fcntl

    def _is_locked(path: Path) -> bool:
        """Whether the lock can't be had; a shared one is asked for, and given back at once."""
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(descriptor)
        return False
