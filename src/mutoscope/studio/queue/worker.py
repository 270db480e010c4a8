"""The process of a job: begun, found again, asked for its end.

It belongs to a session of its own, so that Ctrl-C in the server's terminal does not reach it, and
it goes on when the server has ended, however that did. As long as it lives it holds a lock, which
it was handed at its birth: by that another server knows that it lives, with no number of a process
to be mistaken for another's.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mutoscope import fence
from mutoscope.report import VARIABLE

# Without -P a file torch.py that lies in the place would be taken for torch.
PROGRAM: Sequence[str] = ("-P", "-m", "mutoscope")

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_TAIL = 16_384  # bytes of what was printed that are looked at
# What a command has no need of, and settings of a stranger must not get at.
_SECRET = re.compile(r"PASSWORD|SECRET|CREDENTIAL|PRIVATE|^MUTOSCOPE_STUDIO", re.IGNORECASE)

if sys.platform == "win32":
    _NEW = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    _INTERRUPT = signal.CTRL_BREAK_EVENT
    _KILL = signal.SIGTERM
else:
    import fcntl

    _INTERRUPT = signal.SIGINT
    _KILL = signal.SIGKILL


class Worker:
    """A process, and what it prints.

    ``process`` is None where it was begun by another server.
    """

    def __init__(
        self, folder: Path, id: str, pid: int | None,  # noqa: A002
        process: "subprocess.Popen[bytes] | None" = None,
    ) -> None:  # fmt: skip
        self.pid = pid
        self._process = process
        self._printed = folder / f"{id}.log"
        self._lock = folder / f"{id}.lock"

    @classmethod
    def start(cls, root: Path, folder: Path, id: str, command: Sequence[str]) -> "Worker":  # noqa: A002
        """Begin a command of ours in ``root``.

        Raises:
            OSError: it can't be.
        """
        report = folder / f"{id}.report"
        report.unlink(missing_ok=True)
        line = [sys.executable, *PROGRAM, *command]
        lock = os.open(folder / f"{id}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with (folder / f"{id}.log").open("wb") as printed:
                process = _begin(line, root, printed.fileno(), lock, environment(root, report))
        finally:
            os.close(lock)
        return cls(folder, id, process.pid, process)

    @classmethod
    def found(cls, folder: Path, id: str, pid: int | None) -> "Worker":  # noqa: A002
        """The process that another server has begun; it may have ended since."""
        return cls(folder, id, pid)

    def alive(self) -> bool:
        """Whether it still works."""
        if self._process is not None:
            return self._process.poll() is None
        return self.pid is not None and _held(self._lock)

    def code(self) -> int | None:
        """Its exit code, None where that is not known."""
        return None if self._process is None else self._process.poll()

    def printed(self) -> int:
        """How many bytes it has printed."""
        try:
            return self._printed.stat().st_size
        except OSError:
            return 0

    def interrupt(self) -> None:
        """Ask it for its end, as Ctrl-C does."""
        self._send(_INTERRUPT)

    def kill(self) -> None:
        """End it and all that it has begun."""
        if self.pid is None or not self.alive():
            return
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                os.killpg(self.pid, _KILL)
                return
        self._send(_KILL)

    def _send(self, number: int) -> None:
        if self.pid is not None and self.alive():
            with contextlib.suppress(OSError):
                os.kill(self.pid, number)


def environment(root: Path, report: Path, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a command that reads in ``root`` and tells how it goes in ``report``."""
    kept = {name: value for name, value in given.items() if not _SECRET.search(name)}
    return kept | {VARIABLE: str(report), fence.VARIABLE: str(root), "PYTHONUNBUFFERED": "1"}


def last_line(printed: Path, most: int = 1) -> str:
    """The last line that a command printed, or the last ``most``; empty ones don't count."""
    try:
        with printed.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            text = file.read(_TAIL).decode(errors="replace")
    except OSError:
        return ""
    lines = [_ESCAPES.sub("", line).rstrip() for line in re.split(r"[\r\n]+", text)]
    return "\n".join([line for line in lines if line][-most:])


def _begin(
    line: list[str], root: Path, printed: int, lock: int, environment: dict[str, str]
) -> "subprocess.Popen[bytes]":
    if sys.platform == "win32":
        return subprocess.Popen(  # noqa: S603 - our own interpreter and command
            line, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=printed,
            stderr=printed, **_NEW,
        )  # fmt: skip
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return subprocess.Popen(  # noqa: S603 - our own interpreter and command
        line, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=printed,
        stderr=printed, start_new_session=True, pass_fds=[lock],
    )  # fmt: skip


def _held(path: Path) -> bool:
    """Whether a process that was handed a lock still has it.

    Where processes can't hand locks on, one that another server began is not known to live. If it
    does, the lock of its run keeps a second one out of it.
    """
    if sys.platform == "win32":
        return False
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
