"""What a worker can do: each kind of task by its name, and the bench at which it is done.

A kind is a generator. It yields after each checkpoint, when all that it has made so far is safe in
the folder, and returns whether the task is complete: it is not where it was asked to stop before.
"""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutoscope.build import Shelf
from mutoscope.crew.painting import paint_run
from mutoscope.errors import SettingsError, nearest
from mutoscope.paint import Losses, Watch
from mutoscope.run import InUseError
from mutoscope.schedule import make_schedule
from mutoscope.settings import load_settings

READ_SECONDS = 0.5  # how often losses are read between checkpoints: each time waits for the device
PATIENCE = 120.0  # seconds for which one waits for a worker whose caller was killed to let go


@dataclass
class Bench:
    """Where a task is done.

    ``folder`` and ``order``: the task's; ``shelf``: networks that lie ready from the task before;
    ``tell``: hears of ``done``, ``total`` and losses; ``stopped``: whether to come to an end.
    """

    folder: Path
    order: Mapping[str, Any]
    shelf: Shelf = field(default_factory=dict)
    tell: Callable[[int, int, Mapping[str, float]], None] = field(
        default=lambda _done, _total, _losses: None
    )
    stopped: Callable[[], bool] = field(default=lambda: False)


Kind = Callable[[Bench], Generator[None, None, bool]]


def run(bench: Bench) -> Generator[None, None, bool]:
    """Paint the run in the folder, or what is left of it; begun there by ``order["settings"]``.

    Raises:
        MutoscopeError: it can't be made or kept; what was kept before stands.
    """
    settings = load_settings(bench.order["settings"], quiet=True)
    total = make_schedule(settings).total_steps
    reached, read = total, 0.0  # what is complete already yields nothing

    def step(steps: int, losses: Losses) -> None:
        nonlocal read
        if (now := time.monotonic()) - read >= READ_SECONDS:
            read = now
            bench.tell(steps, total, {name: float(value) for name, value in losses.items()})

    watch = Watch(step=step, stopped=bench.stopped)
    deadline, begun = time.monotonic() + PATIENCE, False
    while True:
        try:
            for kept in paint_run(bench.folder, settings, bench.shelf, watch=watch):
                begun, reached = True, kept.frame.steps
                bench.tell(reached, total, {})
                yield
        except InUseError:
            # Whoever had it before may see only now that nobody listens any more.
            if begun or bench.stopped() or time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return reached >= total


def _filming(name: str) -> Kind:
    """A kind of `mutoscope.crew.filming`, which is loaded when it is wanted."""

    def begin(bench: Bench) -> Generator[None, None, bool]:
        from mutoscope.crew import filming

        kind: Kind = getattr(filming, name)
        return kind(bench)

    return begin


KINDS: Mapping[str, Kind] = {
    "run": run,
    **{name: _filming(name) for name in ("walk", "interpolate", "upscale")},
}


def kind_called(name: str) -> Kind:
    """The kind of a name.

    Raises:
        SettingsError: there is none.
    """
    if name not in KINDS:
        raise SettingsError(
            f"kind: {name!r} is nothing that a worker can do; it can do {', '.join(KINDS)}"
            f"{nearest(name, KINDS)}"
        )
    return KINDS[name]
