"""A crew on a Ray cluster: places on its machines, to which folders travel and from which they
come back.

The machines share no disk. A task's files are sent when it begins, and after each checkpoint what
has changed comes back, so that the folder here always holds what it takes to go on. A place that is
lost is heard no more: nothing that it may still do reaches a folder, and its task is begun again
elsewhere from the last checkpoint that came.
"""

import contextlib
import hashlib
import json
import logging
import os
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutoscope.atomic import sweep_parts
from mutoscope.closable import Closable
from mutoscope.crew.cluster import connected, refuse_other_versions, refuse_unprepared, said
from mutoscope.crew.inputs import inputs_of
from mutoscope.crew.parcel import Arrival, Sent, chunks_of, messages
from mutoscope.crew.place import Place
from mutoscope.crew.task import MOST_TRIES, CrewWatch, News, Outcome, Task
from mutoscope.errors import MutoscopeError, RunError, printable
from mutoscope.lock import FolderLock

log = logging.getLogger("mutoscope")

_TICK = 0.2  # seconds between two looks at whether to stop
_GRACE = 2.0  # seconds in which a place tidies up
_LOOK = 3.0  # seconds between two looks at how many machines there are
_PATIENT = 15.0  # seconds after which it is said that no machine has room

_Course = Generator[Any, Any, None]
"""What happens at a place: yields what is waited for, and is given what came of it."""


