"""What a command tells another program of how it goes: a small file that is always whole.

Whoever starts ``python -m mutoscope …`` with `VARIABLE` in its environment finds in the file of
that name, as JSON, where the run lies as soon as there is one, how far it is, and how it ended.
Without the variable nothing is written. What the file can't take is not told: it never keeps a
picture from being made.
"""

import contextlib
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mutoscope import atomic

VARIABLE = "MUTOSCOPE_REPORT"
_MOST_BYTES = 65_536
_MOST_LOSSES = 64
_BETWEEN = 0.3  # seconds between two reports of a count


@dataclass(frozen=True)
class Report:
    """How a command goes.

    ``run``: the whole path of the folder that it writes; ``done`` of ``total``: steps, or pictures
    or images where it has no steps; ``seconds_left``: None while it can't be said; ``losses``: the
    newest, by name; ``newest``: the whole path of the newest picture; ``exit``: its exit code, None
    while it runs.
    """

    run: str | None = None
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    newest: str | None = None
    exit: int | None = None


class Reporter:
    """Writes a report to a file, each time something in it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._report = Report()

    def tell(self, **changes: Any) -> None:
        """Let parts of the report be other than they were."""
        self._report = replace(self._report, **changes)
        text = json.dumps(asdict(self._report))
        with contextlib.suppress(OSError):
            atomic.write_bytes(self._path, text.encode(), durable=False)


_reporter: Reporter | None = None


def tell(**changes: Any) -> None:
    """Tell whoever listens that parts of the report have changed; see `Report` for their names."""
    if _reporter is not None:
        _reporter.tell(**changes)


class Counter:
    """Tells how far something that is counted is, and when it will end at its pace so far.

    What was done before, as when a film is gone on with, says nothing of the pace.
    """

    def __init__(self) -> None:
        self._started = self._told = time.monotonic()
        self._begun: int | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """``done`` of ``total`` are done; of the calls between, some are not passed on."""
        now = time.monotonic()
        if self._begun is None:
            self._started, self._begun = now, done
        elif now - self._told < _BETWEEN and done != total:
            return
        self._told = now
        if total:
            made = done - self._begun
            left = (now - self._started) / made * (total - done) if made > 0 else None
            tell(done=done, total=total, seconds_left=left)


@contextlib.contextmanager
def reporting(environment: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Within the block `tell` is heard, if the environment names a file.

    The name is taken out of it, so that what this process starts does not write there, too.
    """
    global _reporter
    named, before = environment.pop(VARIABLE, ""), _reporter
    _reporter = Reporter(Path(named)) if named else None
    try:
        yield
    finally:
        _reporter = before


def read_report(path: Path) -> Report | None:
    """What stands in a report's file, or None where there is none that can be understood."""
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(_MOST_BYTES))
        losses = {
            str(name): float(value)
            for name, value in list(values["losses"].items())[:_MOST_LOSSES]
            if isinstance(value, int | float) and math.isfinite(value)
        }
        left = values["seconds_left"]
        return Report(
            run=_text(values["run"]),
            done=int(values["done"]),
            total=int(values["total"]),
            seconds_left=None if left is None or not math.isfinite(left) else float(left),
            losses=losses,
            newest=_text(values["newest"]),
            exit=None if values["exit"] is None else int(values["exit"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError,
            RecursionError):  # fmt: skip
        return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
