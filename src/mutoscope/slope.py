"""The way back from a tensor whose gradient is known."""

from typing import Any

import torch
from torch import Tensor


def hand_back(tensor: Tensor, gradient: Tensor) -> None:
    """Let ``gradient``, of the shape of ``tensor``, flow back into what that came from.

    It is ``tensor.backward(gradient)``; but there PyTorch compares the two shapes by symbols, for
    which it loads SymPy: half a second of every process.
    """
    _Handed.apply(tensor, gradient).backward()  # type: ignore[no-untyped-call]


class _Handed(torch.autograd.Function):
    """A zero whose slope at a tensor is a given gradient, as it is."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, gradient: Tensor) -> Tensor:
        assert tensor.shape == gradient.shape  # noqa: S101 - nobody else looks at it
        ctx.gradient = gradient
        return tensor.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        return ctx.gradient, None