class RayCluster(Closable):
    """A `Crew` of places of ``threads`` CPUs each on a Ray cluster, ``workers`` at the most.

    A context manager: it is connected from when it is made until `close`. Where the cluster has
    GPUs, each place takes one. Machines that join meanwhile are given work.

    Args:
        address: ``ray://HOST:PORT``, the port that ``ray start --head`` opens for clients, 10001;
            or ``ray``, the cluster that this machine belongs to.
        workers: at most how many; by default as many as there is room for.
        threads: of each.

    Raises:
        ExtraError: Ray is not installed.
        SettingsError: that is no address.
        RunError: no cluster answers there.
    """

    def __init__(self, address: str, *, workers: int | None = None, threads: int = 1) -> None:
        self.workers, self.threads = workers, threads
        self._ray = connected(address)
        self._address = address
        self._closed = False
        gpus = float(self._ray.cluster_resources().get("GPU", 0.0))
        self._gpus = 1.0 if gpus >= 1 else 0.0
        self._files: dict[tuple[Path, int, int], str] = {}
        self._stored: dict[str, list[Any]] = {}

    def work(self, tasks: Sequence[Task], *, watch: CrewWatch) -> Iterator[Outcome]:
        """Do all tasks: yield the outcome of each as it ends; see `Crew.work`.

        Raises:
            RunError: the machines have no room, or other versions, or the cluster is lost.
        """
        shift = _Shift(self, tasks, watch)
        try:
            yield from shift.outcomes()
        except (self._ray.exceptions.RayError, ConnectionError) as error:
            raise RunError(
                f"{self._address}: the cluster is lost ({said(error)}); what came back stands, "
                "and the same command goes on with it"
            ) from error
        finally:
            shift.end()

    def close(self) -> None:
        """Leave the cluster. Closing twice is no mistake."""
        if not self._closed:
            self._closed = True
            self._stored.clear()
            self._ray.shutdown()

    def room(self) -> int:
        """How many places the machines have room for."""
        count = 0
        for node in self._ray.nodes():
            has = node["Resources"] if node.get("Alive") else {}
            fit = int(has.get("CPU", 0) // self.threads)
            count += min(fit, int(has.get("GPU", 0))) if self._gpus else fit
        return count if self.workers is None else min(count, self.workers)

    def engage(self) -> Any:
        """A new place, which begins wherever there is room."""
        kind = self._ray.remote(Place).options(
            num_cpus=self.threads, num_gpus=self._gpus, max_restarts=0, max_task_retries=0
        )
        return kind.remote(self.threads)

    def digest(self, path: Path) -> str:
        """The SHA-256 of a file, read once while it stays as it is.

        Raises:
            RunError: it can't be read.
        """
        try:
            stat = path.stat()
            key = path, stat.st_mtime_ns, stat.st_size
            if key not in self._files:
                with path.open("rb") as file:
                    self._files[key] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise RunError(f"{path}: can't be read: {error.strerror}") from error
        return self._files[key]

    def stored(self, path: Path, digest: str) -> list[Any]:
        """A file's bytes in the cluster's store, put there once however many machines want them."""
        if digest not in self._stored:
            parts = (chunk.data for chunk in chunks_of(path, path.name))
            self._stored[digest] = [self._ray.put(part) for part in parts]
        return self._stored[digest]


@dataclass
class _Job:
    """A task, how often it was begun, and for how long it was worked at."""

    task: Task
    tries: int = 0
    seconds: float = 0.0


@dataclass(eq=False)
class _Slot:
    """A place, what happens there, and what is waited for."""

    number: int
    place: Any
    course: _Course = field(default_factory=lambda: iter(()))  # type: ignore[arg-type, return-value]
    awaited: Any = None
    job: _Job | None = None
    ready: bool = False


class _Shift:
    """One time that a crew works: its places, what waits, and what has ended."""

    def __init__(self, crew: RayCluster, tasks: Sequence[Task], watch: CrewWatch) -> None:
        self._crew, self._ray, self._watch = crew, crew._ray, watch
        self._waiting = deque(_Job(task) for task in tasks)
        self._slots: list[_Slot] = []
        self._ended: deque[Outcome] = deque()
        self._heard: set[str] = set()
        self._stopping = False
        self._looked, self._room = -_LOOK, 0
        self._idle_since = time.monotonic()

    def outcomes(self) -> Iterator[Outcome]:
        while self._waiting or any(slot.job for slot in self._slots):
            self._see_to_stopping()
            self._staff()
            awaited = {slot.awaited: slot for slot in self._slots}
            if not awaited:
                time.sleep(_TICK)
                continue
            ready, _ = self._ray.wait(list(awaited), num_returns=1, timeout=_TICK)
            for reference in ready:
                self._go_on(awaited[reference])
            while self._ended:
                yield self._ended.popleft()

    def end(self) -> None:
        """Give all places back, those that are tidying up after they have."""
        leaving = [slot.awaited for slot in self._slots if slot.ready and slot.job is None]
        with contextlib.suppress(self._ray.exceptions.RayError, ConnectionError):
            if leaving:
                ready, _ = self._ray.wait(leaving, num_returns=len(leaving), timeout=_GRACE)
                self._ray.get(ready)
        for slot in list(self._slots):
            self._dismiss(slot)

    def _see_to_stopping(self) -> None:
        if not self._stopping and self._watch.stopped():
            self._stopping = True
            self._waiting.clear()

    def _staff(self) -> None:
        """Engage as many places as there is room and work for."""
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked, self._room = now, self._crew.room()
            self._complain(now)
        busy = sum(slot.job is not None for slot in self._slots)
        while len(self._slots) < min(self._room, busy + len(self._waiting)):
            taken = {slot.number for slot in self._slots}
            number = next(n for n in range(1, len(taken) + 2) if n not in taken)
            slot = _Slot(number, self._crew.engage())
            slot.course = self._course(slot)
            self._slots.append(slot)
            slot.awaited = next(slot.course)

    def _complain(self, now: float) -> None:
        """Say that nothing is done for want of room; refuse where there will never be any."""
        if any(slot.ready for slot in self._slots):
            self._idle_since = now
        elif now - self._idle_since > _PATIENT:
            if self._room == 0:
                raise RunError(
                    f"{self._crew._address}: no machine of the cluster has {self._crew.threads} "
                    "CPUs; start some (ray start --address=…), or give fewer --threads"
                )
            log.info("%s: all machines are busy; waiting for room", self._crew._address)
            self._idle_since = now

    def _go_on(self, slot: _Slot) -> None:
        """Give a course what it waited for, or say to it that there is none."""
        try:
            try:
                value = self._ray.get(slot.awaited)
            except self._ray.exceptions.RayError as error:
                slot.awaited = slot.course.throw(error)
            else:
                slot.awaited = slot.course.send(value)
        except StopIteration:
            self._dismiss(slot)
        except self._ray.exceptions.RayError as error:
            self._lost(slot, error)

    def _dismiss(self, slot: _Slot) -> None:
        """Let a place go, and whatever is done there."""
        if slot in self._slots:
            self._slots.remove(slot)
        slot.course.close()
        with contextlib.suppress(Exception):
            self._ray.kill(slot.place)

    def _lost(self, slot: _Slot, error: Exception) -> None:
        """A place is gone: its task is begun again elsewhere, or has failed."""
        job, slot.job = slot.job, None
        self._dismiss(slot)
        self._looked = -_LOOK
        if job is None:
            refuse_unprepared(error)
            log.info("a worker was lost before it began (%s)", said(error))
            return
        name = job.task.name
        if self._stopping:
            return
        if job.tries < MOST_TRIES:
            log.warning("%s: its worker was lost; another goes on with it", name)
            self._waiting.appendleft(job)
        else:
            why = f"{name}: its worker was lost {job.tries} times, at last: {said(error)}"
            self._ended.append(Outcome(job.task, why, job.tries, job.seconds))

    # ── what happens at a place ──

    def _course(self, slot: _Slot) -> _Course:
        """Do one task after the other, as long as any waits."""
        hello = yield slot.place.hello.remote()
        refuse_other_versions(hello)
        slot.ready = True
        while self._waiting:
            job = slot.job = self._waiting.popleft()
            job.tries += 1
            since = time.monotonic()
            try:
                error, whole = yield from self._task(slot, job)
            except MutoscopeError as refused:
                error, whole = str(refused), False
            finally:
                job.seconds += time.monotonic() - since
            slot.job = None
            if error is not None or whole:
                self._ended.append(Outcome(job.task, error, job.tries, job.seconds))
            if error is not None and not whole:
                return  # who knows what it is still at; another place is soon made
        yield slot.place.leave.remote()

    def _task(self, slot: _Slot, job: _Job) -> Generator[Any, Any, tuple[str | None, bool]]:
        """Do a task: its error, and whether it is complete."""
        task = job.task
        task.folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(task.folder)
        arrival = Arrival(task.folder)
        try:
            _tidy(task.folder)
            yield from self._send(slot.place, task)
            told = False
            while True:
                news = yield slot.place.news.remote()
                self._pass_on(slot, job, news)
                if news["files"] is not None:
                    arrival.add(news["files"])
                if news["gone"] is not None:
                    arrival.settle(news["gone"])
                if news["ended"] is not None:
                    error, whole = news["ended"]
                    return None if error is None else _line(str(error)), whole is True
                if self._stopping and not told:
                    told = True
                    yield slot.place.stop.remote()
        finally:
            arrival.drop()
            lock.release()

    def _send(self, place: Any, task: Task) -> Generator[Any, Any, None]:
        """Bring to a place all that a task needs, and let it begin."""
        inputs = {path: self._crew.digest(path) for path in inputs_of(task)}
        absent = yield place.missing.remote(sorted(set(inputs.values())))
        for path, digest in inputs.items():
            if digest in absent:
                absent.remove(digest)
                yield place.stock.remote(digest, *self._crew.stored(path, digest))
        yield place.prepare.remote(task.folder.name)
        chunks, _ = Sent(task.folder).changes()
        for message in messages(chunks):
            yield place.receive.remote(message)
        named = {str(path): digest for path, digest in inputs.items()}
        yield place.begin.remote(task.kind, json.dumps(dict(task.order)), named)

    def _pass_on(self, slot: _Slot, job: _Job, news: dict[str, Any]) -> None:
        for notice in news["said"]:
            if notice not in self._heard:  # each of many tasks may give the same
                self._heard.add(notice)
                log.info("%s", _line(str(notice)))
        match news["told"]:
            case [int(done), int(total), dict(losses)]:
                losses = {str(name): float(value) for name, value in losses.items()}
                self._watch.news(job.task, News(done, total, losses, slot.number, job.tries))


def _tidy(folder: Path) -> None:
    """Remove part files of a caller that was killed."""
    for path, _, _ in os.walk(folder):
        sweep_parts(Path(path))


def _line(text: str) -> str:
    return printable(" ".join(text.split()))[:2000]
