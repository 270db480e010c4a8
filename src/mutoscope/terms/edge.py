"""Edge: the term that puts a frame of one colour around the picture."""

import torch
from torch import Tensor

from mutoscope.terms.base import ONE, Number
from mutoscope.terms.windows import Colour, Window

# So that a weight of 1 is seen beside a prompt of weight 1.
SCALE = 1.0


class Edge(Window):
    """A frame of one colour.

    Args:
        name: a label for the log.
        colour: sRGB in [0, 1].
        width: of the frame, as a share of the picture's shorter side: one number, or one each for
            left, top, right and bottom, of which some may be 0.
        weight: may vary with time and be negative.
    """

    def __init__(
        self,
        name: str = "edge",
        *,
        colour: Colour = (1.0, 1.0, 1.0),
        width: float | tuple[float, float, float, float] = 0.05,
        weight: Number = ONE,
    ) -> None:
        super().__init__(name, colour=colour, weight=weight, scale=SCALE)
        self.widths = width if isinstance(width, tuple) else (width, width, width, width)

    def opening(self, size: tuple[int, int]) -> Tensor:
        """1 in the frame, 0 in the middle, between where the frame's inner edge cuts a pixel."""
        left, top, right, bottom = (share * min(size) for share in self.widths)
        across = 1 - _covered(size[0], left, right)  # (W,)
        down = 1 - _covered(size[1], top, bottom)  # (H,)
        return 1 - torch.outer(down, across)


def _covered(side: int, near: float, far: float) -> Tensor:
    """How much of each pixel of a line is covered by a width at either end, (side,) in [0, 1]."""
    place = torch.arange(side, dtype=torch.float32)
    first, last = (near - place).clamp(0, 1), (far - (side - 1 - place)).clamp(0, 1)
    return torch.maximum(first, last)
