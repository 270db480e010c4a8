"""A crew of processes on this machine, each with some threads of its own."""

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from mutoscope.crew.task import MOST_TRIES, CrewWatch, News, Outcome, Task
from mutoscope.errors import RunError

log = logging.getLogger("mutoscope")

WORKER = (sys.executable, "-m", "mutoscope.crew.worker")

_TICK = 0.1  # seconds between two looks at whether to stop
_GRACE = 5.0  # seconds in which a worker without a task ends, before it is ended
_TAIL = 2000  # bytes of what a worker printed that are looked at when it was lost


@dataclass
class _Job:
    """A task in hand: how often it was begun, and for how long it was worked at."""

    task: Task
    tries: int = 0
    seconds: float = 0.0


class _Hand:
    """One worker process and what it is at.

    ``number``: from 1; ``job``: None while it waits; ``ready``: whether it was ever heard.
    """

    def __init__(self, number: int, crew: "Processes", heard: "queue.Queue[Heard]") -> None:
        self.number = number
        self.job: _Job | None = None
        self.ready = False
        self.told_to_stop = False
        self._since = 0.0
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(crew.threads),
            "OPENCV_FOR_THREADS_NUM": str(crew.threads),
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own worker, no shell
            crew.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            env=environment,
        )
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()

    def do(self, job: _Job) -> None:
        """Give it a task."""
        self.job, self._since = job, time.monotonic()
        job.tries += 1
        task = job.task
        self._order(
            do={
                "name": task.name,
                "kind": task.kind,
                "folder": str(task.folder.absolute()),
                "order": dict(task.order),
            }
        )

    def let_go(self) -> _Job:
        """Take its task from it, whether done or not."""
        assert self.job is not None  # noqa: S101
        job, self.job = self.job, None
        job.seconds += time.monotonic() - self._since
        return job

    def stop(self) -> None:
        """Let it keep what it has, and end."""
        if not self.told_to_stop:
            self.told_to_stop = True
            self._order(stop=True)

    def lost(self) -> str:
        """How its process ended, in words; only once nothing more is heard of it."""
        code = self._process.wait()
        self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, self._printed.tell() - _TAIL))
        lines = self._printed.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"{how} ({last})" if last else how

    def end(self, grace: float) -> None:
        """End its process, at once where it does not within ``grace`` seconds."""
        with contextlib.suppress(OSError, ValueError):
            self._stdin.close()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._printed.close()

    @property
    def _stdin(self) -> BinaryIO:
        assert self._process.stdin is not None  # noqa: S101 - as it was begun
        return self._process.stdin  # type: ignore[return-value]

    def _order(self, **order: Any) -> None:
        # One that is gone is heard to be gone.
        with contextlib.suppress(OSError, ValueError):
            self._stdin.write(json.dumps(order).encode() + b"\n")
            self._stdin.flush()

    def _listen(self, heard: "queue.Queue[Heard]") -> None:
        """Pass on what it tells; at the end None."""
        assert self._process.stdout is not None  # noqa: S101 - as it was begun
        with self._process.stdout as stdout:
            for line in stdout:
                try:
                    heard.put((self, json.loads(line)))
                except ValueError:  # cut short when it was killed
                    continue
        heard.put((self, None))


Heard = tuple[_Hand, Mapping[str, Any] | None]


class Processes:
    """A `Crew` of ``workers`` processes with ``threads`` threads each, on this machine.

    They begin with `work` and end with it. Who asks for the end by ``watch.stopped`` lets them
    finish the step in hand; closing the iteration, an error or a second Ctrl-C ends them at once.
    ``command`` is what a worker is begun by; it talks as `mutoscope.crew.worker` does.
    """

    def __init__(self, workers: int, threads: int, *, command: Sequence[str] = WORKER) -> None:
        self.workers, self.threads, self.command = workers, threads, command

    def work(self, tasks: Sequence[Task], *, watch: CrewWatch) -> Iterator[Outcome]:
        """Do all tasks: yield the outcome of each as it ends; see `Crew.work`.

        Raises:
            RunError: no worker comes to life.
        """
        shift = _Shift(self, tasks, watch)
        try:
            yield from shift.outcomes()
        except BaseException:
            shift.end(at_once=True)
            raise
        shift.end()


class _Shift:
    """One time that a crew works: its hands, what waits, and what is heard."""

    def __init__(self, crew: Processes, tasks: Sequence[Task], watch: CrewWatch) -> None:
        self._crew, self._watch = crew, watch
        self._waiting = deque(_Job(task) for task in tasks)
        self._heard: queue.Queue[Heard] = queue.Queue()
        self._hands: list[_Hand] = []
        self._said: set[str] = set()
        self._stillborn = 0  # workers in a row that were lost before they were heard

    def outcomes(self) -> Iterator[Outcome]:
        for number in range(1, min(self._crew.workers, len(self._waiting)) + 1):
            self._engage(number)
        while self._hands:
            self._see_to_stopping()
            try:
                hand, news = self._heard.get(timeout=_TICK)
            except queue.Empty:
                continue
            outcome = self._lost(hand) if news is None else self._take(hand, news)
            if outcome is not None:
                yield outcome

    def end(self, *, at_once: bool = False) -> None:
        """End every worker that is still there."""
        for hand in self._hands:
            hand.end(0.0 if at_once else _GRACE)
        self._hands.clear()

    def _see_to_stopping(self) -> None:
        if self._waiting or any(hand.job for hand in self._hands):
            if not self._watch.stopped():
                return
            self._waiting.clear()
        for hand in self._hands:
            hand.stop()

    def _engage(self, number: int) -> None:
        self._hands.append(_Hand(number, self._crew, self._heard))

    def _take(self, hand: _Hand, news: Mapping[str, Any]) -> Outcome | None:
        """What a worker tells; the outcome of its task, where it has ended."""
        if "say" in news:
            # Each of many tasks may give the same notice.
            if news["say"] not in self._said:
                self._said.add(news["say"])
                log.info("%s", news["say"])
            return None
        if "news" in news and hand.job is not None:
            done, total, losses = news["news"]
            told = News(done, total, losses, hand.number, hand.job.tries)
            self._watch.news(hand.job.task, told)
            return None
        outcome = None
        if "ready" in news:
            hand.ready, self._stillborn = True, 0
        elif hand.job is not None and ("done" in news or "failed" in news):
            job = hand.let_go()
            outcome = Outcome(job.task, news.get("why"), job.tries, job.seconds)
        elif hand.job is not None and "stopped" in news and self._watch.stopped():
            hand.let_go()
        # One that was stopped by somebody else ends now, and is heard to be lost.
        if hand.job is None and self._waiting and not hand.told_to_stop:
            hand.do(self._waiting.popleft())
        return outcome

    def _lost(self, hand: _Hand) -> Outcome | None:
        """A worker is gone: its task is begun again, by another, or has failed."""
        how = hand.lost()
        hand.end(0.0)
        self._hands.remove(hand)
        self._stillborn += not hand.ready
        if self._stillborn >= MOST_TRIES:
            raise RunError(f"no worker can begin: its process {how}")
        outcome = None
        if hand.job is not None:
            job = hand.let_go()
            name = job.task.name
            if hand.told_to_stop:
                return None
            if job.tries < MOST_TRIES:
                log.warning("%s: its worker was lost (%s); another goes on with it", name, how)
                self._waiting.appendleft(job)
            else:
                why = f"{name}: its worker was lost {job.tries} times, at last it {how}"
                outcome = Outcome(job.task, why, job.tries, job.seconds)
        if self._waiting and not hand.told_to_stop:
            self._engage(hand.number)
        return outcome
