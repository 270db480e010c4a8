"""The filter [1, 3, 3, 1] over features, and every other pixel of it, twice differentiable.

The transpose of each operation is known, so that is its derivative: the filter is its own mirror
image, and the transpose of "filter and take every other pixel" is "put zeros between and filter".
PyTorch's own second derivative of a convolution by channels goes channel by channel.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_TAPS = (1.0, 3.0, 3.0, 1.0)


def blur(x: Tensor, *, before: int, after: int, gain: float = 1.0) -> Tensor:
    """[1, 3, 3, 1]/8 along both sides of ``(n, c, h, w)``, zeros around it.

    Args:
        x: Features.
        before: Zeros at the left and the top, 0 to 3.
        after: Zeros at the right and the bottom, 0 to 3; a side grows by ``before + after - 3``.
        gain: The sum of the filter.
    """
    blurred: Tensor = _Blur.apply(x, before, after, gain)  # type: ignore[no-untyped-call]
    return blurred


def halve(x: Tensor) -> Tensor:
    """``(n, c, 2h, 2w)`` to ``(n, c, h, w)``, filtered with [1, 3, 3, 1], centred."""
    halved: Tensor = _Halve.apply(x)  # type: ignore[no-untyped-call]
    return halved


def _kernel(x: Tensor, gain: float) -> Tensor:
    """The filter for each channel, ``(c, 1, 4, 4)``."""
    taps = torch.tensor(_TAPS, dtype=x.dtype, device=x.device) / sum(_TAPS)
    return (torch.outer(taps, taps) * gain).expand(x.shape[1], 1, 4, 4)


class _Blur(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, before: int, after: int, gain: float) -> Tensor:
        ctx.places = before, after, gain
        if before != after:
            x, before = functional.pad(x, (before, after, before, after)), 0
        return functional.conv2d(x, _kernel(x, gain), padding=before, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        before, after, gain = ctx.places
        return _Blur.apply(slopes[0], 3 - before, 3 - after, gain), None, None, None  # type: ignore[no-untyped-call]


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return functional.conv2d(x, _kernel(x, 1.0), padding=1, stride=2, groups=x.shape[1])

    @staticmethod
    def backward(_ctx: Any, *slopes: Any) -> Any:
        return _Spread.apply(slopes[0])  # type: ignore[no-untyped-call]


class _Spread(torch.autograd.Function):
    """The transpose of `_Halve`."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return functional.conv_transpose2d(
            x, _kernel(x, 1.0), padding=1, stride=2, groups=x.shape[1]
        )

    @staticmethod
    def backward(_ctx: Any, *slopes: Any) -> Any:
        return _Halve.apply(slopes[0])  # type: ignore[no-untyped-call]
