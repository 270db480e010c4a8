"""Vignette: the term that lets the surroundings of the middle fade into one colour."""

import torch
from torch import Tensor

from mutoscope.terms.base import ONE, Number
from mutoscope.terms.windows import Colour, Window

# So that a weight of 1 is seen beside a prompt of weight 1.
SCALE = 1.0
# Nothing is drawn within INNER, all beyond OUTER: 1 is the ellipse that touches the picture's four
# sides, √2 goes through its corners.
INNER, OUTER = 0.5, 1.25


class Vignette(Window):
    """Surroundings of one colour around a middle that is left alone.

    The window is an ellipse of the picture's aspect, and opens along a smooth step.

    Args:
        name: a label for the log.
        colour: sRGB in [0, 1].
        weight: may vary with time and be negative.
    """

    def __init__(
        self,
        name: str = "vignette",
        *,
        colour: Colour = (0.0, 0.0, 0.0),
        weight: Number = ONE,
    ) -> None:
        super().__init__(name, colour=colour, weight=weight, scale=SCALE)

    def opening(self, size: tuple[int, int]) -> Tensor:
        """From 0 in the middle to 1 in the corners."""
        across, down = (
            (2 * torch.arange(side, dtype=torch.float32) + 1 - side) / side for side in size
        )
        radius = torch.hypot(down[:, None], across)
        share = ((radius - INNER) / (OUTER - INNER)).clamp(0, 1)
        return share.square() * (3 - 2 * share)
