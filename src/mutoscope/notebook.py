"""Runs in a notebook: painted into their folders, with the picture and the time left in the cell.

>>> from mutoscope.notebook import paint, resume
>>> folder = paint("ship.yaml", "seed=7")  # doctest: +SKIP

Interrupting the kernel finishes the step in hand, keeps it, and ends the cell with
``KeyboardInterrupt``, so that the cells behind it don't run; `resume` goes on.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from mutoscope.build import Parts, build
from mutoscope.errors import ExtraError
from mutoscope.paint import Losses, Watch
from mutoscope.perform import finish, perform, start_run, steps_kept
from mutoscope.run import Run, Saved
from mutoscope.run.ordered import settings_of_run
from mutoscope.sources import Source, settings_of

PACE = 0.5  # seconds from one line to the next, so that a browser keeps up


def paint(source: Source, *overrides: str, out: str | Path = ".") -> Path:
    """Make what ``source`` describes in a run's folder, show it meanwhile, and say which folder.

    Args:
        source: settings, a mapping of them, or the path of a settings file.
        overrides: ``"key=value"`` texts that win over the source. ``display_every`` is after how
            many steps the picture is shown anew, besides each frame that is kept.
        out: the folder in which ``images_out`` lies or is made.

    Raises:
        MutoscopeError: a setting is wrong, or something it names can't be had.
        KeyboardInterrupt: the kernel was interrupted; what was painted is kept.
    """
    cell = Cell()
    parts = build(settings_of(source, overrides))
    with start_run(parts, Path(out)) as run:
        _show(cell, parts, run, None)
    return run.folder


def resume(folder: str | Path) -> Path:
    """Go on with the run in ``folder``, and show it; what is complete is only shown.

    Raises:
        RunError: it is no run, or can't be gone on with.
        KeyboardInterrupt: as in `paint`.
    """
    cell = Cell()
    with Run.open(folder) as run:
        settings, saved = settings_of_run(run), run.state()
        if finish(run, settings, saved):
            cell.picture(run.frames()[-1][1])
            cell.line(f"{run.folder} is complete")
        else:
            _show(cell, build(settings), run, saved)
    return run.folder


class Cell:
    """What a notebook's cell shows: a picture and below it a line, each replaced by the next.

    Raises:
        ExtraError: this is no notebook.
    """

    def __init__(self) -> None:
        try:
            from IPython import display, get_ipython
        except ImportError:
            shell = None
        else:
            shell = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
        if shell is None:
            raise ExtraError(
                "mutoscope.notebook: this is no notebook; elsewhere mutoscope.render and "
                "mutoscope.resume do the same without showing it"
            )
        self._display: Any = display
        self._handles: dict[str, Any] = {}

    def picture(self, path: Path) -> None:
        """Show the PNG at ``path``."""
        self._put("picture", {"image/png": path.read_bytes()})

    def line(self, text: str) -> None:
        """Show a line of text."""
        self._put("line", {"text/plain": text})

    def _put(self, place: str, what: dict[str, Any]) -> None:
        if place in self._handles:
            self._handles[place].update(what, raw=True)
        else:
            self._handles[place] = self._display.display(what, raw=True, display_id=True)


def _show(cell: Cell, parts: Parts, run: Run, saved: Saved | None) -> None:
    """Paint what is left of ``run``, showing each frame in ``cell``."""
    total, done = parts.schedule.total_steps, steps_kept(run, saved)
    clock = Clock(total, done)
    with interruptible() as asked:

        def step(steps: int, _losses: Losses) -> None:
            if (line := clock.line(steps)) is not None:
                cell.line(line)

        for kept in perform(parts, run, saved=saved, watch=Watch(step=step, stopped=asked)):
            cell.picture(kept.picture)
            done = kept.frame.steps
    if done < total:
        cell.line(f"stopped after {done} of {total} steps; go on with: resume({str(run.folder)!r})")
        raise KeyboardInterrupt
    cell.line(f"{total} steps, done; all of it is in {run.folder}")


class Clock:
    """How far a run is, as a line that is not made too often.

    Args:
        total: how many steps the run has.
        done: how many of them are done already.
        now: tells the time in seconds.
    """

    def __init__(self, total: int, done: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._total, self._begun, self._now = total, done, now
        self._start = self._last = now()

    def line(self, steps: int) -> str | None:
        """The line after ``steps`` steps, or None where the last one is young enough."""
        moment = self._now()
        if moment - self._last < PACE and steps < self._total:
            return None
        self._last = moment
        left = (moment - self._start) / max(1, steps - self._begun) * (self._total - steps)
        minutes, seconds = divmod(round(left), 60)
        return f"{steps} of {self._total} steps, {minutes}:{seconds:02d} left"


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Whether the kernel was interrupted, asked after each step; the second time it ends at once.

    Outside the main thread no signal can be caught, and an interrupt ends the step in hand.
    """
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
