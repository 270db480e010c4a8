"""Sweeps on the command line: how they begin, go on, and are shown while they run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import TextColumn

from mutoscope.cli.crew import ON
from mutoscope.cli.display import Display, brief
from mutoscope.cli.sheets import say_stopped
from mutoscope.cli.stopping import STOPPED, stopping
from mutoscope.crew.processes import Processes

if TYPE_CHECKING:
    import torch

    from mutoscope.crew.task import Crew, News, Outcome, Task
    from mutoscope.sweep.folder import SheetFolder
    from mutoscope.sweep.jobs import Sweep
    from mutoscope.sweep.outlook import Outlook


@click.command(epilog="Example:  mutoscope sweep harbour.yaml 'seed=range(8)' cut_pow=1,2,3")
@click.argument("words", nargs=-1, required=True, metavar="[SETTINGS] KEY=VALUES...")
@click.option("--prompt", help="Words to paint, in place of the scenes of the settings.")
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes at once; else by processor."
)
@click.option("--threads", type=click.IntRange(1, 256), help="So many threads for each.")
@ON
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(), help="Where images_out lies, or will."
)
def sweep(
    words: tuple[str, ...],
    prompt: str | None,
    workers: int | None,
    threads: int | None,
    on: str | None,
    out: Path,
) -> int:
    """Try values of settings against each other, in several processes.

    SETTINGS is a YAML file, a picture or film that Mutoscope made, or a preset; without it there
    is --prompt. A key with several values is an axis, and every combination is a job: KEY=a,b,c,
    'KEY=range(8)', 'KEY=linspace(0.1,1,4)' or 'KEY=geomspace(0.01,1,3)'. A value with commas stands
    in quotes. With one value, KEY=VALUE holds for all jobs.

    images_out/<name>/ then holds each job's run, results.csv and results.parquet, and index.html
    with the pictures in rows and columns. A job that fails stops no other. Ctrl-C lets each process
    keep what it has, and `mutoscope resume` goes on. With --on the jobs are done on a cluster.
    """
    from mutoscope.sweep.jobs import sweep_of_axes

    source, texts = parted(words)
    preset = preset_called(source)
    found = sweep_of_axes(
        None if preset else source, texts, prompt=prompt, preset=preset, title=source or ""
    )
    return begin_sweep(found, out, workers=workers, threads=threads, on=on)


def parted(words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """The settings that are named first, if any are, and the rest."""
    first = words[0]
    if "=" not in first or Path(first).is_file():
        return first, words[1:]
    return None, words


def preset_called(source: str | None) -> str | None:
    """The preset that is meant: a word of that name where no file has it."""
    from mutoscope.settings import presets

    return source if source in presets() and not Path(source).exists() else None


def begin_sweep(
    found: Sweep,
    out: Path = Path(),
    *,
    workers: int | None = None,
    threads: int | None = None,
    on: str | None = None,
) -> int:
    """Begin a sweep and do its jobs; returns the exit code."""
    from mutoscope.sweep.folder import SheetFolder
    from mutoscope.sweep.sweeping import cores

    if on is not None:
        return begin_afar(found, out, on, workers=workers, threads=threads or 1)
    outlook = outlook_of(found, range(len(found.jobs)))
    workers = workers or fitting(outlook, len(found.jobs), threads or 1)
    order = replace(found.order, threads=threads or max(1, cores() // workers))
    click.echo(plan_line(outlook, workers), err=True)
    with SheetFolder.start(out, replace(outlook.sweep, order=order)) as sheet:
        return do_jobs(sheet, Processes(workers, order.threads or 1))


def begin_afar(found: Sweep, out: Path, on: str, *, workers: int | None, threads: int) -> int:
    """Begin a sweep and do its jobs on a cluster; returns the exit code."""
    from mutoscope.crew.ray import RayCluster
    from mutoscope.sweep.folder import SheetFolder

    with RayCluster(on, workers=workers, threads=threads) as crew:
        outlook = outlook_of(found, range(len(found.jobs)))
        order = replace(found.order, threads=threads)
        click.echo(plan_line(outlook, max(1, min(crew.room(), len(found.jobs)))), err=True)
        with SheetFolder.start(out, replace(outlook.sweep, order=order)) as sheet:
            return do_jobs(sheet, crew)


def resume_sweep(sheet: SheetFolder, on: str | None = None) -> int:
    """Go on with a sweep, on a cluster if one is named; returns the exit code."""
    if on is not None:
        from mutoscope.crew.ray import RayCluster

        with RayCluster(on, threads=sheet.sweep.order.threads or 1) as crew:
            return do_jobs(sheet, crew)
    left, threads, workers = sheet.left(), sheet.sweep.order.threads or 1, 1
    if left:
        outlook = outlook_of(sheet.sweep, left)
        workers = fitting(outlook, len(left), threads)
        click.echo(plan_line(outlook, workers), err=True)
    else:
        click.echo(f"{sheet.folder}: is complete; there is nothing left to do", err=True)
    return do_jobs(sheet, Processes(workers, threads))


def outlook_of(found: Sweep, left: Sequence[int]) -> Outlook:
    """What the jobs that are ``left`` will cost one after the other, as one of them does.

    Raises:
        MutoscopeError: none of them can be had.
    """
    from mutoscope.cli.painting import fetching
    from mutoscope.sweep.outlook import foresee

    return foresee(found, {}, progress=fetching, left=left, trials=1, spare=True)


def fitting(outlook: Outlook, jobs: int, threads: int) -> int:
    """How many workers there are where nobody says it."""
    from mutoscope.sweep.sweeping import fitting_workers

    settings = outlook.sweep.jobs[0].settings
    return fitting_workers(jobs, settings, outlook.plan.memory, threads=threads)


def plan_line(outlook: Outlook, workers: int) -> str:
    """What the sweep will cost with so many workers, in one line."""
    plan = outlook.plan
    notes = (*plan.notes, f"{workers} worker{'s' if workers > 1 else ''}")
    return replace(
        plan, seconds=plan.seconds / workers, memory=plan.memory * workers, notes=notes
    ).line()


class SweepDisplay(Display):
    """The display of a run, for many: all their steps, and a line for each worker."""

    def __init__(self, sheet: SheetFolder, left: Sequence[int], device: torch.device) -> None:
        self.jobs = len(sheet.sweep.jobs)
        self.ended = self.jobs - len(left)
        self.steps = {job.name: sheet.steps(n) for n, job in enumerate(sheet.sweep.jobs)}
        self.reached = {sheet.sweep.jobs[n].name: 0 for n in left}
        self.lines: dict[int, str] = {}
        before = sum(self.steps.values()) - sum(self.steps[name] for name in self.reached)
        super().__init__(sum(self.steps.values()), done=before, device=device)
        self.newest = sheet.folder / "index.html"
        self._count()

    def news(self, task: Task, news: News) -> None:
        """A worker is so far with a job."""
        if not self.reached[task.name]:
            # What was painted before says nothing of the pace.
            self.begun += max(0, news.done - 1)
        self._reach(task.name, news.done)
        losses = brief({**news.losses, "total": sum(news.losses.values())}) if news.losses else ""
        told = [f"{news.worker}: {task.name}", f"step {news.done} of {news.total}", losses]
        self.lines[news.worker] = " · ".join(part for part in told if part)
        self.losses = "\n".join(line for _, line in sorted(self.lines.items()))
        self.step(self.done, {})

    def outcome(self, outcome: Outcome) -> None:
        """A job has ended."""
        self.ended += 1
        if outcome.error is not None:
            self.say(f"{outcome.task.name}: {outcome.error}")
        self._reach(outcome.task.name, self.steps[outcome.task.name])
        self._count()
        self.frame(None, None)

    def line(self) -> str:
        """The state in one plain line."""
        self.losses = ""
        return f"{self.ended} of {self.jobs} jobs · {super().line()}"

    def _reach(self, name: str, steps: int) -> None:
        self.done += steps - self.reached[name]
        self.reached[name] = steps

    def _count(self) -> None:
        where = TextColumn(f"{self.ended} of {self.jobs} jobs")
        self.progress.columns = (where, *self.progress.columns[1:])


def do_jobs(sheet: SheetFolder, crew: Crew) -> int:
    """Do what is left of a sweep and print where its page is; returns the exit code."""
    from mutoscope.build.parts import choose_device
    from mutoscope.cli.painting import tell_run
    from mutoscope.crew.task import CrewWatch
    from mutoscope.sweep.folder import PAGE
    from mutoscope.sweep.sweeping import make_swept

    tell_run(sheet.folder)
    left = sheet.left()
    device = choose_device(sheet.sweep.jobs[0].settings.device)
    display = SweepDisplay(sheet, left, device)
    failed = 0
    try:
        with display, stopping() as stopped:
            watch = CrewWatch(news=display.news, stopped=stopped)
            for outcome in make_swept(sheet, crew, watch=watch):
                failed += outcome.error is not None
                display.outcome(outcome)
    except BaseException:
        say_stopped(sheet, "jobs")
        raise
    unfinished = sheet.unfinished()
    if len(unfinished) > failed:
        say_stopped(sheet, "jobs")
        return STOPPED
    click.echo(sheet.folder / PAGE)
    if unfinished:
        click.echo(
            f"{len(unfinished)} of {len(sheet.sweep.jobs)} jobs failed; the page and the table say "
            f"why; try them again with: mutoscope resume {shlex.quote(str(sheet.folder))}",
            err=True,
        )
        return 2
    return 0
