"""Smooth: the term against grain, or, with a negative weight, for it."""

import torch
from torch import Tensor

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted


class Smooth(Weighted):
    """Few differences between neighbouring pixels: `total_variation` times a weight over time.

    Args:
        name: a label for the log.
        weight: may vary with time and be negative.
        tile: whether the picture repeats along x and along y, so that its ends are neighbours.
    """

    def __init__(
        self,
        name: str = "smoothing",
        *,
        weight: Number = ONE,
        tile: tuple[bool, bool] = (False, False),
    ) -> None:
        super().__init__(name, weight=weight)
        self.tile = tile

    def raw(self, look: Look) -> Tensor:
        """The total variation."""
        return total_variation(look.image, tile=self.tile)


def total_variation(image: Tensor, *, tile: tuple[bool, bool] = (False, False)) -> Tensor:
    """The mean of the squared differences to the right and lower neighbour, a scalar.

    The neighbour of the last column and row is, along an axis of ``tile`` (x, y), the first one.
    Else they are their own, so they count as 0 in the mean.
    """
    sums = []
    for axis, tiled in zip((-1, -2), tile, strict=True):
        steps = image.diff(dim=axis)
        sums.append(steps.square().sum())
        if tiled:
            seam = image.select(axis, 0) - image.select(axis, -1)
            sums.append(seam.square().sum())
    return torch.stack(sums).sum() / image.numel()
