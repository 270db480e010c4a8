"""The command that trains a generator on one's own drawings."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mutoscope.cli.display import QUIET_SECONDS, READ_SECONDS, Display
from mutoscope.cli.painting import tell_run
from mutoscope.cli.stopping import STOPPED, stopping
from mutoscope.cli.train import pick_device

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from mutoscope.paint import Losses
    from mutoscope.train_gan import Folder, Recipe
    from mutoscope.train_gan.team import Several, Team

# What the display tells of the log, in this order.
TOLD = ("judge", "draw", "sure", "augment", "ink", "width", "direction", "kernel")


@click.command("train", epilog="Example:  mutoscope train scans/ --preset tiny -o my-lines")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--preset",
    help="smoke or tiny (the default) for CPUs; small, medium or large for GPUs.",
)
@click.option(
    "--minutes", type=float, help="Stop after so many; the same command goes on where it stopped."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to train in; by default the name of FOLDER with -gan behind it.",
)
@click.option("--device", help="cpu, cuda, cuda:1, mps; by default a GPU where there is one.")
@click.option(
    "--gpus",
    type=click.IntRange(1),
    metavar="N",
    help="Train on so many GPUs; with --device cpu, in so many processes.",
)
@click.option("--keys", is_flag=True, help="List the keys with what is allowed, and stop.")
def train(
    folder: Path, overrides: tuple[str, ...], preset: str | None, minutes: float | None,
    output: Path | None, device: str | None, gpus: int | None, keys: bool,
) -> int:  # fmt: skip
    """Train a generator on your own drawings.

    FOLDER holds scans of drawings, or square tiles that were cut from them. What comes of it is a
    folder with generator.safetensors in it. Ctrl-C stops the training, and the same command goes
    on with it; so does the command with the training's own folder as FOLDER. In samples/ you see
    how it gets on, in curves.png how far it is from the drawings.
    """
    from mutoscope.errors import SettingsError
    from mutoscope.train_gan import open_folder, parse_overrides
    from mutoscope.train_gan.team import ALONE, join, started_for_team

    if keys:
        say_keys(preset)
        return 0
    if minutes is not None and not 0 < minutes < float("inf"):
        raise SettingsError(f"--minutes: {minutes:g} is not allowed; give more than 0")
    values = parse_overrides(overrides)
    drawings, out = sort_out(folder, output)
    if gpus is not None and gpus > 1 and not started_for_team():
        return train_together(gpus, device)
    team = join(cpu=pick_device(device).type == "cpu")
    place = pick_device(device) if team is None else team.device
    if team is not None and not team.leads:
        help_out(out, drawings, place, team)
        return 0
    with open_folder(drawings, out, preset, values, team=team or ALONE) as opened:
        say_beginning(opened.recipe, place, team or ALONE)
        done = teach(opened, drawings, place, minutes, team=team or ALONE)
    if team is not None:
        team.leave()
    if done is None:
        return STOPPED
    click.echo(out)
    return 0


def train_together(gpus: int, device: str | None) -> int:
    """Start this command once for each GPU; returns the exit code.

    Raises:
        SettingsError: there are not so many.
        ExtraError: what they need to be a team is not installed.
    """
    from importlib.util import find_spec

    import torch

    from mutoscope.cli.members import start_together
    from mutoscope.errors import ExtraError, SettingsError

    if find_spec("accelerate") is None:
        raise ExtraError("--gpus: needs accelerate; pip install 'mutoscope[gpus]'")
    if device not in (None, "cpu", "cuda"):
        raise SettingsError(f"--device: {device!r} is a single one; leave it out with --gpus")
    there = torch.cuda.device_count()
    if device != "cpu" and gpus > there:
        raise SettingsError(
            f"--gpus: {gpus} are not on this machine; there are {there}; "
            "--device cpu trains in so many processes without"
        )
    return start_together(gpus, sys.argv[1:])


def help_out(out: Path, drawings: Path | None, device: torch.device, team: Several) -> None:
    """Train along with the process that leads, who alone writes and says anything."""
    from mutoscope.paint import Watch
    from mutoscope.train_gan import assist

    with stopping() as stopped:
        assist(out, device, team=team, drawings=drawings, watch=Watch(stopped=stopped))
    team.leave()


def sort_out(folder: Path, output: Path | None) -> tuple[Path | None, Path]:
    """The folder of drawings, if it was given and not that of a training, and that to train in."""
    from mutoscope.training.folder import is_training

    if output is None and is_training(folder):
        return None, folder
    return folder, output or Path(f"{folder.resolve().name or 'drawings'}-gan")


def say_keys(preset: str | None) -> None:
    """Print every key with its value in a preset and what it is."""
    from mutoscope.train_gan.presets import DEFAULT, find_preset
    from mutoscope.train_gan.recipe import KEYS

    settings = find_preset(preset or DEFAULT).settings
    for name, told in KEYS.items():
        value = getattr(settings, name)
        shown = "auto" if value is None else str(value)
        click.echo(f"{name + '=' + shown:26} {told.metadata['about']}")


def say_beginning(recipe: Recipe, device: torch.device, team: Team) -> None:
    """Say what is about to be done, and what memory it will take."""
    from mutoscope.memory import free_memory
    from mutoscope.plan import amount
    from mutoscope.train_gan.memory import predicted_bytes

    settings = recipe.settings
    colours = "grey" if settings.channels == 1 else "colour"
    click.echo(
        f"training {recipe.preset} on {recipe.settings.data} in {recipe.pictures}: "
        f"{settings.images:,} images, {settings.batch} in a step, {settings.size} × "
        f"{settings.size} {colours}, on {device}"
        + (f" and {team.size - 1} more" if team.size > 1 else ""),
        err=True,
    )
    wanted = predicted_bytes(settings, batch=settings.batch // team.size)
    free = free_memory(device)
    there = "" if free is None else f"; {amount(free)} is free"
    if free is not None and wanted > free:
        there += ", so batches may have to go through in parts"
    click.echo(f"memory: about {amount(wanted)} beside the program itself{there}", err=True)


def teach(
    opened: Folder, drawings: Path | None, device: torch.device, minutes: float | None, *,
    team: Team,
) -> bool | None:  # fmt: skip
    """Train what is left, or for some minutes, showing how it goes.

    Says whether it came to its end: True if so, False if the minutes were over, None if it was
    stopped.
    """
    from mutoscope.paint import Watch
    from mutoscope.train_gan import perform
    from mutoscope.train_gan.folder import steps_kept

    total, batch, done = opened.recipe.steps, opened.recipe.settings.batch, steps_kept(opened.path)
    display = ImagesDisplay(total, batch, done=done, device=device)
    display.newest = opened.newest_sample()
    clock = Clock(minutes)
    tell_run(opened.path)
    try:
        with display, stopping() as stopped:
            watch = Watch(step=display.step, stopped=lambda: stopped() or clock.over())
            for saved in perform(opened, device, drawings=drawings, watch=watch, team=team):
                done = saved.tick.kept.steps
                records = saved.tick.records
                display.frame(records[-1] if records else None, saved.sample)
    except KeyboardInterrupt:
        say_stopped(done * batch, total * batch)
        raise
    if done == total:
        return True
    say_stopped(done * batch, total * batch)
    return False if clock.over() else None


class Clock:
    """Says when some minutes are over that begin with the first question; None for never."""

    def __init__(self, minutes: float | None) -> None:
        self.minutes = minutes
        self.begun: float | None = None

    def over(self) -> bool:
        """Whether they are."""
        now = time.monotonic()
        self.begun = now if self.begun is None else self.begun
        return self.minutes is not None and now - self.begun >= 60 * self.minutes


def say_stopped(done: int, total: int) -> None:
    """Say how far the training is kept, and how to go on with it."""
    click.echo(
        f"stopped after {done:,} of {total:,} images; the same command goes on with it", err=True
    )


class ImagesDisplay(Display):
    """Three live lines: images shown, how many a second, time left; losses; the newest sample."""

    def __init__(self, steps: int, batch: int, *, done: int, device: torch.device) -> None:
        from rich.progress import TextColumn

        super().__init__(steps * batch, done=done * batch, device=device)
        self.batch = batch
        columns = list(self.progress.columns)
        columns[0], columns[3] = TextColumn("training"), TextColumn("images")
        self.progress.columns = tuple(columns)

    def rate(self) -> float:
        """Images a second since the beginning."""
        return (self.done - self.begun) / max(1e-9, time.monotonic() - self.started)

    def step(self, done: int, losses: Losses) -> None:
        """One more step is done, with these losses, which are read now and then."""
        if self.done == self.begun:
            # What came before the first step, reading and comparing, is not what the rest takes.
            self.begun, self.started = done * self.batch - self.batch, time.monotonic()
        self.done = done * self.batch
        now = time.monotonic()
        if now - self.read >= READ_SECONDS:
            self.read = now
            self.losses = self.told({name: float(value) for name, value in losses.items()})
        self._refresh()
        if not self.console.is_terminal and now - self.spoke >= QUIET_SECONDS:
            self.spoke = now
            self.say(self.line())

    def frame(self, record: Mapping[str, float] | None, newest: Path | None) -> None:
        """A tick has ended: show its last losses and figures, and where the newest sample lies."""
        super().frame(None, newest)
        self.losses = self.told(record or {})
        self._refresh()

    def line(self) -> str:
        """The state in one plain line."""
        from mutoscope.plan import duration

        left = duration((self.total - self.done) / max(1e-9, self.rate()))
        parts = [f"image {self.done:,} of {self.total:,}", f"{left} left", self.losses]
        if self.newest is not None:
            parts.append(f"newest: {self.newest}")
        return " · ".join(part for part in parts if part)

    def told(self, record: Mapping[str, float]) -> str:
        """Losses and figures, short enough for one line, behind the images a second."""
        parts = [f"{self.rate():.3g} images/s"]
        parts += [f"{name} {record[name]:.3g}" for name in TOLD if name in record]
        return ", ".join(parts)
