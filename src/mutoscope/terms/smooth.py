"""Smooth: the term against grain, or, with a negative weight, for it."""

from torch import Tensor

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted


class Smooth(Weighted):
    """Few differences between neighbouring pixels: `total_variation` times a weight over time."""

    def __init__(self, name: str = "smoothing", *, weight: Number = ONE) -> None:
        super().__init__(name, weight=weight)

    def raw(self, look: Look) -> Tensor:
        """The total variation."""
        return total_variation(look.image)


def total_variation(image: Tensor) -> Tensor:
    """The mean of the squared differences to the right and lower neighbour, a scalar.

    The last column and row are their own neighbours, so they count as 0 in the mean.
    """
    across = image[..., :, 1:] - image[..., :, :-1]
    down = image[..., 1:, :] - image[..., :-1, :]
    return (across.square().sum() + down.square().sum()) / image.numel()
