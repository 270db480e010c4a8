"""A run on the command line: what is said before, shown while it is painted, and printed after."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mutoscope.cli.stopping import STOPPED, stopping

if TYPE_CHECKING:
    from mutoscope.build import Parts
    from mutoscope.paint import Losses
    from mutoscope.run import Run, Saved
    from mutoscope.settings import Settings
    from mutoscope.weights import Transfer

PACED = 2  # the steps that tell how long the rest will take; the first sets up memory


def begin(
    settings: Settings, out: Path = Path(), *, stop: int | None = None, profile: bool = False
) -> tuple[Run, bool]:
    """Make a new run and paint it, up to ``stop`` steps; says whether it came to its end."""
    from mutoscope.build import build
    from mutoscope.perform import start_run

    parts = build(settings, progress=fetching)
    say_plan(parts)
    with start_run(parts, out) as run:
        return run, paint(parts, run, stop=stop, profile=profile)


def say_plan(parts: Parts, saved: Saved | None = None) -> None:
    """Print what the run will cost, or what is left of it from ``saved`` on.

    One whose steps are all alike tells it itself, after its first steps: see `paint`.
    """
    if not parts.even:
        done = int(saved.meta["steps"]) if saved else 0
        click.echo(parts.plan(done=done).line(), err=True)


def paint(
    parts: Parts,
    run: Run,
    saved: Saved | None = None,
    *,
    stop: int | None = None,
    profile: bool = False,
) -> bool:
    """Paint what is left of ``run``, showing how it goes; says whether it came to its end.

    ``stop``: the number of steps after which it ends, where that is before the last. ``profile``:
    measure where the time goes, say it at the end, and keep it in the run's folder.
    """
    if not profile:
        return paint_on(parts, run, saved, stop=stop)
    from mutoscope.profile import keeping_profile, profiled

    measured = profiled(parts)
    try:
        with keeping_profile(measured, run) as trace:
            return paint_on(measured, run, saved, stop=stop)
    finally:
        click.echo(measured.clock.table(), err=True)
        click.echo(f"as a trace, for ui.perfetto.dev: {trace}", err=True)


def paint_on(
    parts: Parts, run: Run, saved: Saved | None = None, *, stop: int | None = None
) -> bool:
    """`paint`, without a profile."""
    from mutoscope.cli.display import Display
    from mutoscope.paint import Watch
    from mutoscope.perform import perform, steps_kept

    total, done = parts.schedule.total_steps, steps_kept(run, saved)
    tell_run(run.folder)
    end = total if stop is None else min(stop, total)
    pace = Pace(min(done + PACED, end)) if parts.even else None
    display = Display(
        end,
        done=done,
        clear_every=parts.settings.clear_every,
        device=next(parts.canvas.parameters()).device,
    )
    try:
        with display, stopping() as stopped:
            reached = done

            def step(steps: int, losses: Losses) -> None:
                nonlocal reached
                reached = steps
                if pace is not None and (seconds := pace.step(steps)) is not None:
                    display.say(parts.plan(done=done, pace=seconds).line())
                display.step(steps, losses)

            watch = Watch(step=step, stopped=lambda: stopped() or reached >= end)
            for kept in perform(parts, run, saved=saved, watch=watch):
                done = kept.frame.steps
                display.frame(kept.frame.records[-1] if kept.frame.records else None, kept.picture)
                if parts.settings.approximate_vram_usage:
                    display.memory()
    except KeyboardInterrupt:
        say_stopped(run, done, total)
        raise
    if done < total:
        say_stopped(run, done, total)
    return done >= end


class Pace:
    """How long a step takes, known once ``until`` steps are done: the last of them counts."""

    def __init__(self, until: int) -> None:
        self._until, self._last = until, time.perf_counter()

    def step(self, done: int) -> float | None:
        """One more step is done: the seconds that it took, where this is the one that counts."""
        now = time.perf_counter()
        before, self._last = self._last, now
        return now - before if done == self._until else None


def tell_run(folder: Path) -> None:
    """Tell the program that began this one, if any, where what it makes comes to lie."""
    from mutoscope import report

    report.tell(run=str(folder.absolute()))


def say_stopped(run: Run, done: int, total: int) -> None:
    """Say how far the run is kept, and how to go on with it."""
    folder = shlex.quote(str(run.folder))
    click.echo(
        f"stopped after {done} of {total} steps; go on with: mutoscope resume {folder}", err=True
    )


def show_results(run: Run, finished: bool) -> int:
    """Print where a run's results lie; returns the exit code."""
    if not finished:
        return STOPPED
    click.echo(run.film_path if run.film_path.exists() else newest(run))
    return 0


def newest(run: Run) -> Path:
    """The last frame that a run has kept."""
    from mutoscope.api import newest_picture

    return newest_picture(run)


def copy_picture(picture: Path, output: Path) -> Path:
    """Copy a finished picture to ``output``, in the format of its suffix, with its recipe."""
    from mutoscope.images import load_image, save_image
    from mutoscope.provenance import read_recipe

    save_image(load_image(picture), output, recipe=read_recipe(picture))
    return output


def fetching(name: str) -> Callable[[Transfer], None]:
    """What shows how far the download of a network is."""
    from mutoscope.cli.display import FetchDisplay

    return FetchDisplay(name)
