"""Edges: the term that keeps a picture's outlines where another one has them."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from mutoscope.terms.hold import Hold

LUMA = (0.2989, 0.587, 0.114)


class HoldEdges(Hold):
    """Near ``target`` in its edges: the mean squared difference of `edges`; see `Hold`."""

    def see(self, image: Tensor) -> Tensor:
        """See `edges`."""
        return edges(image)


def edges(image: Tensor) -> Tensor:
    """How brightness changes to the right and downward: (1, 3, H, W) to (1, 2, H, W), per pixel.

    Sobel and Feldman's 3 × 3 operator, an eighth of it, so that a ramp of 1 a pixel gives 1. The
    picture goes on beyond its edge as it ends, so that the frame is no edge (PyTTI has black
    there).
    """
    luma = image.new_tensor(LUMA).view(1, 3, 1, 1)
    grey = pad((image * luma).sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    return conv2d(grey, torch.stack([across, across.T]).unsqueeze(1))
