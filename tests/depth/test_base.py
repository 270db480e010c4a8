"""The scale of distance."""

import pytest
import torch

from mutoscope.depth import FAR, NEAR
from mutoscope.depth.base import Depth, distance


def test_distance_is_the_inverse_of_what_is_linear_in_nearness() -> None:
    near = torch.linspace(0, 1, 11)
    inverse = 1 / distance(near)
    torch.testing.assert_close(inverse.diff(), torch.full((10,), (1 / NEAR - 1 / FAR) / 10))
    assert distance(near)[0].item() == pytest.approx(FAR)
    assert distance(near)[-1].item() == pytest.approx(NEAR)


def test_what_is_beyond_is_held_at_the_ends() -> None:
    held = distance(torch.tensor([-3.0, 7.0]))
    torch.testing.assert_close(held, torch.tensor([FAR, NEAR]))


def test_an_estimate_has_no_gradient() -> None:
    class Bright(Depth):
        def look(self, image: torch.Tensor) -> torch.Tensor:
            return distance(image.mean(1, keepdim=True))

    image = torch.rand(1, 3, 2, 2, requires_grad=True)
    assert not Bright().estimate(image).requires_grad
