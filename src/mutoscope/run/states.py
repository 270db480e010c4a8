"""The states of a run: after its newest frames, after some spread over all, and between two."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope.errors import RunError
from mutoscope.run import layout
from mutoscope.run.checkpoint import SUFFIX, Saved, read_header, read_state, write_state

log = logging.getLogger("mutoscope")


class States:
    """The states in ``folder``, of which the newest ``backups`` are kept, None for all.

    Up to ``resume_points`` more are kept, spread evenly over the frames made so far, so that a run
    can be gone on with from its middle; see `spread`.
    """

    def __init__(self, folder: Path, backups: int | None, resume_points: int = 0) -> None:
        self.folder = folder
        self.backups, self.resume_points = backups, resume_points
        self.paused = folder / layout.PAUSED

    def path(self, number: int) -> Path:
        """Where the state after frame ``number`` lies."""
        return self.folder / layout.STATE / f"{number}{SUFFIX}"

    def keep(
        self, number: int, tensors: Mapping[str, Tensor], meta: Mapping[str, Any], *, log_bytes: int
    ) -> None:
        """Write the state after frame ``number``; what was paused before it goes."""
        write_state(self.path(number), number, tensors, meta, log_bytes=log_bytes)
        self.paused.unlink(missing_ok=True)

    def pause(
        self, number: int, tensors: Mapping[str, Tensor], meta: Mapping[str, Any], *, log_bytes: int
    ) -> None:
        """Write the state between frame ``number`` and the next, in place of the one before."""
        write_state(self.paused, number, tensors, meta, log_bytes=log_bytes)

    def newest(self) -> Saved | None:
        """The newest that can be read; damaged ones are passed over with a notice."""
        states = layout.state_paths(self.folder)
        paused = [self.paused] if self.pause_follows(states[-1][0] if states else 0) else []
        for path in [*paused, *(path for _, path in reversed(states))]:
            try:
                return read_state(path)
            except RunError as error:
                log.warning("%s; going back to the state before it", error)
        return None

    def log_bytes(self, number: int) -> int:
        """How long the log was at the newest state after frame ``number``, 0 for the beginning.

        A state between two other frames is removed: it leads nowhere from here.
        """
        if self.pause_follows(number):
            return read_header(self.paused).log_bytes
        self.paused.unlink(missing_ok=True)
        return read_header(self.path(number)).log_bytes if number else 0

    def pause_follows(self, number: int) -> bool:
        """Whether the run was paused after frame ``number`` and before the next."""
        try:
            return self.paused.exists() and read_state(self.paused).number == number
        except RunError as error:
            log.warning("%s; going back to the state before it", error)
            return False

    def prune(self) -> None:
        """Remove all but the newest and those that are spread over the run."""
        if self.backups is None:
            return
        states = layout.state_paths(self.folder)
        stride = spread(states[-1][0], self.resume_points) if states else 0
        for number, path in states[: -max(1, self.backups)]:
            if not stride or number % stride:
                path.unlink(missing_ok=True)


def spread(newest: int, points: int) -> int:
    """The distance between states that are kept among frames 1 to ``newest``; 0 for none.

    It is the least power of 2 with which they are at most ``points``. As the run grows it doubles,
    and every other of them goes: those that are left lie evenly whatever the run's length, and
    none of them was ever missing.
    """
    if points <= 0:
        return 0
    stride = 1
    while newest // stride > points:
        stride *= 2
    return stride
