"""The folder of a training, which can be taken up again whatever stopped it.

    OUT/
        settings.json                 written before the first step
        log.jsonl                     one line a step
        samples/0001.png              one a tick: originals above, what was drawn of them below
        state/training.safetensors    all that is needed to go on
        model.yaml  model.safetensors the pair that may be used by now

A tick is kept in the order sample, pair, log, state, each whole or not at all. A state on the disk
means that all before it is there; going on drops what lies beyond it, so that the files of a
resumed training are those of the training never stopped.
"""

from pathlib import Path
from typing import Self

import safetensors.torch

from mutoscope import atomic
from mutoscope.images import encode
from mutoscope.paint import State
from mutoscope.run import journal
from mutoscope.run.checkpoint import read_header, read_state, write_state
from mutoscope.train_vqgan.recipe import Recipe
from mutoscope.train_vqgan.training import Tick
from mutoscope.training.folder import (
    LOG,
    SAMPLES,
    SETTINGS,
    TrainingFolder,
    is_training,
    read_settings,
)
from mutoscope.vqgan import VQGAN
from mutoscope.vqgan.config import write_architecture

__all__ = ["SETTINGS", "Folder", "is_finished", "is_training", "read_recipe", "write_pair"]

STATE = "state/training.safetensors"
CONFIG = "model.yaml"
WEIGHTS = "model.safetensors"


class Folder(TrainingFolder[Recipe]):
    """A training's folder; made by `start` or `open`; ``recipe`` is what it holds."""

    inside = (SAMPLES, str(Path(STATE).parent))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Take up the folder of a training that was begun.

        Raises:
            RunError: it is in use, or its settings can't be read.
        """
        folder = cls(path, read_recipe(path))
        folder.take_up()
        return folder

    def steps_kept(self) -> int:
        """How many steps are safe on the disk.

        Raises:
            RunError: the state is damaged.
        """
        place = self.path / STATE
        return read_header(place).number if place.exists() else 0

    def state(self) -> State | None:
        """What was kept last, or None before the first tick; what lies beyond it is dropped.

        Raises:
            RunError: it is damaged, or the folder can't be changed.
        """
        place = self.path / STATE
        saved = read_state(place) if place.exists() else None
        length = read_header(place).log_bytes if saved else 0
        self.rewind(length, int(saved.meta["sheets"]) if saved else 0)
        return State(saved.number, saved.tensors) if saved else None

    def keep(self, tick: Tick) -> Path | None:
        """Keep a tick: sample, pair, log, state; returns where the sample lies, if it has one.

        Raises:
            RunError: it can't be written. What was kept before stands.
        """
        sheet = None
        with self.reporting(f"step {tick.state.steps} can't be kept"):
            if tick.sheet is not None:
                sheet = self.sample_path(tick.whole)
                atomic.write_bytes(sheet, encode(tick.sheet, ".png", place=str(sheet)))
            if tick.model is not None:
                write_pair(self.path, tick.model)
            journal.append(self.path / LOG, tick.records, durable=True)
            length = journal.length(self.path / LOG)
            meta = {"sheets": tick.whole}
            state = tick.state
            write_state(self.path / STATE, state.steps, state.tensors, meta, log_bytes=length)
        return sheet


def write_pair(folder: Path, model: VQGAN) -> None:
    """Write a model as the pair that ``vqgan_model`` takes, the weights whole or not at all."""
    config = folder / CONFIG
    if not config.exists():
        write_architecture(model.architecture, config)
    weights = {n: t.detach().cpu().contiguous().clone() for n, t in model.state_dict().items()}
    atomic.write_bytes(folder / WEIGHTS, safetensors.torch.save(weights))


def is_finished(path: Path) -> bool:
    """Whether the training in the folder ``path`` has done all its steps."""
    place = path / STATE
    return place.exists() and read_header(place).number >= read_recipe(path).steps


def read_recipe(path: Path) -> Recipe:
    """The settings that the training in ``path`` was begun with.

    Raises:
        RunError: they can't be read.
    """
    return Recipe.from_json(read_settings(path), str(path / SETTINGS))
