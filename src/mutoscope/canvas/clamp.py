"""A clamp that lets what has left the range come back."""

from typing import Any

import torch
from torch import Tensor


class _Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x: Tensor = ctx.saved_tensors[0]
        # Descent goes against the gradient: one that points further out leads back in.
        return gradient * (gradient * (x - x.clamp(0, 1)) >= 0)


def clamp(x: Tensor) -> Tensor:
    """Clamp to [0, 1]; where a value is outside, only a gradient that leads it back in passes.

    Under the plain clamp a value that has once left the range gets no gradient and stays out;
    without one it wanders off. Inside, the gradient passes as it is.
    """
    clamped: Tensor = _Clamp.apply(x)  # type: ignore[no-untyped-call]
    return clamped
