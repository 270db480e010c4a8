"""What a run takes over from another: its first frames, log and states."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutoscope import atomic
from mutoscope.run import layout


@dataclass(frozen=True)
class Beginning:
    """What of one run another begins with.

    ``frames``: numbers and files; ``smoothed``: those of frames smoothed over time; ``states``:
    files, the one that is gone on from among them; ``log`` up to ``log_bytes``; ``scalars``: what
    TensorBoard reads.
    """

    frames: Sequence[tuple[int, Path]]
    states: Sequence[Path]
    log: Path
    log_bytes: int
    scalars: Sequence[Path] = ()
    smoothed: Sequence[tuple[int, Path]] = ()

    def copy(self, folder: Path, base: str) -> None:
        """Bring it into the folder of a run that has no frame yet, in place or not at all.

        While it is not whole, a mark says so, which outlives the program: such a folder is no run,
        and the next one of its name takes it.

        Raises:
            OSError: It can't be read or written.
        """
        mark = folder / layout.TAKING
        atomic.write_bytes(mark, b"")
        for number, path in self.frames:
            _copy(path, folder / layout.FRAMES / f"{base}_{number}.png")
        if self.smoothed:
            (folder / layout.SMOOTHED).mkdir(exist_ok=True)
        for number, path in self.smoothed:
            _copy(path, folder / layout.SMOOTHED / f"{base}_{number}.png")
        if self.log_bytes:
            with self.log.open("rb") as file:
                atomic.write_bytes(folder / layout.LOG, file.read(self.log_bytes))
        if self.scalars:
            (folder / layout.TENSORBOARD).mkdir(exist_ok=True)
        for path in self.scalars:
            _copy(path, folder / layout.TENSORBOARD / path.name)
        for path in self.states:
            _link(path, folder / layout.STATE / path.name)
        mark.unlink()
        atomic.sync_folder(folder)


def _copy(path: Path, target: Path) -> None:
    with path.open("rb") as source, atomic.replacing(target) as file:
        shutil.copyfileobj(source, file)


def _link(path: Path, target: Path) -> None:
    """One file under two names, or a copy where the file system knows no such thing.

    Only for what nobody edits: states are replaced and removed, never written in place.
    """
    try:
        os.link(path, target)
    except OSError:
        _copy(path, target)
    else:
        atomic.sync_folder(target.parent)
