"""Random numbers for the rows of a batch, the same however the batch is divided.

One generator for a whole batch would give a row other numbers when fewer go through at once, as
where memory is short or several processes share the batch. Here every four rows have one of their
own.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

BLOCK = 4
"""Rows that draw together: as many as the discriminator compares with each other."""


class Rows:
    """What is random about some rows of a batch.

    Args:
        rows: their numbers in the whole batch, which begins at 0.
        start: makes the fresh generator of a block, ``BLOCK`` rows from ``BLOCK`` times its number
            on; all on one device.
    """

    def __init__(self, rows: range, start: Callable[[int], torch.Generator]) -> None:
        self.rows = rows
        blocks = range(rows.start // BLOCK, -(-rows.stop // BLOCK))
        self._generators = [start(number) for number in blocks]

    @property
    def device(self) -> torch.device:
        """Where the numbers come to lie."""
        return self._generators[0].device

    def draw(self, how: Callable[..., Tensor], size: Sequence[int]) -> Tensor:
        """Numbers of a distribution as ``torch.randn`` has it, ``size`` = (rows, …)."""
        count, *rest = size
        if count != len(self.rows):
            raise ValueError(f"random numbers for {count} rows are wanted of {len(self.rows)}")
        # Whole blocks, of which some rows may be another's.
        drawn = [how((BLOCK, *rest), generator=one, device=one.device) for one in self._generators]
        skipped = self.rows.start % BLOCK
        return torch.cat(drawn)[skipped : skipped + count]


Chance = torch.Generator | Rows
"""Where random numbers for a batch come from."""


def normal(size: Sequence[int], chance: Chance) -> Tensor:
    """N(0, 1), of the size (rows, …)."""
    return _drawn(torch.randn, size, chance)


def uniform(size: Sequence[int], chance: Chance) -> Tensor:
    """From 0 up to 1, of the size (rows, …)."""
    return _drawn(torch.rand, size, chance)


def integers(low: int, high: int, size: Sequence[int], chance: Chance) -> Tensor:
    """Whole numbers from ``low`` up to ``high``, that left out, of the size (rows, …)."""
    return _drawn(partial(torch.randint, low, high), size, chance)


def _drawn(how: Callable[..., Tensor], size: Sequence[int], chance: Chance) -> Tensor:
    if isinstance(chance, Rows):
        return chance.draw(how, size)
    return how(tuple(size), generator=chance, device=chance.device)
