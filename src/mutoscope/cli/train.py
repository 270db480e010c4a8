"""The command that trains a VQGAN on one's own pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mutoscope.cli.display import QUIET_SECONDS, READ_SECONDS, Display
from mutoscope.cli.painting import tell_run
from mutoscope.cli.stopping import STOPPED, stopping

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from mutoscope.paint import Losses
    from mutoscope.train_vqgan import Folder

# What the display tells of a step, in this order: the rest stands in the log.
TOLD = ("pixels", "looks", "codes", "psnr")


@click.command(
    "train-vqgan", epilog="Example:  mutoscope train-vqgan drawings/ --minutes 10 -o my-vqgan"
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--preset", help="tiny (the default; for CPUs) or small (for GPUs, better pictures).")
@click.option("--minutes", type=float, help="How long, about; 10 for tiny, 480 for small.")
@click.option("--steps", type=int, help="How many steps, in place of minutes.")
@click.option("--size", type=int, help="Side of the crops in pixels, 64 for tiny, 128 for small.")
@click.option("--batch", type=int, help="Crops in a step; 8.")
@click.option("--seed", type=int, help="Another one trains another network; 0.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to train in; by default the name of FOLDER with -vqgan behind it.",
)
@click.option("--device", help="cpu, cuda, cuda:1, mps; by default a GPU where there is one.")
def train_vqgan(
    folder: Path, preset: str | None, minutes: float | None, steps: int | None, size: int | None,
    batch: int | None, seed: int | None, output: Path | None, device: str | None,
) -> int:  # fmt: skip
    """Train a small VQGAN on your own pictures.

    FOLDER holds the pictures, in it or in folders inside it; one is enough, many are better. What
    comes of it is a folder that the setting vqgan_model takes. Ctrl-C stops the training, and the
    same command goes on with it. In samples/ you see how it gets on: originals above, what is
    drawn of them below.
    """
    from mutoscope.train_vqgan import Wishes, open_folder

    output = output or Path(f"{folder.resolve().name or 'pictures'}-vqgan")
    wishes = Wishes(preset, minutes, steps, size, batch, seed)
    place = pick_device(device)
    with open_folder(folder, output, wishes, place) as opened:
        recipe = opened.recipe
        click.echo(
            f"training {recipe.preset} for {recipe.steps} steps of {recipe.batch} crops, "
            f"{recipe.size} × {recipe.size}, on {place}",
            err=True,
        )
        if not teach(opened, folder, place):
            return STOPPED
    click.echo(output)
    return 0


def teach(opened: Folder, pictures: Path, device: torch.device) -> bool:
    """Train what is left, showing how it goes; says whether it came to its end."""
    from mutoscope.paint import Watch
    from mutoscope.train_vqgan import perform

    total, done = opened.recipe.steps, opened.steps_kept()
    display = TrainingDisplay(total, done=done, device=device)
    display.newest = opened.newest_sample()
    tell_run(opened.path)
    try:
        with display, stopping() as stopped:
            watch = Watch(step=display.step, stopped=stopped)
            for kept in perform(opened, pictures, device, watch=watch):
                done = kept.tick.state.steps
                display.frame(kept.tick.records[-1], kept.sample)
    except KeyboardInterrupt:
        say_stopped(done, total)
        raise
    if done < total:
        say_stopped(done, total)
    return done == total


def say_stopped(done: int, total: int) -> None:
    """Say how far the training is kept, and how to go on with it."""
    click.echo(f"stopped after {done} of {total} steps; the same command goes on with it", err=True)


def pick_device(name: str | None) -> torch.device:
    """The device called ``name``, or the best there is.

    Raises:
        SettingsError: there is none of that name on this machine.
    """
    import torch

    from mutoscope.errors import SettingsError

    there = ["cpu"]
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append("mps")
    if name is None:
        return torch.device(next((device for device in there[1:]), "cpu"))
    if name not in there:
        raise SettingsError(
            f"--device: {name!r} is not on this machine; there is {', '.join(there)}"
        )
    return torch.device(name)


class TrainingDisplay(Display):
    """Three live lines: steps done and time left; the losses; where the newest sheet lies."""

    def __init__(self, total: int, *, done: int, device: torch.device) -> None:
        from rich.progress import TextColumn

        super().__init__(total, done=done, device=device)
        self.progress.columns = (TextColumn("training"), *self.progress.columns[1:])

    def step(self, done: int, losses: Losses) -> None:
        """One more step is done, with these losses, which are read now and then."""
        self.done = done
        now = time.monotonic()
        if now - self.read >= READ_SECONDS:
            self.read = now
            self.losses = told({name: float(losses[name]) for name in TOLD if name in losses})
        self._refresh()
        if not self.console.is_terminal and now - self.spoke >= QUIET_SECONDS:
            self.spoke = now
            self.say(self.line())

    def frame(self, record: Mapping[str, float] | None, newest: Path | None) -> None:
        """A tick has ended: show its last losses, and where the newest sheet lies."""
        super().frame(None, newest)
        self.losses = told(record or {})
        self._refresh()


def told(record: Mapping[str, float]) -> str:
    """The losses of a step, short enough for one line."""
    return ", ".join(f"{name} {record[name]:.4g}" for name in TOLD if name in record)
