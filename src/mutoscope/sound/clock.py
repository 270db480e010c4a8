"""The clock on which a sound is measured: cells of five milliseconds, in whole blocks."""

from typing import Protocol

import numpy as np
import scipy
from numpy.typing import NDArray

Signal = NDArray[np.float32]
"""Samples, (n,)."""
Measure = NDArray[np.float64]
"""A number for each cell, (cells,)."""


class Meter(Protocol):
    """Measures something of a sound that it is given block by block."""

    def feed(self, block: Signal) -> None:
        """Take the next block, (n,)."""

    def measure(self) -> Measure:
        """What was measured in all blocks so far."""


CELLS = 200
"""How many cells there are in a second; a film of ten steps a frame at 20 a second fits."""
BLOCK_SECONDS = 5
"""Sound is measured in blocks of so many seconds: whole cells at any sampling rate."""


def cell_starts(samples: int, rate: int) -> NDArray[np.intp]:
    """Where each cell of a block of ``samples`` begins: they differ in length by one at most."""
    return np.arange(samples * CELLS // rate) * rate // CELLS


def falling(measure: Measure, seconds: float) -> Measure:
    """``measure`` (at least 0) with a slow release: up at once, down to 1/e in ``seconds``."""
    if seconds <= 0:
        return measure
    # In logarithms, the largest of all earlier values, each fallen since, is a running maximum.
    fallen = np.arange(len(measure)) / (seconds * CELLS)
    with np.errstate(divide="ignore"):
        levels = np.log(measure)
    risen: Measure = np.exp(np.maximum.accumulate(levels + fallen) - fallen)
    return risen


def highest_ahead(measure: Measure, cells: int) -> Measure:
    """For each cell the highest of it and the ``cells`` − 1 after it."""
    cells = min(cells, len(measure))
    highest: Measure = scipy.ndimage.maximum_filter1d(
        measure, cells, origin=-(cells // 2), mode="constant"
    )
    return highest
