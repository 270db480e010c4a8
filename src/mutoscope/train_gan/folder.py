"""The folder of a generator's training, which can be taken up again whatever stopped it.

    OUT/
        settings.json                     written before the first step
        material.json                     which drawings it learns from, by digest
        drawings.png                      some of the drawings, for comparison
        log.jsonl                         losses and figures
        curves.png                        the same as curves
        samples/<images>.png              one a tick, from the same latents
        generator.safetensors             the best generator so far
        checkpoints/best.safetensors      all that is needed to go on from it
        checkpoints/<images>.safetensors  the same of the last ticks
        checkpoints/stopped.safetensors   the same where it was stopped within a tick

A tick is kept in the order sample, best, log, curves, checkpoint, each whole or not at all. A
checkpoint on the disk means that all before it is there; going on drops what lies beyond it, so
that the files of a resumed training are those of the training never stopped.
"""

import logging
from pathlib import Path
from typing import Self

from torch import Tensor

from mutoscope import atomic
from mutoscope.chart import read_records
from mutoscope.gan.files import NAME, write_generator
from mutoscope.images import encode
from mutoscope.run import journal
from mutoscope.run.checkpoint import read_header, read_state, write_state
from mutoscope.train_gan.curves import curves_of
from mutoscope.train_gan.manifest import (
    Manifest,
    gone_on,
    origin_of,
    read_manifests,
    write_manifests,
)
from mutoscope.train_gan.players import Kept
from mutoscope.train_gan.recipe import Recipe
from mutoscope.train_gan.sheets import sheet_of
from mutoscope.train_gan.training import Tick
from mutoscope.training.folder import (
    LOG,
    SAMPLES,
    SETTINGS,
    TrainingFolder,
    read_settings,
)

log = logging.getLogger("mutoscope")

CHECKPOINTS = "checkpoints"
CURVES = "curves.png"
DRAWINGS = "drawings.png"
BEST, STOPPED = "best", "stopped"


class Folder(TrainingFolder[Recipe]):
    """A training's folder; made by `start` or `open`; ``recipe`` is what it holds."""

    inside = (SAMPLES, CHECKPOINTS)
    manifests: tuple[Manifest, ...] = ()

    @classmethod
    def open(cls, path: Path, recipe: Recipe) -> Self:
        """Take up the folder of a training that was begun, with its recipe as it is from now.

        Raises:
            RunError: it is in use, or can't be changed.
        """
        folder = cls(path, recipe)
        folder.take_up()
        if read_settings(path) != recipe.to_json():
            with folder.reporting("its settings can't be written"):
                atomic.write_text(path / SETTINGS, recipe.to_json())
        return folder

    def sample_path(self, number: int) -> Path:
        """Where the sheet after ``number`` images lies."""
        return self.path / SAMPLES / f"{number:08}.png"

    def resume(self) -> Kept | None:
        """What was kept last, or None before the first; what lies beyond it is dropped.

        Raises:
            RunError: it is damaged, or the folder can't be changed.
        """
        place = newest_checkpoint(self.path)
        if place is None:
            self.rewind(0, 0)
            return None
        kept = read_kept(place)
        self.rewind(read_header(place).log_bytes, kept.steps * self.recipe.settings.batch)
        return kept

    def note(self, manifest: Manifest) -> None:
        """Write down what the training learns from, from as many images on as ``manifest`` says.

        Raises:
            RunError: it can't be written, or what was written down is damaged.
        """
        before = read_manifests(self.path)
        self.manifests = gone_on(before, manifest)
        if self.manifests != before:
            with self.reporting("what it learns from can't be written down"):
                write_manifests(self.path, self.manifests)

    def show_drawings(self, drawings: Tensor) -> None:
        """Keep a sheet of some drawings (n, c, s, s) for comparison, where there is none yet."""
        place = self.path / DRAWINGS
        if not place.exists():
            with self.reporting("the sheet of drawings can't be kept"):
                atomic.write_bytes(place, encode(sheet_of(drawings), ".png", place=str(place)))

    def keep(self, tick: Tick) -> Path | None:
        """Keep a tick; returns where its sample lies, if it has one.

        Raises:
            RunError: it can't be written. What was kept before stands.
        """
        images = tick.kept.steps * self.recipe.settings.batch
        sample = None
        with self.reporting(f"image {images} can't be kept"):
            if tick.samples is not None:
                sample = self.sample_path(images)
                png = encode(sheet_of(tick.samples), ".png", place=str(sample))
                atomic.write_bytes(sample, png)
            journal.append(self.path / LOG, tick.records, durable=True)
            if tick.best is not None:
                origin = origin_of(self.path, self.recipe, images, self.manifests)
                write_generator(self.path / NAME, tick.best, origin=origin)
                self._checkpoint(BEST, tick.kept)
            if tick.whole:
                self._draw_curves()
            self._checkpoint(f"{images:08}" if tick.whole else STOPPED, tick.kept)
            self._rotate(images)
        return sample

    def _checkpoint(self, name: str, kept: Kept) -> None:
        place = self.path / CHECKPOINTS / f"{name}.safetensors"
        length = journal.length(self.path / LOG)
        write_state(place, kept.steps, kept.tensors, kept.numbers, log_bytes=length)

    def _rotate(self, images: int) -> None:
        """Drop the checkpoints that are too many, and the one within a tick that is over."""
        numbered = numbered_checkpoints(self.path)
        for place in numbered[: -self.recipe.settings.keep]:
            place.unlink(missing_ok=True)
        if numbered and int(numbered[-1].stem) >= images:
            stopped = self.path / CHECKPOINTS / f"{STOPPED}.safetensors"
            stopped.unlink(missing_ok=True)

    def _draw_curves(self) -> None:
        """The log as curves."""
        place = self.path / CURVES
        records = read_records(self.path / LOG)
        chart = curves_of(records, title=f"{self.recipe.preset}: what was logged")
        atomic.write_bytes(place, encode(chart, ".png", place=str(place)))


def numbered_checkpoints(path: Path) -> list[Path]:
    """The checkpoints of whole ticks in a training's folder, the newest last."""
    found = [place for place in (path / CHECKPOINTS).glob("*.safetensors") if place.stem.isdigit()]
    return sorted(found, key=lambda place: int(place.stem))


def newest_checkpoint(path: Path) -> Path | None:
    """The checkpoint that goes furthest in a training's folder, if there is any.

    Raises:
        RunError: one is damaged.
    """
    candidates = numbered_checkpoints(path)[-1:]
    stopped = path / CHECKPOINTS / f"{STOPPED}.safetensors"
    if stopped.exists():
        candidates.append(stopped)
    return max(candidates, key=lambda place: read_header(place).number, default=None)


def read_kept(place: Path) -> Kept:
    """What a checkpoint holds.

    Raises:
        RunError: it is damaged.
    """
    saved = read_state(place)
    return Kept(saved.number, saved.tensors, saved.meta)


def steps_kept(path: Path) -> int:
    """How many steps of the training in ``path`` are safe on the disk.

    Raises:
        RunError: a checkpoint is damaged.
    """
    place = newest_checkpoint(path)
    return read_header(place).number if place else 0


def read_recipe(path: Path) -> Recipe:
    """The settings that the training in ``path`` was begun with.

    Raises:
        RunError: they can't be read.
    """
    return Recipe.from_json(read_settings(path), str(path / SETTINGS))
