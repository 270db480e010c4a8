"""Sheets of pictures on the command line: how they begin, go on, and are shown while they grow."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import TextColumn

from mutoscope.cli.display import Display
from mutoscope.cli.stopping import STOPPED, stopping

if TYPE_CHECKING:
    from mutoscope.build import Shelf
    from mutoscope.sweep.folder import SheetFolder
    from mutoscope.sweep.jobs import Sweep


class SheetDisplay(Display):
    """The display of a run, for many: the steps and the time left are those of all pictures."""

    where = ""

    def picture(self, number: int, total: int) -> None:
        """The next picture begins, the ``number``-th of ``total``, counted from 1."""
        self.where = f"picture {number} of {total}"
        self.progress.columns = (TextColumn(self.where), *self.progress.columns[1:])

    def line(self) -> str:
        """The state in one plain line."""
        return f"{self.where} · {super().line()}"


def begin_sheet(sweep: Sweep, output: Path | None = None, out: Path = Path()) -> int:
    """Make a new sheet and its pictures; returns the exit code."""
    if sweep.order.swept:
        from mutoscope.cli.sweep import begin_sweep

        return begin_sweep(sweep, out, threads=sweep.order.threads)
    from mutoscope.cli.painting import fetching
    from mutoscope.sweep.folder import SheetFolder
    from mutoscope.sweep.outlook import foresee

    shelf: Shelf = {}
    outlook = foresee(sweep, shelf, progress=fetching)
    click.echo(outlook.plan.line(), err=True)
    with SheetFolder.start(out, outlook.sweep) as sheet:
        return make_pictures(sheet, shelf, sheet.unfinished(), output)


def resume_sheet(folder: Path, on: str | None = None) -> int:
    """Go on with a sheet that was stopped; returns the exit code."""
    from mutoscope.cli.painting import fetching
    from mutoscope.sweep.folder import SheetFolder
    from mutoscope.sweep.outlook import foresee

    with SheetFolder.open(folder) as sheet:
        if sheet.sweep.order.swept:
            from mutoscope.cli.sweep import resume_sweep

            return resume_sweep(sheet, on)
        if on is not None:
            raise click.UsageError("--on is for sweeps; this is a sheet")
        left = sheet.left()
        shelf: Shelf = {}
        if not left:
            click.echo(f"{folder}: is complete; there is nothing left to do", err=True)
            sheet.draw()  # the last one may have been finished by itself
        else:
            outlook = foresee(sheet.sweep, shelf, progress=fetching, left=left)
            click.echo(outlook.plan.line(), err=True)
        return make_pictures(sheet, shelf, left)


def make_pictures(
    sheet: SheetFolder, shelf: Shelf, left: list[int], output: Path | None = None
) -> int:
    """Make the pictures that are ``left`` and print where the sheet is; returns the exit code.

    A picture that can't be made, because its loss is no number any more, keeps none of the others
    from being made.
    """
    from mutoscope.build.parts import choose_device
    from mutoscope.cli.painting import copy_picture, fetching, tell_run
    from mutoscope.errors import MutoscopeError
    from mutoscope.paint import Losses, Watch
    from mutoscope.sweep.folder import spares_the_rest

    tell_run(sheet.folder)
    total = len(sheet.sweep.jobs)
    steps = [sheet.steps(index) for index in range(total)]
    before = sum(steps) - sum(steps[index] for index in left)
    settings = sheet.sweep.jobs[0].settings
    failed = stopped_early = False
    display = SheetDisplay(
        sum(steps), done=before, clear_every=settings.clear_every,
        device=choose_device(settings.device),
    )  # fmt: skip
    try:
        with display, stopping() as stopped:
            for index in left:
                display.picture(index + 1, total)

                def step(done: int, losses: Losses, before: int = before) -> None:
                    display.step(before + done, losses)

                watch = Watch(step=step, stopped=stopped)
                try:
                    for kept in sheet.paint(index, shelf, progress=fetching, watch=watch):
                        records = kept.frame.records
                        display.frame(records[-1] if records else None, sheet.path)
                except MutoscopeError as error:
                    if not spares_the_rest(error):
                        raise
                    failed = True
                    display.say(f"{sheet.sweep.jobs[index].name}: {error}")
                before += steps[index]
                if stopped_early := stopped():
                    break
    except BaseException:
        say_stopped(sheet)
        raise
    unfinished = sheet.unfinished()
    if unfinished and (stopped_early or not failed):
        say_stopped(sheet)
        return STOPPED
    path = sheet.path if output is None else copy_picture(sheet.path, output)
    click.echo(path)
    if unfinished:
        click.echo(
            f"{len(unfinished)} of {total} pictures could not be made; their places are plain",
            err=True,
        )
        return 2
    return 0


def say_stopped(sheet: SheetFolder, what: str = "pictures") -> None:
    """Say how many of ``what`` is to be made are there, and how to go on."""
    total = len(sheet.sweep.jobs)
    done = total - len(sheet.unfinished())
    folder = shlex.quote(str(sheet.folder))
    click.echo(
        f"stopped after {done} of {total} {what}; go on with: mutoscope resume {folder}", err=True
    )
