"""The processes that train one generator together, each with a share of every batch.

All have the same networks and take the same steps: before each, their gradients are averaged, and
with them the running means and the losses. One of them, the leader, writes the files. What is
random about a row of a batch comes from its place in the whole, and rows are compared with each
other in fours, so that a team takes the steps of one process with the whole batch, up to the order
in which numbers are added. (Where shares are no multiple of four, those of one process whose
batches go through in as many parts.)
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mutoscope.errors import ExtraError, RunError, SettingsError

AGREE_EVERY = 4  # steps from one question whether to stop to the next, which waits for all


class Team:
    """A team of one, and what larger ones can do: `Several`."""

    rank = 0
    size = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def check(self, batch: int) -> None:
        """Refuse batches that can't be shared out evenly, their halves included.

        Raises:
            SettingsError: it is such a one.
        """
        even = 2 * self.size
        if batch % even and self.size > 1:
            raise SettingsError(
                f"batch: {batch} can't be shared out evenly among {self.size} processes; give a "
                f"multiple of {even}, as batch={-(-batch // even) * even}"
            )

    def average(self, values: Sequence[Tensor]) -> None:
        """Put the mean over all processes in the place of each tensor."""

    def gather(self, values: Tensor) -> Tensor:
        """Those of all processes, one after another, along the first axis."""
        return values

    def agree(self, step: int, wish: bool) -> bool:
        """Whether anybody wishes it; of several it is asked only now and then."""
        del step
        return wish

    def wait(self) -> None:
        """Go on when all have come here."""

    def leave(self) -> None:
        """End the connection."""


ALONE = Team()


class Several(Team):
    """One of several processes, each of which was started with ``RANK`` and ``WORLD_SIZE`` set.

    Args:
        cpu: whether they compute on CPUs.

    Raises:
        ExtraError: accelerate is not installed.
    """

    def __init__(self, *, cpu: bool) -> None:
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise ExtraError(
                "several processes need accelerate; pip install 'mutoscope[gpus]'"
            ) from error
        self._state: Any = PartialState(cpu=cpu)
        self.rank, self.size = self._state.process_index, self._state.num_processes

    @property
    def device(self) -> torch.device:
        """That of this process."""
        device: torch.device = self._state.device
        return torch.device("cpu") if device.type == "cpu" else device

    def average(self, values: Sequence[Tensor]) -> None:
        """As in `Team`; all go in one message.

        Raises:
            RunError: one of the others has ended, as in all that follow.
        """
        from accelerate.utils import reduce

        flat = torch.cat([value.detach().reshape(-1).float() for value in values])
        with _while_all_live():
            mean: Tensor = reduce(flat, "mean")
        parts = torch.split(mean, [value.numel() for value in values])
        with torch.no_grad():
            for value, part in zip(values, parts, strict=True):
                value.copy_(part.view_as(value))

    def gather(self, values: Tensor) -> Tensor:
        """As in `Team`."""
        from accelerate.utils import gather

        with _while_all_live():
            every: Tensor = gather(values)
        return every

    def agree(self, step: int, wish: bool) -> bool:
        """As in `Team`."""
        from accelerate.utils import reduce

        if step % AGREE_EVERY:
            return False
        wishes = torch.tensor(float(wish), device=self.device)
        with _while_all_live():
            wishes = reduce(wishes, "sum")
        return bool(wishes > 0)

    def wait(self) -> None:
        """As in `Team`."""
        with _while_all_live():
            self._state.wait_for_everyone()

    def leave(self) -> None:
        """As in `Team`."""
        self._state.destroy_process_group()


@contextmanager
def _while_all_live() -> Iterator[None]:
    """Say that another process has ended, as a connection that breaks off tells.

    Raises:
        RunError: it has.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # that of torch.distributed, whose own kinds are its children
        raise RunError(
            "another process of this training has ended, and without it there is no next step; "
            "what was kept stands, and the same command goes on with it"
        ) from error


def join(*, cpu: bool) -> Several | None:
    """The team that this process was started for, as by ``accelerate launch``, or None."""
    return Several(cpu=cpu) if started_for_team() else None


def started_for_team() -> bool:
    """Whether this process was started as one of several."""
    size = os.environ.get("WORLD_SIZE", "1")
    return "RANK" in os.environ and size.isdigit() and int(size) > 1
