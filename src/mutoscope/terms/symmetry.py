"""Symmetry: the term for pictures that are their own mirror image."""

from typing import Literal

import torch
from torch import Tensor

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

Axis = Literal["x", "y", "both"]

# So that a weight of 1 is seen beside a prompt of weight 1.
SCALE = 10.0


class Symmetry(Weighted):
    """Alike to its mirror image; with a negative weight, as unlike as can be.

    Args:
        name: a label for the log.
        weight: may vary with time and be negative.
        axis: ``x`` for left and right, ``y`` for top and bottom, ``both`` for each of the two.
    """

    def __init__(self, name: str = "symmetry", *, weight: Number = ONE, axis: Axis = "x") -> None:
        super().__init__(name, weight=weight)
        self.axis = axis

    def raw(self, look: Look) -> Tensor:
        """Ten times the asymmetry; for both axes, the two added up."""
        dims = {"x": [3], "y": [2], "both": [3, 2]}[self.axis]
        return SCALE * torch.stack([asymmetry(look.image, dim) for dim in dims]).sum()


def asymmetry(image: Tensor, dim: int) -> Tensor:
    """The mean squared difference of a picture (1, 3, H, W) and its mirror image, a scalar.

    It is mirrored along ``dim``, 3 for left and right. Of a line in the middle there is only one,
    so that it is like itself.
    """
    half = image.shape[dim] // 2
    before = image.narrow(dim, 0, half)
    after = image.narrow(dim, image.shape[dim] - half, half).flip(dim)
    # Each pair stands for two pixels of the mean.
    return 2 * (before - after).square().sum() / image.numel()
