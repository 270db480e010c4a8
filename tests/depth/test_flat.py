"""One distance for all."""

import torch

from mutoscope.depth.base import distance
from mutoscope.depth.flat import Flat


def test_everything_is_as_far_as_what_is_half_near() -> None:
    image = torch.rand(1, 3, 5, 7)
    far = Flat().estimate(image)
    assert far.shape == (1, 1, 5, 7)
    torch.testing.assert_close(far, distance(torch.full((1, 1, 5, 7), 0.5)))
