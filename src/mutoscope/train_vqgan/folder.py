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

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import safetensors.torch

from mutoscope import atomic
from mutoscope.errors import MediaError, RunError
from mutoscope.images import encode
from mutoscope.paint import State
from mutoscope.run import journal
from mutoscope.run.checkpoint import read_header, read_state, write_state
from mutoscope.run.lock import NAME as LOCK
from mutoscope.run.lock import FolderLock
from mutoscope.train_vqgan.recipe import Recipe
from mutoscope.train_vqgan.training import Tick
from mutoscope.vqgan import VQGAN
from mutoscope.vqgan.config import write_architecture

log = logging.getLogger("mutoscope")

SETTINGS = "settings.json"
LOG = "log.jsonl"
SAMPLES = "samples"
STATE = "state/training.safetensors"
CONFIG = "model.yaml"
WEIGHTS = "model.safetensors"


class Folder:
    """A training's folder, locked for this process until `close`; a context manager.

    Made by `start` or `open`; ``path`` is where it lies, ``recipe`` what it holds.
    """

    def __init__(self, path: Path, recipe: Recipe, lock: FolderLock) -> None:
        self.path, self.recipe, self._lock = path, recipe, lock

    @classmethod
    def start(cls, path: Path, recipe: Recipe) -> Self:
        """Make the folder, or take an empty one, and write the settings in it.

        Raises:
            RunError: it holds something, is in use, or can't be made.
        """
        refuse_taken(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(path)
        except OSError as error:
            raise RunError(f"{path}: can't be made: {atomic.reason(error)}") from error
        folder = cls(path, recipe, lock)
        try:
            refuse_taken(path)  # still, now that nobody else can change it
            with folder._reporting("the training can't begin"):
                atomic.write_text(path / SETTINGS, recipe.to_json())
                folder._tidy()
        except BaseException:
            lock.release()
            raise
        return folder

    @classmethod
    def open(cls, path: Path) -> Self:
        """Take up the folder of a training that was begun.

        Raises:
            RunError: it is in use, or its settings can't be read.
        """
        recipe = read_recipe(path)
        folder = cls(path, recipe, FolderLock(path))
        try:
            with folder._reporting("it can't be opened"):
                folder._tidy()
        except BaseException:
            folder.close()
            raise
        return folder

    def sample_path(self, number: int) -> Path:
        """Where the sheet of tick ``number`` lies."""
        return self.path / SAMPLES / f"{number:04}.png"

    def newest_sample(self) -> Path | None:
        """The newest sheet that there is."""
        sheets = sorted((self.path / SAMPLES).glob("[0-9]*.png"), key=lambda p: int(p.stem))
        return sheets[-1] if sheets else None

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
        place, journal_path = self.path / STATE, self.path / LOG
        saved = read_state(place) if place.exists() else None
        length = read_header(place).log_bytes if saved else 0
        shown = int(saved.meta["sheets"]) if saved else 0
        with self._reporting("it can't be taken up"):
            if journal.length(journal_path) < length:
                log.warning("%s: is shorter than it was; its lines are lost", journal_path)
            elif journal_path.exists():
                os.truncate(journal_path, length)
            for sheet in (self.path / SAMPLES).glob("[0-9]*.png"):
                if sheet.stem.isdigit() and int(sheet.stem) > shown:
                    sheet.unlink(missing_ok=True)
        return State(saved.number, saved.tensors) if saved else None

    def keep(self, tick: Tick) -> Path | None:
        """Keep a tick: sample, pair, log, state; returns where the sample lies, if it has one.

        Raises:
            RunError: it can't be written. What was kept before stands.
        """
        sheet = None
        with self._reporting(f"step {tick.state.steps} can't be kept"):
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

    def close(self) -> None:
        """Unlock the folder. Closing twice is no mistake."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _tidy(self) -> None:
        """Make the folders inside, and remove what a killed process left half written."""
        for name in (SAMPLES, Path(STATE).parent):
            (self.path / name).mkdir(exist_ok=True)
        for name in ("", SAMPLES, Path(STATE).parent):
            atomic.sweep_parts(self.path / name)

    @contextlib.contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, MediaError) as error:
            why = atomic.reason(error) if isinstance(error, OSError) else str(error)
            raise RunError(
                f"{self.path}: {what}: {why}; what was kept before stands, and the same command "
                "goes on from it when that is mended"
            ) from error


def write_pair(folder: Path, model: VQGAN) -> None:
    """Write a model as the pair that ``vqgan_model`` takes, the weights whole or not at all."""
    config = folder / CONFIG
    if not config.exists():
        write_architecture(model.architecture, config)
    weights = {n: t.detach().cpu().contiguous().clone() for n, t in model.state_dict().items()}
    atomic.write_bytes(folder / WEIGHTS, safetensors.torch.save(weights))


def is_training(path: Path) -> bool:
    """Whether a training was begun in the folder ``path``."""
    return (path / SETTINGS).is_file()


def is_finished(path: Path) -> bool:
    """Whether the training in the folder ``path`` has done all its steps."""
    place = path / STATE
    return place.exists() and read_header(place).number >= read_recipe(path).steps


def read_recipe(path: Path) -> Recipe:
    """The settings that the training in ``path`` was begun with.

    Raises:
        RunError: they can't be read.
    """
    place = path / SETTINGS
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{place}: can't be read: {error}") from error
    return Recipe.from_json(text, str(place))


def refuse_taken(path: Path) -> None:
    """Refuse a folder for a new training that holds anything but a false start.

    Raises:
        RunError: it does, or it is a file.
    """
    if path.exists() and not path.is_dir():
        raise RunError(f"{path}: is a file; give the folder of a training with -o, or a new one")
    if not path.is_dir():
        return
    others = sorted(p.name for p in path.iterdir() if p.name != LOCK and not atomic.is_part(p))
    if others:
        raise RunError(
            f"{path}: holds {', '.join(others[:3])}, and no training that was begun, so nothing "
            "is written there; give an empty or a new folder with -o"
        )
