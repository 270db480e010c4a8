"""The queue: commands of the command line, each a process of its own, on the disk.

    .studio/jobs/<id>.json     what is to be done, and how far it came
    .studio/jobs/<id>.report   what the command tells of itself (`mutoscope.report`)
    .studio/jobs/<id>.log      what it printed
    .studio/jobs/<id>.lock     held by the process as long as it lives

A job survives a closed page, a restart of the server, and its violent end: the process goes on by
itself, and the next server finds it by its lock.
"""

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mutoscope.errors import MutoscopeError, RunError
from mutoscope.report import Report, read_report
from mutoscope.studio.complaints import cleaned
from mutoscope.studio.place import Place
from mutoscope.studio.queue import records
from mutoscope.studio.queue.allowed import refuse_others
from mutoscope.studio.queue.records import Job, Record, State
from mutoscope.studio.queue.worker import Worker, last_line

__all__ = ["Job", "Jobs", "Progress", "State"]

log = logging.getLogger("mutoscope")

MOST_JOBS = 2000  # that are remembered
PATIENCE = 10.0  # seconds for a job to say that it has heard of its end
ENDING = 120.0  # seconds for one that has said so to come to it
STOPPED = 130  # the exit code of what Ctrl-C ended

_WAITS: frozenset[State] = frozenset({"waiting"})
_RUNS: frozenset[State] = frozenset({"running", "stopping"})


@dataclass(frozen=True)
class Progress:
    """How a job goes, or went.

    ``done`` of ``total`` steps; ``seconds_left`` as the terminal says it; ``losses``: the newest,
    by name; ``picture``: the newest picture, where there is one.
    """

    done: int
    total: int
    seconds_left: float | None
    losses: Mapping[str, float]
    picture: Path | None


