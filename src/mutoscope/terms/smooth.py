"""Smooth: the term against grain, or, with a negative weight, for it."""

from collections.abc import Iterator
from types import EllipsisType
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

Place = tuple[EllipsisType, slice, slice]
_PART = 2**18  # pixels that are worked on at a time


class Smooth(Weighted):
    """Few differences between neighbouring pixels: `total_variation` times a weight over time.

    Args:
        name: a label for the log.
        weight: may vary with time and be negative.
        tile: whether the picture repeats along x and along y, so that its ends are neighbours.
    """

    def __init__(
        self,
        name: str = "smoothing",
        *,
        weight: Number = ONE,
        tile: tuple[bool, bool] = (False, False),
    ) -> None:
        super().__init__(name, weight=weight)
        self.tile = tile

    def raw(self, look: Look) -> Tensor:
        """The total variation."""
        return total_variation(look.image, tile=self.tile)


def total_variation(image: Tensor, *, tile: tuple[bool, bool] = (False, False)) -> Tensor:
    """The mean of the squared differences to the right and lower neighbour, a scalar.

    The neighbour of the last column and row is, along an axis of ``tile`` (x, y), the first one.
    Else they are their own, so they count as 0 in the mean.
    """
    return cast(Tensor, _Variation.apply(image, tile)) / image.numel()  # type: ignore[no-untyped-call]


class _Variation(torch.autograd.Function):
    """The sum of squared differences; by hand, because PyTorch keeps and makes six pictures."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, tile: tuple[bool, bool]) -> Tensor:
        ctx.save_for_backward(image)
        ctx.tile = tile
        sums = [steps.square_().sum() for *_, steps in _differences(image, tile)]
        return torch.stack(sums).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (image,) = ctx.saved_tensors
        found = torch.zeros_like(image)
        for here, there, steps in _differences(image, ctx.tile):
            steps.mul_(2 * gradient)
            found[there].add_(steps)
            found[here].sub_(steps)
        return found, None


def _differences(image: Tensor, tile: tuple[bool, bool]) -> Iterator[tuple[Place, Place, Tensor]]:
    """Where pixels are, where their neighbours, and what those are more; some rows at a time."""
    height, width = image.shape[-2:]
    many = max(1, _PART // width) if image.device.type == "cpu" else height
    every = slice(None)
    places: list[tuple[Place, Place]] = []
    for top in range(0, height, many):
        rows, last = slice(top, top + many), min(top + many, height - 1)
        places.append(((..., rows, slice(0, -1)), (..., rows, slice(1, None))))
        places.append(((..., slice(top, last), every), (..., slice(top + 1, last + 1), every)))
    if tile[0]:
        places.append(((..., every, slice(-1, None)), (..., every, slice(0, 1))))
    if tile[1]:
        places.append(((..., slice(-1, None), every), (..., slice(0, 1), every)))
    for here, there in places:
        yield here, there, image[there] - image[here]
