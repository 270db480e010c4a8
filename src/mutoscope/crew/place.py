"""A worker's place on a machine of a cluster: an actor that does tasks, one after the other.

It works in a folder of its own, which is on no other machine: what a task needs was sent here, and
what it makes is handed out after each checkpoint, when whoever ordered it asks for news. Nothing
here loads torch before a task begins, so that a place is ready in a moment.
"""

import contextlib
import hashlib
import json
import logging
import os
import platform
import queue
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mutoscope.atomic import replacing
from mutoscope.crew.parcel import Arrival, Sent, messages
from mutoscope.elsewhere import BROUGHT, place_under
from mutoscope.errors import MutoscopeError, RunError
from mutoscope.lock import FolderLock

WAIT = 1.0  # seconds for which news are waited for: as long as it takes at most to hear "stop"
_PREFIX = "mutoscope-place-"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NEW = 60  # seconds for which a folder may be without its lock
_READY = 4  # networks that lie ready for the next task
_KEPT = 30 * 24 * 3600  # seconds after which a file that no task has wanted is forgotten

Message = list[tuple[str, int, int, bytes]]


def versions() -> dict[str, str]:
    """What must be the same on both sides, so that a picture is the same wherever it is made."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"mutoscope": _version("mutoscope"), "torch": _version("torch"), "python": python}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


@dataclass
class _Parcel:
    """What a checkpoint has changed, on its way out."""

    messages: list[Message]
    gone: list[str]


@dataclass
class _Doing:
    """A task in hand: the thread that does it, and what it has to tell."""

    sent: Sent
    parcels: "queue.Queue[_Parcel]" = field(default_factory=lambda: queue.Queue(1))
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    told: tuple[int, int, dict[str, float]] | None = None
    result: tuple[str | None, bool] = ("its worker has not begun", False)  # error, complete
    said: list[str] = field(default_factory=list)  # notices
    out: _Parcel | None = None  # of which some messages are handed out already


class Place:
    """The actor. Each method answers at once, but for `news`, which waits for a second."""

    def __init__(self, threads: int) -> None:
        for variable in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
            os.environ[variable] = str(threads)
        from mutoscope.process import prepare

        prepare()
        _sweep_abandoned()
        self._threads = threads
        self._root: Path | None = None
        self._lock: FolderLock | None = None
        self._shelf: dict[Any, Any] = {}
        self._arrival: Arrival | None = None
        self._doing: _Doing | None = None
        self._tasks = 0

    def hello(self) -> dict[str, str]:
        """The versions here, and the machine's name."""
        return {**versions(), "machine": platform.node()}

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Which files, by their SHA-256, are not in the cache of this machine."""
        return [digest for digest in digests if not _cached(digest).is_file()]

    def stock(self, digest: str, *parts: bytes) -> None:
        """Put a file into the cache of this machine, under its SHA-256."""
        path = _cached(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        found = hashlib.sha256()
        with replacing(path, durable=False) as file:
            for part in parts:
                found.update(part)
                file.write(part)
            if found.hexdigest() != digest:
                raise RunError(f"{digest}: changed on its way here; give the same command again")

    def prepare(self, name: str) -> None:
        """Make an empty folder of this name for a task, in which `receive` puts its files."""
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix=_PREFIX))
            self._lock = FolderLock(self._root)
        self._tasks += 1
        folder = self._root / f"task-{self._tasks}" / name
        folder.mkdir(parents=True)
        self._arrival = Arrival(folder)

    def receive(self, message: Message) -> None:
        """Take files of the task."""
        assert self._arrival is not None  # noqa: S101 - `prepare` came before
        self._arrival.add(message)

    def begin(self, kind: str, order: str, inputs: Mapping[str, str]) -> None:
        """Begin with the task whose files are here.

        Args:
            kind: one of `mutoscope.crew.kinds.KINDS`.
            order: as JSON.
            inputs: the files that it names, by their paths where it comes from, and their digests.
        """
        assert self._arrival is not None  # noqa: S101 - `prepare` came before
        assert self._root is not None  # noqa: S101
        self._arrival.settle()
        sent = Sent(self._arrival.folder)
        sent.note()
        brought = self._root / "brought"
        shutil.rmtree(brought, ignore_errors=True)
        os.environ[BROUGHT] = str(brought)
        for path, digest in inputs.items():
            there = place_under(brought, Path(path))
            there.parent.mkdir(parents=True, exist_ok=True)
            _lay(_cached(digest), there)
        doing = self._doing = _Doing(sent)
        values = json.loads(order)
        threading.Thread(
            target=self._work, args=(doing, kind, values), name="task", daemon=True
        ).start()

    def news(self) -> dict[str, Any]:
        """What there is to tell, after a second at the latest.

        ``told``: done, total and losses, or None; ``said``: notices; ``files``: a message of the
        form of `receive`, or None; ``gone``: names, with the last message of a checkpoint, else
        None; ``ended``: error and whether it is complete, once all was handed out, else None.
        """
        doing = self._doing
        assert doing is not None  # noqa: S101 - `begin` came before
        if doing.out is None:
            doing.out = self._next(doing)
        told, doing.told = doing.told, None
        said, doing.said = doing.said, []
        answer: dict[str, Any] = {
            "told": told, "said": said, "files": None, "gone": None, "ended": None,
        }  # fmt: skip
        if doing.out is not None:
            if doing.out.messages:
                answer["files"] = doing.out.messages.pop(0)
            if not doing.out.messages:
                answer["gone"], doing.out = doing.out.gone, None
        elif doing.ended.is_set() and doing.parcels.empty():
            answer["ended"] = doing.result
            shutil.rmtree(doing.sent.folder.parent, ignore_errors=True)
            self._doing = None
        return answer

    def stop(self) -> None:
        """Let the task keep what it has, and end."""
        if self._doing is not None:
            self._doing.stop.set()

    def leave(self) -> None:
        """Remove what this place has put on the disk."""
        if self._root is not None and self._lock is not None:
            self._lock.release()
            shutil.rmtree(self._root, ignore_errors=True)

    def _next(self, doing: _Doing) -> _Parcel | None:
        """The next parcel, waiting for one for a while; not once the task has ended."""
        until = time.monotonic() + WAIT
        while True:
            ended = doing.ended.is_set()
            with contextlib.suppress(queue.Empty):
                return doing.parcels.get(timeout=0 if ended else 0.05)
            if ended or time.monotonic() >= until:
                return None

    def _work(self, doing: _Doing, kind: str, order: Mapping[str, Any]) -> None:
        """Do the task; in a thread of its own, so that the place can be spoken to meanwhile."""
        notices = _Notices(doing)
        logger = logging.getLogger("mutoscope")
        logger.setLevel(logging.INFO)
        logger.addHandler(notices)
        try:
            doing.result = None, self._done(doing, kind, order)
        except MutoscopeError as error:
            doing.result = str(error), False
        except Exception as error:  # noqa: BLE001 - told, and the next task is another
            doing.result = f"{type(error).__name__}: {error} ({_where(error)})", False
        finally:
            logger.removeHandler(notices)
            with contextlib.suppress(OSError, RunError):
                _hand_out(doing, wait=True)
            doing.ended.set()

    def _done(self, doing: _Doing, kind: str, order: Mapping[str, Any]) -> bool:
        import torch

        from mutoscope.crew.kinds import Bench, kind_called

        torch.set_num_threads(self._threads)  # of this thread

        def tell(done: int, total: int, losses: Mapping[str, float]) -> None:
            doing.told = done, total, dict(losses)

        bench = Bench(doing.sent.folder, order, self._shelf, tell=tell, stopped=doing.stop.is_set)
        # The oldest go; what the last task was made with lies behind them.
        for network in list(self._shelf)[:-_READY]:
            del self._shelf[network]
        work = kind_called(kind)(bench)
        while True:
            try:
                next(work)
            except StopIteration as end:
                return bool(end.value)
            _hand_out(doing)


class _Notices(logging.Handler):
    """Keeps notices until there is news."""

    def __init__(self, doing: _Doing) -> None:
        super().__init__()
        self._doing = doing

    def emit(self, record: logging.LogRecord) -> None:
        self._doing.said = [*self._doing.said[-99:], record.getMessage()]


def _hand_out(doing: _Doing, *, wait: bool = False) -> None:
    """Put what has changed where `news` finds it.

    While the parcel before is still here, a checkpoint goes with the next one, or is waited with.
    """
    if doing.parcels.full() and not wait:
        return
    chunks, gone = doing.sent.changes()
    if chunks or gone:
        doing.parcels.put(_Parcel(list(messages(chunks)), gone))


def _where(error: BaseException) -> str:
    """The last place of ours that an error came by."""
    trace, found = error.__traceback__, "?"
    while trace is not None:
        found = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _cached(digest: str) -> Path:
    """Where a file lies in this user's cache on this machine.

    Raises:
        RunError: that is no digest.
    """
    if not _DIGEST.fullmatch(digest):
        raise RunError(f"{digest[:80]!r}: is no SHA-256")
    usual = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(usual) / "mutoscope" / "brought" / digest


def _lay(cached: Path, path: Path) -> None:
    """Put a file of the cache at its path: as a link where the disk can, else as a copy."""
    with contextlib.suppress(OSError):
        os.utime(cached)  # it was wanted today
    try:
        os.link(cached, path)
    except OSError:
        shutil.copyfile(cached, path)


def _sweep_abandoned() -> None:
    """Remove what killed places have left, and files that nobody has wanted for long."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(RunError, OSError):  # it is in use, or another user's
            if time.time() - folder.stat().st_mtime > _NEW:
                FolderLock(folder).release()
                shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        for file in _cached("0" * 64).parent.iterdir():
            if time.time() - file.stat().st_mtime > _KEPT:
                file.unlink()
