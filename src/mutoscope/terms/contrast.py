"""Contrast: the term that gives a picture the darks and lights of a photograph, and no more."""

import torch
from torch import Tensor

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

# The brightness of photographs, as a logit, has a deviation of 0.6 (a cat's fur) to 1.9 (a portrait
# before black); this is near the middle, and leaves next to nothing at black or white.
PHOTOGRAPH = 1.1
# A byte can't tell darker from black; this keeps the logits of pixel canvases finite.
DARKEST = 1 / 512


class Contrast(Weighted):
    """As much difference between dark and light as a photograph has: neither fog nor bare black."""

    def __init__(
        self, name: str = "contrast", *, weight: Number = ONE, target: float = PHOTOGRAPH
    ) -> None:
        super().__init__(name, weight=weight)
        self.target = target

    def raw(self, look: Look) -> Tensor:
        """The square of how far the contrast is from the target, as a share of it."""
        return (contrast(look.image) / self.target - 1).square()


def contrast(image: Tensor) -> Tensor:
    """The deviation of a picture's brightness, as a logit, about its mean: a scalar from 0 up."""
    logits = torch.logit(image.clamp(DARKEST, 1 - DARKEST))
    brightness = logits.mean(dim=1)  # (1, H, W)
    # The small number keeps the gradient of a flat picture finite.
    return (brightness - brightness.mean()).square().mean().add(1e-8).sqrt()
