"""Smooth: the term against grain, or, with a negative weight, for it."""

import torch
from torch import Tensor

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, pull


class Smooth:
    """Few differences between neighbouring pixels: `total_variation` times a weight over time."""

    cuts = False

    def __init__(self, name: str = "smoothing", *, weight: Number = ONE) -> None:
        self.name = name
        self.weight = weight

    def __call__(self, look: Look) -> Tensor:
        """The weighted total variation."""
        weight = self.weight(look.moment.values)
        if weight == 0:
            return torch.zeros((), device=look.image.device)
        return pull(total_variation(look.image), weight)


def total_variation(image: Tensor) -> Tensor:
    """The mean of the squared differences to the right and lower neighbour, a scalar.

    The last column and row are their own neighbours, so they count as 0 in the mean.
    """
    across = image[..., :, 1:] - image[..., :, :-1]
    down = image[..., 1:, :] - image[..., :-1, :]
    return (across.square().sum() + down.square().sum()) / image.numel()
