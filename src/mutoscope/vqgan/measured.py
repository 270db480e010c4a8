"""Group norms whose statistics come from elsewhere than from what they normalise.

Of a picture that is worked through in pieces, no piece knows the mean and the deviation of the
whole, nor, on the way back, the averages of the whole gradient. Here they are gathered from one
piece after the other; see `pieces`.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor
from torch.autograd.function import once_differentiable

from mutoscope.vqgan.frozen import parts, per_channel, spread
from mutoscope.vqgan.layers import Norm

Rectangle = tuple[slice, slice]
"""Rows and columns."""

Pair = tuple[Tensor, Tensor]


class Reached(Exception):  # noqa: N818 - nothing is wrong
    """A piece has come to the norm that is being measured, and need go no further."""


class Measured:
    """What the norms of one passage need, as far as it is known.

    Pairs of (1, groups) for each norm: ``moments``, the mean and inverse deviation; ``pulls``, the
    averages, over a group, of the gradient times the norm's weight and of that times what lies off
    the mean.

    """

    def __init__(self) -> None:
        self.moments: dict[Norm, Pair] = {}
        self.pulls: dict[Norm, Pair] = {}
        self._areas: dict[Norm, int] = {}  # pixels that all cores have at a norm
        self._seen: list[tuple[Tensor, Tensor, int]] = []  # mean, variance and pixels of cores
        self._sums: Tensor | None = None  # (2, c)
        self._tap: tuple[Tensor, Tensor] | None = None

    def giver(
        self, core: Rectangle, height: int, tapped: Norm | None
    ) -> Callable[[Norm, Tensor], Tensor]:
        """What normalises a piece of ``height`` cells, of which only ``core`` is its own.

        The first norm whose moments are unknown measures them there and raises `Reached`. From
        ``tapped`` on there is a graph.
        """

        def give(norm: Norm, x: Tensor) -> Tensor:
            # Other layers have more pixels for a cell, or fewer.
            here = scaled(core, x.shape[2] / height)
            if norm not in self.moments:
                self._measure(x[0, :, here[0], here[1]], norm.num_groups)
                raise Reached
            y = cast(
                Tensor,
                _NormaliseBy.apply(  # type: ignore[no-untyped-call]
                    *(x, norm.weight, norm.bias, *self.moments[norm]),
                    *(norm.active, here, self.pulls.get(norm)),
                ),
            )
            if norm is tapped:
                y = y.detach().requires_grad_()
                self._tap = x, y
            return y

        return give

    def settle_moments(self, norm: Norm) -> None:
        """All pieces have been measured at ``norm``.

        Joined as by Chan, Golub and LeVeque, *Updating formulae and a pairwise algorithm for
        computing sample variances* (1979).
        """
        means, variances, areas = zip(*self._seen, strict=True)
        self._areas[norm] = sum(areas)
        share = means[0].new_tensor(areas).div_(sum(areas))[:, None]
        mean = (share * torch.stack(means)).sum(0)
        apart = (torch.stack(means) - mean).square()
        variance = (share * (torch.stack(variances) + apart)).sum(0)
        self.moments[norm] = mean[None], (variance + norm.eps).rsqrt()[None]
        self._seen = []

    def pull(self, norm: Norm, out: Tensor, gradient: Tensor) -> None:
        """Count what a piece's ``gradient`` to ``out`` is at the tapped ``norm``."""
        assert self._tap is not None  # noqa: S101 - it lies within what was worked through
        (x, y), self._tap = self._tap, None
        (found,) = torch.autograd.grad(out, y, gradient)
        _, sums = _inner(x, found, norm.weight, norm.bias, *self.moments[norm], norm.active)
        self._sums = sums if self._sums is None else self._sums + sums

    def settle_pull(self, norm: Norm) -> None:
        """All pieces have been counted at ``norm``."""
        assert self._sums is not None  # noqa: S101 - there are pieces
        count = self._areas[norm] * (len(norm.weight) // norm.num_groups)
        weighted = (self._sums * norm.weight).view(2, 1, norm.num_groups, -1)
        flat, tilt = weighted.sum(dim=-1) / count
        self.pulls[norm], self._sums = (flat, tilt), None

    def _measure(self, core: Tensor, groups: int) -> None:
        """Count the ``core`` (c, h, w) of a piece."""
        variance, mean = torch.var_mean(core.reshape(groups, -1), dim=1, correction=0)
        self._seen.append((mean, variance, core.shape[1] * core.shape[2]))


class _NormaliseBy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, inverse: Tensor,
        active: bool, core: Rectangle, pull: Pair | None,
    ) -> Tensor:  # fmt: skip
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, weight, bias, mean, inverse)
        ctx.active, ctx.core, ctx.pull = active, core, pull
        centre, scale = (t[0] for t in per_channel(mean, inverse, weight))
        y = torch.empty_like(x)
        for _, old, new in parts(x, y):
            torch.sub(old, centre, out=new)
            torch.addcmul(bias, new, scale, out=new)
            if active:
                F.silu(new, inplace=True)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, mean, inverse = ctx.saved_tensors
        inner, _ = _inner(x, gradient, weight, bias, mean, inverse, ctx.active)
        assert ctx.pull is not None  # noqa: S101 - norms are settled from the last to the first
        flat, tilt = ctx.pull
        slope = -tilt * inverse**3
        offset = -flat * inverse - slope * mean
        slope, offset = (spread(t, len(weight)).view(-1, 1, 1) for t in (slope, offset))
        down, across = ctx.core
        # What the mean and the deviation pass on goes to each pixel of the picture once.
        own = inner[0, :, down, across]
        own.add_(offset).addcmul_(x[0, :, down, across], slope)
        return inner, None, None, None, None, None, None, None


def _inner(
    x: Tensor, gradient: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, inverse: Tensor,
    active: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The gradient to ``x`` (1, c, h, w) were mean and deviation constants; and two sums, (2, c).

    They are, over the pixels, those of the gradient to what swish was given, and of that times
    x - mean. Pixels beyond a piece's core count too, for their gradient comes from its core.
    """
    centre, scale = (t[0] for t in per_channel(mean, inverse, weight))
    x = x.contiguous(memory_format=torch.channels_last)
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    inner = torch.empty_like(x)
    sums = x.new_zeros(2, len(weight))
    for _, old, given, new in parts(x, gradient, inner):
        away = old - centre
        if active:
            torch.ops.aten.silu_backward.grad_input(
                given, torch.addcmul(bias, away, scale), grad_input=new
            )
        else:
            new.copy_(given)
        sums[0] += new.sum(dim=0)
        sums[1] += away.mul_(new).sum(dim=0)
        new.mul_(scale)
    return inner, sums


def scaled(rectangle: Rectangle, scale: float) -> Rectangle:
    """A rectangle where there are ``scale`` times as many pixels along a side."""
    down, across = (slice(round(s.start * scale), round(s.stop * scale)) for s in rectangle)
    return down, across
