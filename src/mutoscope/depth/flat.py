"""The depth of a picture on a wall: everything is equally far."""

from torch import Tensor

from mutoscope.depth.base import FAR, NEAR, Depth

MIDDLE = 2 / (1 / NEAR + 1 / FAR)
"""Where nearness is a half: what a picture of average depth has."""


class Flat(Depth):
    """One distance for every pixel, `MIDDLE`: the camera moves before a plane."""

    name = "flat"

    def look(self, image: Tensor) -> Tensor:
        """See `Depth.look`."""
        return image.new_full((1, 1, *image.shape[-2:]), MIDDLE)
