"""A training in its folder: where wishes, pictures, networks and files meet."""

import logging
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from mutoscope.errors import MediaError, RunError
from mutoscope.paint import Losses, State, Watch, rng_for
from mutoscope.train_vqgan.course import Course
from mutoscope.train_vqgan.critic import Critic
from mutoscope.train_vqgan.data import LARGER, Crops, Pictures, split, squares
from mutoscope.train_vqgan.folder import Folder, is_finished, is_training, read_recipe
from mutoscope.train_vqgan.judge import Perception, embedded_perception
from mutoscope.train_vqgan.recipe import Recipe, Wishes, settle
from mutoscope.train_vqgan.training import Tick, train
from mutoscope.training.files import find_pictures, fingerprint
from mutoscope.training.folder import refuse_taken
from mutoscope.vqgan import new_vqgan

log = logging.getLogger("mutoscope")

TRIAL = 2 * (1 + len(LARGER))  # steps that are tried, the second half of them with the critic
SPARE = 0.95  # of the minutes are for steps; the rest is for looking and keeping
SHOWN = 128  # side of the pictures on a sheet, at least


@dataclass(frozen=True)
class Kept:
    """A tick that is safe on the disk; ``sample`` is where its sheet lies, if it has one."""

    tick: Tick
    sample: Path | None


@dataclass(frozen=True)
class Lesson:
    """What a training is made of, ready to begin: recipe, pictures, an eye, a device."""

    recipe: Recipe
    pictures: Pictures
    shown: Tensor  # (n, 3, side, side)
    eye: Perception
    device: torch.device

    def ticks(
        self, course: Course, *, resume: State | None = None, watch: Watch | None = None
    ) -> Iterator[Tick]:
        """Train fresh networks along ``course``."""
        recipe = self.recipe
        # On the CPU, so that the weights don't depend on the device.
        model = new_vqgan(recipe.architecture, generator=rng_for(recipe.seed, "weights"))
        critic = Critic(recipe.critic, generator=rng_for(recipe.seed, "critic"))
        with Crops(self.pictures, batch=recipe.batch, seed=recipe.seed) as crops:
            yield from train(
                model.to(self.device), critic.to(self.device), crops, self.eye, course=course,
                shown=self.shown, seed=recipe.seed, resume=resume, watch=watch,
            )  # fmt: skip


def open_folder(pictures: Path, out: Path, wishes: Wishes, device: torch.device) -> Folder:
    """The folder ``out`` of a training of ``pictures``: a new one, or the one to go on with.

    Where minutes are asked for, a few steps are tried first, to see how many they come to.

    Raises:
        SettingsError, MediaError: what is asked for can't be, or there are no pictures.
        RunError: the folder holds a finished training, another one, or something else.
    """
    wishes.check()
    found = find_pictures(pictures, besides=out)
    mark = fingerprint(pictures, found)
    if is_training(out):
        refuse_another(out, pictures, mark, wishes)
        return Folder.open(out)
    refuse_taken(out)
    recipe = settle(wishes, pictures=str(pictures.absolute()), fingerprint=mark)
    if not recipe.steps:
        recipe = replace(recipe, steps=steps_in(make_lesson(recipe, found, device)))
    return Folder.start(out, recipe)


def perform(
    folder: Folder, pictures: Path, device: torch.device, *, watch: Watch | None = None
) -> Iterator[Kept]:
    """Train in ``folder`` from where it is: yield each tick once it is safe on the disk."""
    recipe, resume = folder.recipe, folder.state()
    lesson = make_lesson(recipe, find_pictures(pictures, besides=folder.path), device)
    for tick in lesson.ticks(Course.of(recipe.steps, recipe.rate), resume=resume, watch=watch):
        yield Kept(tick, folder.keep(tick))


def make_lesson(recipe: Recipe, found: list[Path], device: torch.device) -> Lesson:
    """Make ready what a training needs.

    Raises:
        MediaError: none of the pictures that were ``found`` can be used.
        WeightsError: the embedded network is missing.
    """
    paths, held = split(found, recipe.seed)
    pictures = Pictures(paths, crop=recipe.size)
    pictures.draw(rng_for(recipe.seed, "is there one"))
    try:
        shown = squares(Pictures(held, crop=recipe.size), max(SHOWN, recipe.size))
    except MediaError:
        # Every one of those to judge by is broken; any other will do.
        shown = pictures.crops(1, rng_for(recipe.seed, "shown"))
    return Lesson(recipe, pictures, shown.to(device), embedded_perception().to(device), device)


def steps_in(lesson: Lesson) -> int:
    """How many steps the minutes of a recipe come to on this machine, from a few that are tried."""
    recipe, half = lesson.recipe, TRIAL // 2
    stamps = [time.monotonic()]

    def stamp(_done: int, losses: Losses) -> None:
        float(losses["pixels"])  # waits for the device
        stamps.append(time.monotonic())

    # The codebook costs next to nothing, and its beginning only once.
    trial = Course(steps=TRIAL, tick=TRIAL, codes=TRIAL, critic=half, rate=recipe.rate)
    for _ in lesson.ticks(trial, watch=Watch(step=stamp)):
        pass
    times = [after - before for before, after in pairwise(stamps)]
    # The first of each half sets up threads and memory; the rest is one round of crops' sizes.
    plain, full = statistics.mean(times[1:half]), statistics.mean(times[half + 1 :])
    assert recipe.minutes is not None  # noqa: S101 - or the steps were given
    return max(TRIAL, int(SPARE * 60 * recipe.minutes / (0.5 * plain + 0.5 * full)))


def refuse_another(out: Path, pictures: Path, mark: str, wishes: Wishes) -> None:
    """Refuse to go on with what is finished, or with what was begun otherwise.

    Raises:
        RunError: one of these.
    """
    recipe = read_recipe(out)
    if is_finished(out):
        raise RunError(
            f"{out}: is finished ({recipe.steps} steps) and is not overwritten; use it with "
            "vqgan_model, or train another with -o and a new folder"
        )
    if different := recipe.differing(wishes):
        raise RunError(
            f"{out}: {', '.join(different)}; leave that out to go on with it, or begin another "
            "training with -o and a new folder"
        )
    if mark == recipe.fingerprint:
        return
    if str(pictures.absolute()) != recipe.pictures:
        raise RunError(
            f"{out}: was begun with the pictures in {recipe.pictures}, and {pictures} holds "
            "others; give that folder to go on, or begin another training with -o and a new folder"
        )
    log.warning(
        "%s: its pictures are not those that the training was begun with; it goes on with those "
        "that are there now", pictures,
    )  # fmt: skip
