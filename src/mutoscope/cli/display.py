"""What the terminal shows while a picture or film is being made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from mutoscope import report

if TYPE_CHECKING:
    import torch

    from mutoscope.paint import Losses
    from mutoscope.weights import Transfer

QUIET_SECONDS = 20.0  # how often a pipe or log file, which has no live display, hears of us
READ_SECONDS = 0.5  # how often losses are read between frames: each time waits for the device
NO_LOSSES = ("step", "frame", "t")  # what else a record of the log holds


class Display:
    """Three live lines: steps done and time left; the losses; where the newest picture lies.

    On a terminal they are redrawn in place. Elsewhere it is one plain line every twenty seconds.

    Args:
        total: the steps of the whole run.
        done: those that were done before.
        clear_every: the steps after which the screen is cleared; 0 never.
        device: whose memory `memory` tells of.
        console: where to; by default stderr.
    """

    def __init__(
        self,
        total: int,
        *,
        done: int = 0,
        clear_every: int = 0,
        device: torch.device,
        console: Console | None = None,
    ) -> None:
        self.console = console or Console(stderr=True)
        self.device = device
        self.total, self.done, self.begun = total, done, done
        self.clear_every = clear_every
        self.newest: Path | None = None
        self.losses = ""
        self.started = self.spoke = self.read = time.monotonic()
        self.progress = _WithLines(
            TextColumn("painting"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task: TaskID = self.progress.add_task("painting", total=total, completed=done)

    def __enter__(self) -> Self:
        self.progress.start()
        self.tell(None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._refresh()
        self.progress.stop()

    def step(self, done: int, losses: Losses) -> None:
        """One more step is done, with these losses, which are read now and then."""
        self.done = done
        now = time.monotonic()
        if now - self.read >= READ_SECONDS:
            self.read = now
            values = {name: float(value) for name, value in losses.items()}
            values["total"] = sum(values.values())
            self.losses = brief(values)
            self.tell(values)
        if self.clear_every and done % self.clear_every == 0 and self.console.is_terminal:
            self.console.clear()
        self._refresh()
        if not self.console.is_terminal and now - self.spoke >= QUIET_SECONDS:
            self.spoke = now
            self.say(self.line())

    def frame(self, record: Mapping[str, float] | None, newest: Path | None) -> None:
        """A shot has ended: show its last losses, and where the newest picture lies."""
        if record:
            self.losses = brief(record)
        self.newest = newest or self.newest
        self.tell(record)
        self._refresh()

    def memory(self) -> None:
        """Say how much memory the run has needed at most so far."""
        from mutoscope.memory import peak_memory
        from mutoscope.plan import amount

        self.say(f"memory so far: {amount(peak_memory(self.device))}")

    def say(self, text: str) -> None:
        """Print a line above the live ones; nothing in it is markup."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def seconds_left(self) -> float | None:
        """How long the rest takes at the pace so far, None before the first step."""
        made = self.done - self.begun
        return (
            None
            if made <= 0
            else (time.monotonic() - self.started) / made * (self.total - self.done)
        )

    def tell(self, losses: Mapping[str, float] | None) -> None:
        """Tell the program that began this one, if any, how it goes."""
        changes: dict[str, object] = {"done": self.done, "total": self.total}
        if losses:
            changes["losses"] = {k: v for k, v in losses.items() if k not in NO_LOSSES}
        if self.newest is not None:
            changes["newest"] = str(self.newest.absolute())
        report.tell(seconds_left=self.seconds_left(), **changes)

    def line(self) -> str:
        """The state in one plain line."""
        from mutoscope.plan import duration

        spent = time.monotonic() - self.started
        left = duration(spent / max(1, self.done - self.begun) * (self.total - self.done))
        parts = [f"step {self.done} of {self.total}", f"{left} left", self.losses]
        if self.newest is not None:
            parts.append(f"newest: {self.newest}")
        return " · ".join(part for part in parts if part)

    def _refresh(self) -> None:
        newest = str(self.newest) if self.newest else ""
        self.progress.below = [line for line in (self.losses, newest) if line]
        self.progress.update(self.task, completed=self.done)


class _WithLines(Progress):
    """A progress bar with lines of text below."""

    below: Sequence[str] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar and the text; a path in it may hold brackets, so it is no markup."""
        yield from super().get_renderables()
        for line in self.below:
            yield Text(line, style="cyan", no_wrap=True, overflow="ellipsis")


class FetchDisplay:
    """A line that shows how far a download is; it stays silent until there is one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.progress: Progress | None = None
        self.task = TaskID(0)

    def __call__(self, transfer: Transfer) -> None:
        """Show how far it is."""
        if self.progress is None:
            console = Console(stderr=True)
            self.progress = Progress(
                TextColumn(f"fetching {self.name}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=console,
                disable=not console.is_terminal,
            )
            self.task = self.progress.add_task(self.name, total=transfer.size)
            self.progress.start()
            if not console.is_terminal:
                console.print(f"fetching {self.name}", markup=False, highlight=False)
        self.progress.update(self.task, completed=transfer.done, total=transfer.size)
        if transfer.done == transfer.size:
            self.progress.stop()
            self.progress = None


def brief(record: Mapping[str, float], most: int = 3) -> str:
    """The total and the ``most`` weightiest terms of a log record, short enough for one line."""
    terms = {k: v for k, v in record.items() if k not in (*NO_LOSSES, "total")}
    heaviest = sorted(terms, key=lambda name: -abs(terms[name]))[:most]
    shown = [f"{name[:24]} {terms[name]:.3f}" for name in heaviest]
    return ", ".join([f"loss {record.get('total', 0.0):.3f}", *shown])
