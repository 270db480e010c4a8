"""A worker: a process that does one task after the other for the program that began it.

``python -m mutoscope.crew.worker`` reads orders on its standard input and tells news on its
standard output, a line of JSON each, and has no other door:

    in    {"do": {"name", "kind", "folder", "order"}}     {"stop": true}
    out   {"ready": pid}  {"news": [done, total, losses]}  {"say": text}
          {"done": name}  {"stopped": name}  {"failed": name, "why": text}

Networks stay loaded from one task to the next. When its input ends, its caller is gone: it keeps
what it has, after the step in hand, and ends too. Ctrl-C is its caller's business.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mutoscope.process import prepare

prepare()  # before torch is loaded

from mutoscope.crew.kinds import Bench, kind_called  # noqa: E402
from mutoscope.errors import MutoscopeError  # noqa: E402

THREADS = "OMP_NUM_THREADS"  # torch reads it when it is loaded
_KEPT = 4  # networks that lie ready; more than a picture is made with, and a bound on memory


class Worker:
    """Does what it reads from ``orders`` and tells of it in ``news``, until there is no more."""

    def __init__(self, orders: BinaryIO, news: BinaryIO) -> None:
        self._orders, self._news = orders, news
        self._writing = threading.Lock()
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue()
        self._stopped = threading.Event()
        self._shelf: dict[tuple[str, str], Any] = {}

    def serve(self) -> None:
        """Do tasks until the orders end, or one says stop."""
        threading.Thread(target=self._read, daemon=True).start()
        self.tell(ready=os.getpid())
        while not self._stopped.is_set() and (order := self._waiting.get()) is not None:
            self._do(order)

    def stop(self) -> None:
        """Come to an end after the step in hand."""
        self._stopped.set()
        self._waiting.put(None)

    def tell(self, **news: Any) -> None:
        """Tell the caller; one who is gone hears nothing, and is found to be gone elsewhere."""
        line = json.dumps(news).encode() + b"\n"
        try:
            with self._writing:
                self._news.write(line)
                self._news.flush()
        except (OSError, ValueError):
            self.stop()

    def _read(self) -> None:
        """Take in orders as they come, while a task is done in the main thread."""
        for line in self._orders:
            order = json.loads(line)
            if "do" not in order:
                break
            self._waiting.put(order["do"])
        self.stop()

    def _do(self, order: Mapping[str, Any]) -> None:
        """Do one task. Whatever goes wrong in it, the next one can be done."""
        name = order["name"]
        # The oldest go; what the last task was made with lies behind them.
        for place in list(self._shelf)[:-_KEPT]:
            del self._shelf[place]
        try:
            bench = Bench(
                folder=Path(order["folder"]),
                order=order["order"],
                shelf=self._shelf,
                tell=lambda done, total, losses: self.tell(news=[done, total, dict(losses)]),
                stopped=self._stopped.is_set,
            )
            work = kind_called(order["kind"])(bench)
            try:
                while True:
                    next(work)
            except StopIteration as ended:
                complete = bool(ended.value)
        except MutoscopeError as error:
            self.tell(failed=name, why=_line(str(error)))
        except Exception as error:  # noqa: BLE001 - told, and the next task is another
            traceback.print_exc()
            self.tell(failed=name, why=_line(f"{type(error).__name__}: {error}"))
        else:
            self.tell(**{"done" if complete else "stopped": name})


class _Said(logging.Handler):
    """Tells notices to the caller."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        self._worker.tell(say=_line(record.getMessage()))


def _line(text: str) -> str:
    return " ".join(text.split())


def main() -> None:
    """Serve the process that holds the other ends of standard input and output."""
    orders, news = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed is no news
    worker = Worker(orders, news)
    log = logging.getLogger("mutoscope")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(_Said(worker))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: worker.stop())

    import torch

    if count := os.environ.get(THREADS, ""):
        torch.set_num_threads(int(count))
    worker.serve()


if __name__ == "__main__":
    main()
