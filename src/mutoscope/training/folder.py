"""The folder of a training: who may write in it, how it begins, how failures are told.

Every training's folder holds its settings, written before the first step, and a log; `state` of
each kind of folder says what else there is, and in which order a tick is kept.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from mutoscope import atomic
from mutoscope.closable import Closable
from mutoscope.errors import MediaError, RunError
from mutoscope.lock import NAME as LOCK
from mutoscope.lock import FolderLock
from mutoscope.run import journal
from mutoscope.settings.document import MAX_KEPT_BYTES

log = logging.getLogger("mutoscope")

SETTINGS = "settings.json"
LOG = "log.jsonl"
SAMPLES = "samples"


class Writable(Protocol):
    """A recipe of a training, as its folder keeps it."""

    def to_json(self) -> str:
        """The text of the settings."""


_Recipe = TypeVar("_Recipe", bound=Writable)


class TrainingFolder(Closable, Generic[_Recipe]):
    """A training's folder, locked for this process until `close`; a context manager.

    ``path`` is where it lies, ``recipe`` what it holds. Made by `start`, or taken up again.
    """

    inside: ClassVar[Sequence[str]] = (SAMPLES,)  # the folders in it

    def __init__(self, path: Path, recipe: _Recipe) -> None:
        self.path = path
        self.recipe = recipe
        self._lock = FolderLock(path)

    @classmethod
    def start(cls, path: Path, recipe: _Recipe) -> Self:
        """Make the folder, or take an empty one, and write the settings in it.

        Raises:
            RunError: it holds something, is in use, or can't be made.
        """
        make_empty(path)
        folder = cls(path, recipe)
        folder.begin(recipe.to_json())
        return folder

    def begin(self, settings: str) -> None:
        """Write the settings, JSON, into a new folder that is locked.

        Raises:
            RunError: it holds something by now, or can't be written.
        """
        try:
            refuse_taken(self.path)  # still, now that nobody else can change it
            with self.reporting("the training can't begin"):
                atomic.write_text(self.path / SETTINGS, settings)
                self._tidy()
        except BaseException:
            self.close()
            raise

    def take_up(self) -> None:
        """Make the folder of a training that was begun ready to go on.

        Raises:
            RunError: it can't be changed.
        """
        try:
            with self.reporting("it can't be opened"):
                self._tidy()
        except BaseException:
            self.close()
            raise

    def sample_path(self, number: int) -> Path:
        """Where the sheet ``number`` lies."""
        return self.path / SAMPLES / f"{number:04}.png"

    def newest_sample(self) -> Path | None:
        """The newest sheet that there is."""
        sheets = sorted((self.path / SAMPLES).glob("[0-9]*.png"), key=lambda p: int(p.stem))
        return sheets[-1] if sheets else None

    def rewind(self, length: int, shown: int) -> None:
        """Cut the log to ``length`` bytes and drop the sheets beyond number ``shown``.

        Raises:
            RunError: the folder can't be changed.
        """
        place = self.path / LOG
        with self.reporting("it can't be taken up"):
            if journal.length(place) < length:
                log.warning("%s: is shorter than it was; its lines are lost", place)
            elif place.exists():
                os.truncate(place, length)
            for sheet in (self.path / SAMPLES).glob("[0-9]*.png"):
                if sheet.stem.isdigit() and int(sheet.stem) > shown:
                    sheet.unlink(missing_ok=True)

    @contextlib.contextmanager
    def reporting(self, what: str) -> Iterator[None]:
        """Turn a failure to write into a message that says what it means for the training.

        Raises:
            RunError: it failed.
        """
        try:
            yield
        except (OSError, MediaError) as error:
            why = atomic.reason(error) if isinstance(error, OSError) else str(error)
            raise RunError(
                f"{self.path}: {what}: {why}; what was kept before stands, and the same command "
                "goes on from it when that is mended"
            ) from error

    def close(self) -> None:
        """Unlock the folder. Closing twice is no mistake."""
        self._lock.release()

    def _tidy(self) -> None:
        """Make the folders inside, and remove what a killed process left half written."""
        for name in self.inside:
            (self.path / name).mkdir(exist_ok=True)
        atomic.sync_upward(self.path, levels=3)
        for name in ("", *self.inside):
            atomic.sweep_parts(self.path / name)


def make_empty(path: Path) -> None:
    """Make a folder for a new training, or take an empty one.

    Raises:
        RunError: it holds something, or can't be made.
    """
    refuse_taken(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path}: can't be made: {atomic.reason(error)}") from error


def is_training(path: Path) -> bool:
    """Whether a training was begun in the folder ``path``."""
    return (path / SETTINGS).is_file()


def read_settings(path: Path) -> str:
    """The settings that the training in ``path`` was begun with, as they are written.

    Raises:
        RunError: they can't be read.
    """
    place = path / SETTINGS
    try:
        return atomic.read_bounded(place, MAX_KEPT_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{place}: can't be read: {error}") from error


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
