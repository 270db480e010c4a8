"""Colourfulness: the term for strong colours, or, with a negative weight, for pale ones."""

import torch
from torch import Tensor

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

# So that a weight of 1 beside a prompt of weight 1 gives strong colours that are still natural; it
# never has enough, and five times as much gives posters.
SCALE = 0.2


class Colourfulness(Weighted):
    """More colourful; with a negative weight paler, down to grey.

    What is weighted, and logged, has its sign turned: terms make things smaller. A picture that is
    grey throughout has no gradient, for nothing says which colour to take; a prompt does.
    """

    def __init__(self, name: str = "colourfulness", *, weight: Number = ONE) -> None:
        super().__init__(name, weight=weight)

    def raw(self, look: Look) -> Tensor:
        """A fifth of the colourfulness, below 0."""
        return -SCALE * colourfulness(look.image)


def colourfulness(image: Tensor) -> Tensor:
    """How colourful a picture (1, 3, H, W) looks, a scalar: 0 for greys, 0.18 is average.

    ``σ + 0.3 μ`` of the two opponent axes red to green and yellow to blue: the length of their
    deviations, and of their means. Hasler & Süsstrunk, *Measuring colourfulness in natural images*
    (2003); theirs is for bytes, 255 times as large, and they found 33 moderately, 45 averagely
    and 59 quite colourful.
    """
    red, green, blue = image.unbind(1)  # (1, H, W) each
    axes = torch.stack([red - green, (red + green) / 2 - blue]).flatten(1)  # (2, H · W)
    means = axes.mean(1, keepdim=True)
    # The small numbers keep the gradient of a grey picture finite.
    spread = (axes - means).square().mean(1).sum().add(1e-8).sqrt()
    return spread + 0.3 * means.square().sum().add(1e-8).sqrt()
