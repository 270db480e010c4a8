"""What the terminal shows while a picture or film is being made."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
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

if TYPE_CHECKING:
    import torch

    from mutoscope.weights import Transfer

QUIET_LINE_SECONDS = 20.0  # how often a pipe or log file, which has no live display, hears of us


class Display:
    """A live line with the steps done, the time left, the losses and where the newest picture lies.

    On a terminal it is redrawn in place. Elsewhere it is one plain line every twenty seconds.
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
        self.started = self.spoke = time.monotonic()
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("[dim]{task.fields[losses]}[/dim]"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task: TaskID = self.progress.add_task(
            "painting", total=total, completed=done, losses=""
        )

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def step(self, done: int) -> None:
        """One more step is done."""
        self.done = done
        self.progress.update(self.task, completed=done, losses=self.losses)
        if self.clear_every and done % self.clear_every == 0 and self.console.is_terminal:
            self.console.clear()
        now = time.monotonic()
        if not self.console.is_terminal and now - self.spoke >= QUIET_LINE_SECONDS:
            self.spoke = now
            self.console.print(self.line(), highlight=False, soft_wrap=True)

    def frame(self, record: Mapping[str, float] | None, newest: Path | None) -> None:
        """A shot has ended: show its last losses, and where the newest picture lies."""
        if record:
            self.losses = brief(record)
        if newest is not None and newest != self.newest:
            self.newest = newest
            if self.console.is_terminal:
                self.progress.update(self.task, description=f"[cyan]{newest}[/cyan]")
        self.progress.update(self.task, losses=self.losses)

    def memory(self) -> None:
        """Say how much memory the run has needed at most so far."""
        from mutoscope.plan import amount, peak_memory

        self.console.print(f"memory so far: {amount(peak_memory(self.device))}", highlight=False)

    def line(self) -> str:
        """The state in one plain line."""
        from mutoscope.plan import duration

        spent = time.monotonic() - self.started
        left = duration(spent / max(1, self.done - self.begun) * (self.total - self.done))
        parts = [f"step {self.done} of {self.total}", f"{left} left", self.losses]
        if self.newest is not None:
            parts.append(f"newest: {self.newest}")
        return " · ".join(part for part in parts if part)


class FetchDisplay:
    """A line that shows how far a download is; it stays silent until there is one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.progress: Progress | None = None
        self.task = TaskID(0)

    def __call__(self, transfer: Transfer) -> None:
        """Show how far it is."""
        if self.progress is None:
            self.progress = Progress(
                TextColumn(f"fetching {self.name}"),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self.task = self.progress.add_task(self.name, total=transfer.size)
            self.progress.start()
        self.progress.update(self.task, completed=transfer.done, total=transfer.size)
        if transfer.done == transfer.size:
            self.progress.stop()
            self.progress = None


def brief(record: Mapping[str, float], most: int = 3) -> str:
    """The total and the ``most`` weightiest terms of a log record, short enough for one line."""
    terms = {k: v for k, v in record.items() if k not in ("step", "frame", "t", "total")}
    heaviest = sorted(terms, key=lambda name: -abs(terms[name]))[:most]
    shown = [f"{name[:24]} {terms[name]:.3f}" for name in heaviest]
    return ", ".join([f"loss {record.get('total', 0.0):.3f}", *shown])
