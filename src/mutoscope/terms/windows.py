"""What draws a part of the picture to one colour: a window says which part, and how much."""

import torch
from torch import Tensor

from mutoscope.cutouts.crop import sent
from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

Colour = tuple[float, float, float]


class Window(Weighted):
    """One colour where a window is open; with a negative weight, anything but that colour.

    The mean squared difference to the colour, each pixel counting as much as the window says. So
    what a weight does to a pixel doesn't depend on how many others the window takes in; one that
    takes in nothing costs nothing.

    Args:
        name: a label for the log.
        colour: sRGB in [0, 1].
        weight: may vary with time and be negative.
        scale: of the difference.
    """

    def __init__(
        self, name: str, *, colour: Colour, weight: Number = ONE, scale: float = 1.0
    ) -> None:
        super().__init__(name, weight=weight)
        self.colour = colour
        self.scale = scale
        # Kept from step to step: a picture's size changes seldom, its device never.
        self._shares = torch.zeros(0, 0)
        self._wanted = torch.zeros(1, 3, 1, 1)

    def opening(self, size: tuple[int, int]) -> Tensor:
        """How much the window takes of each pixel, (H, W) in [0, 1], for ``(width, height)``."""
        raise NotImplementedError

    def raw(self, look: Look) -> Tensor:
        """The scaled difference."""
        image = look.image
        if self._shares.shape != image.shape[-2:] or self._shares.device != image.device:
            opening = self.opening((image.shape[-1], image.shape[-2]))
            shares = opening / (3 * opening.sum()).clamp_min(1e-12)
            self._shares = sent(self.scale * shares, image)
            self._wanted = sent(torch.tensor(self.colour).view(1, 3, 1, 1), image)
        return (self._shares * (image - self._wanted).square()).sum()