class Jobs:
    """A queue of jobs in a place; ``at_once`` of them run, the others wait.

    Safe to be used by several threads of one process; that no second process serves the same
    place is for the caller to see to. ``version`` grows with each change, so that a page
    can tell whether it has to be drawn anew.
    """

    def __init__(self, place: Place, *, at_once: int = 1) -> None:
        self.place = place
        self.version = 0
        self._at_once = at_once
        self._folder = place.own / "jobs"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._records = records.read_all(self._folder)
        self._workers: dict[str, Worker] = {}
        self._reports: dict[str, tuple[tuple[int, int], Report | None]] = {}
        self._closing = False

    # ── what there is ──

    def all(self) -> list[Job]:
        """All jobs, in the order in which they are or were to be done."""
        with self._lock:
            return [record.job for record in self._ordered()]

    def job(self, id: str) -> Job:  # noqa: A002 - the word for it
        """One of them.

        Raises:
            RunError: there is none of that name.
        """
        return self._record(id).job

    def progress(self, id: str) -> Progress | None:  # noqa: A002
        """How a job goes, None while it has told nothing."""
        record = self._record(id)
        report = self._report(record)
        if report is None or report.total <= 0:
            return None
        left = report.seconds_left if record.job.state in _RUNS else None
        return Progress(report.done, report.total, left, report.losses, self._picture(report))

    # ── what visitors ask for ──

    def add(self, command: Sequence[str], *, title: str) -> Job:
        """Put a command, without ``mutoscope`` before it, at the end of the queue.

        Raises:
            MutoscopeError: the command is none that a studio runs, names files outside of its
                place, or has settings with a mistake in them.
        """
        words = tuple(str(word) for word in command)
        refuse_others(self.place, words)
        with self._lock:
            if len(self._records) >= MOST_JOBS:
                raise RunError(
                    f"the queue holds {MOST_JOBS} jobs, which is all that it can; remove old ones"
                )
            title = " ".join(title.split())[:200] or " ".join(words)[:200]
            job = Job(secrets.token_hex(6), title, words, "waiting", added=time.time())
            last = max((record.order for record in self._records.values()), default=0.0)
            self._keep(Record(job, order=last + 1.0))
            return job

    def stop(self, id: str) -> None:  # noqa: A002
        """End a job after the step in hand, with all that it has; once more: at once."""
        self._end(id, "stopped")

    def pause(self, id: str) -> None:  # noqa: A002
        """As `stop`, for one that is to be gone on with."""
        self._end(id, "paused")

    def resume(self, id: str) -> None:  # noqa: A002
        """Let a job that was ended early go on, when its turn comes.

        Raises:
            RunError: it waits, runs or is done.
        """
        with self._lock:
            record = self._record(id)
            if record.job.state not in ("stopped", "paused", "failed"):
                raise RunError(f"{record.job.title}: is {record.job.state}; there is nothing to do")
            job = replace(record.job, state="waiting", message="", ended=None)
            self._keep(replace(record, job=job, wish=None))

    def remove(self, id: str) -> None:  # noqa: A002
        """Forget a job that does not run; the pictures that it made stay.

        Raises:
            RunError: it runs.
        """
        with self._lock:
            record = self._record(id)
            if record.job.state in _RUNS:
                raise RunError(f"{record.job.title}: is {record.job.state}; stop it first")
            records.forget(self._folder, id)
            del self._records[id]
            self._reports.pop(id, None)
            self.version += 1

    def move(self, id: str, by: int) -> None:  # noqa: A002
        """Let a waiting job have its turn ``by`` places later, or earlier if that is negative."""
        with self._lock:
            waiting = [r for r in self._ordered() if r.job.state in _WAITS]
            ids = [record.job.id for record in waiting]
            if self._record(id).job.id not in ids:
                return
            orders = [record.order for record in waiting]
            at = ids.index(id)
            moved = waiting.pop(at)
            waiting.insert(min(max(0, at + by), len(waiting)), moved)
            for record, order in zip(waiting, orders, strict=True):
                if record.order != order:
                    self._keep(replace(record, order=order))

    # ── what the server does ──

    def tick(self) -> bool:
        """Start what has its turn, and take note of what has ended; says if anything changed."""
        with self._lock:
            before = self.version
            for record in self._ordered():
                if record.job.state in _RUNS:
                    self._look_after(record)
            if not self._closing:
                self._start_next()
            return self.version != before

    def close(self, *, patience: float = 20.0) -> None:
        """Let what runs end after the step in hand, so that the next server goes on with it.

        What does not end within ``patience`` seconds goes on by itself, and is found again.
        """
        self._closing = True
        with self._lock:
            for record in self._ordered():
                if record.job.state == "running":
                    self._ask(record, "waiting")
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.tick()
            if not any(job.state in _RUNS for job in self.all()):
                return
            time.sleep(0.1)

    # ── inside ──

    def _record(self, id: str) -> Record:  # noqa: A002
        with self._lock:
            if id not in self._records:
                raise RunError("there is no such job; it may have been removed")
            return self._records[id]

    def _ordered(self) -> list[Record]:
        return sorted(self._records.values(), key=lambda record: (record.order, record.job.added))

    def _keep(self, record: Record) -> None:
        """Write a job down, and let it be so."""
        records.write(self._folder, record)
        self._records[record.job.id] = record
        self.version += 1

    def _end(self, id: str, wish: State) -> None:  # noqa: A002
        with self._lock:
            record = self._record(id)
            if record.job.state in _WAITS:
                self._keep(replace(record, job=replace(record.job, state=wish)))
            elif record.job.state == "running":
                self._ask(record, wish)
            elif record.job.state == "stopping":
                self._worker(record).interrupt()
                self._keep(replace(record, wish=wish, asked=time.time() - ENDING + PATIENCE))
            elif record.job.state == "paused" and wish == "stopped":
                self._keep(replace(record, job=replace(record.job, state="stopped")))

    def _ask(self, record: Record, wish: State) -> None:
        """Ask a running job for its end."""
        worker = self._worker(record)
        heard = worker.printed()
        worker.interrupt()
        job = replace(record.job, state="stopping")
        self._keep(replace(record, job=job, wish=wish, asked=time.time(), heard=heard))

    def _worker(self, record: Record) -> Worker:
        """The process of a job that runs; found again by its lock if another server began it."""
        id_ = record.job.id
        if id_ not in self._workers:
            self._workers[id_] = Worker.found(self._folder, id_, record.pid)
        return self._workers[id_]

    def _look_after(self, record: Record) -> None:
        """Take note of where a job's run lies, and of its end."""
        worker = self._worker(record)
        alive = worker.alive()
        report = self._report(record)  # after the question: what an ended one told is all there
        if report is not None and report.run is not None and record.job.run is None:
            record = replace(record, job=replace(record.job, run=self._name(report.run)))
            self._keep(record)
        if not alive:
            self._reap(record, report)
        elif record.job.state == "stopping" and record.asked is not None:
            answered = worker.printed() > record.heard
            if time.time() - record.asked > (ENDING if answered else PATIENCE):
                log.warning("%s: did not end when it was asked to, and is killed", record.job.title)
                worker.kill()

    def _reap(self, record: Record, report: Report | None) -> None:
        """Write down how a job has ended."""
        worker = self._workers.pop(record.job.id)
        code = worker.code() if report is None or report.exit is None else report.exit
        state: State
        if code == 0:
            state, message = "done", ""
        elif record.wish is not None:
            state = record.wish
            message = "" if code == STOPPED else "it did not end by itself and was killed"
        elif code == STOPPED:
            state, message = "stopped", ""
        else:
            state, message = "failed", self._why(record, code)
        ended = None if state == "waiting" else time.time()
        job = replace(record.job, state=state, message=message, ended=ended)
        self._keep(replace(record, job=job, wish=None, pid=None, asked=None))

    def _why(self, record: Record, code: int | None) -> str:
        """What a page says of a job that failed."""
        printed = self._folder / f"{record.job.id}.log"
        if code == 2:  # an error that the user can mend, in one line
            return cleaned(last_line(printed).removeprefix("mutoscope: "), self.place)
        if code == 1:
            log.error("%s: a fault in the program:\n%s", record.job.title, last_line(printed, 40))
            return "there is a fault in the program; the terminal says which"
        return "it was ended from outside; perhaps there was not enough memory"

    def _start_next(self) -> None:
        """Start those whose turn it is."""
        busy = sum(record.job.state in _RUNS for record in self._records.values())
        for record in self._ordered():
            if busy >= self._at_once:
                return
            if record.job.state in _WAITS:
                busy += self._start(record)

    def _start(self, record: Record) -> bool:
        """Start a job; says whether it runs now."""
        job = replace(record.job, started=time.time(), ended=None, message="")
        try:
            command = self._command(job)
            refuse_others(self.place, command)  # again: its files may have been changed since
            worker = Worker.start(self.place.root, self._folder, job.id, command)
        except (MutoscopeError, OSError) as error:
            if not isinstance(error, MutoscopeError):
                log.error("%s: can't be started: %s", job.title, error)
            why = cleaned(str(error), self.place)
            job = replace(job, state="failed", message=why, ended=time.time())
            self._keep(replace(record, job=job))
            return False
        self._workers[job.id] = worker
        self._reports.pop(job.id, None)
        self._keep(replace(record, job=replace(job, state="running"), pid=worker.pid, wish=None))
        return True

    def _command(self, job: Job) -> tuple[str, ...]:
        """What is typed to do a job, or to go on with it.

        A training is gone on with by the same command, a run or sheet by `resume`.
        """
        if job.run is not None and job.command[0] != "resume":
            folder = self.place.inside(job.run)
            if any((folder / name).is_file() for name in ("run.json", "sheet.json")):
                return ("resume", "--", job.run)
        return job.command

    def _name(self, run: str) -> str | None:
        with contextlib.suppress(MutoscopeError):
            return self.place.name_of(Path(run))
        return None

    def _report(self, record: Record) -> Report | None:
        """What a job tells of itself; read again only where its file has changed."""
        path = self._folder / f"{record.job.id}.report"
        try:
            stat = path.stat()
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_ino)
        with self._lock:
            known = self._reports.get(record.job.id)
            if known is None or known[0] != stamp:
                known = (stamp, read_report(path))
                self._reports[record.job.id] = known
            return known[1]

    def _picture(self, report: Report) -> Path | None:
        """The newest picture that a job tells of, or the one that its run shows meanwhile."""
        latest = Path(report.run) / "latest.png" if report.run is not None else None
        for path in (latest, Path(report.newest) if report.newest is not None else None):
            if path is not None and path.is_file() and self.place.holds(path):
                return path
        return None
