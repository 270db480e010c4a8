"""Part of a VQGAN worked through piece by piece, so that its memory stays the same for any size.

A convolution sees a few pixels around each, so a piece that sees as many beyond its edges makes
there what the whole would, and nothing has to be blended. A group norm is another matter: its mean
and deviation are those of the whole picture, and pieces with their own would differ where they
meet. So they are measured first: norm after norm, all pieces are worked through as far as that. On
the way back the same is done from the last norm to the first, for the two averages of the gradient
that a norm needs. What comes out, and its gradient, are those of the whole but for rounding.

Nothing is kept between the way forth and the way back but what came in and those few numbers: each
piece is worked through again when its gradient is asked for (Chen et al., *Training Deep Nets with
Sublinear Memory Cost*, 2016). That is paid for in time, several times that of the whole.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mutoscope.vqgan.layers import Convolution, Norm
from mutoscope.vqgan.measured import Measured, Reached, Rectangle, scaled


@dataclass(frozen=True)
class Part:
    """Consecutive layers of a network that only see what is near.

    Attributes:
        layers: in their order; none of them attends.
        reach: how far beyond itself a cell of what goes in is seen by what comes out of it.
        scale: how many cells come out for one that goes in, along a side; below 1 where it shrinks.
    """

    layers: Sequence[nn.Module]
    reach: int
    scale: float

    def __call__(self, x: Tensor) -> Tensor:
        """Work ``x`` (b, c, h, w) through."""
        for layer in self.layers:
            x = layer(x)
        return x


@dataclass(frozen=True)
class Piece:
    """What a piece sees of the picture, and which rectangle within that it makes."""

    seen: Rectangle
    core: Rectangle

    def of(self, x: Tensor) -> Tensor:
        """What it sees of ``x`` (1, c, h, w)."""
        return x[..., self.seen[0], self.seen[1]]


def pieced(x: Tensor, part: Part, side: int, *, wrap: tuple[bool, bool]) -> Tensor:
    """``part`` of ``x`` (1, c, h, w), made in pieces of ``side`` cells a side, with its gradient.

    Along axes (x, y) that ``wrap`` the picture is a ring. The gradient is to ``x`` alone.
    """
    # What lies beyond the seam is laid around the whole, once; within, nothing wraps any more.
    around = (part.reach if wrap[0] else 0, part.reach if wrap[1] else 0)
    ringed = x
    for axis, ring in ((3, around[0]), (2, around[1])):
        if ring:
            length = x.shape[axis]
            places = torch.arange(-ring, length + ring, device=x.device).remainder(length)
            ringed = ringed.index_select(axis, places)
    job = _Job(part, side, around, (x.shape[-1], x.shape[-2]))
    return cast(Tensor, _Pieced.apply(ringed, job))  # type: ignore[no-untyped-call]


class _Job:
    """One passage: which pieces there are, and what their norms are given."""

    def __init__(
        self, part: Part, side: int, around: tuple[int, int], size: tuple[int, int]
    ) -> None:
        self.part = part
        unit = max(1, round(1 / part.scale))
        lines = [
            _line(length, side, part.reach, ring, unit)
            for length, ring in zip(reversed(size), reversed(around), strict=True)
        ]
        self.pieces = [Piece((d[0], a[0]), (d[1], a[1])) for d, a in itertools.product(*lines)]
        self.origin = around[1], around[0]  # down, across
        self.size = size
        self.norms = [m for layer in part.layers for m in layer.modules() if isinstance(m, Norm)]
        self.measured = Measured()

    def through(self, x: Tensor, piece: Piece, *, tapped: Norm | None = None) -> Tensor:
        """What comes out of what ``piece`` sees of ``x``, core and border: (1, c, h', w')."""
        seen = piece.of(x)
        give = self.measured.giver(piece.core, seen.shape[2], tapped)
        with _given(self.part.layers, give):
            return self.part(seen)

    def made(self, piece: Piece) -> tuple[Rectangle, Rectangle]:
        """Where a piece's core lies in what comes out of it, and in the whole."""
        down, across = (
            _shifted(core, seen.start - origin)
            for core, seen, origin in zip(piece.core, piece.seen, self.origin, strict=True)
        )
        return scaled(piece.core, self.part.scale), scaled((down, across), self.part.scale)

    def given(self, piece: Piece, out: Tensor, gradient: Tensor) -> Tensor:
        """The ``gradient`` to the whole as one to ``out`` of a piece: that of its core."""
        (y, x), (down, across) = self.made(piece)
        given = torch.zeros_like(out)
        given[..., y, x] = gradient[..., down, across]
        return given


class _Pieced(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, job: _Job) -> Tensor:
        ctx.save_for_backward(x)
        ctx.job = job
        for norm in job.norms:
            for piece in job.pieces:
                with suppress(Reached):
                    job.through(x, piece)
            job.measured.settle_moments(norm)
        whole: Tensor | None = None
        for piece in job.pieces:
            out = job.through(x, piece)
            if whole is None:
                width, height = (round(side * job.part.scale) for side in job.size)
                whole = out.new_empty(1, out.shape[1], height, width)
            (y, x_), (down, across) = job.made(piece)
            whole[..., down, across] = out[..., y, x_]
        assert whole is not None  # noqa: S101 - a picture has pieces
        return whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,), job = ctx.saved_tensors, ctx.job
        for norm in reversed(job.norms):
            for piece in job.pieces:
                with torch.enable_grad():  # what comes before the tapped norm keeps no graph
                    out = job.through(x.detach(), piece, tapped=norm)
                job.measured.pull(norm, out, job.given(piece, out, gradient))
            job.measured.settle_pull(norm)
        gathered = torch.zeros_like(x)
        for piece in job.pieces:
            seen = piece.of(x).detach().requires_grad_()
            whole = Piece((slice(None), slice(None)), piece.core)
            with torch.enable_grad():
                out = job.through(seen, whole)
            (found,) = torch.autograd.grad(out, seen, job.given(piece, out, gradient))
            piece.of(gathered).add_(found)
        return gathered, None


@contextmanager
def _given(layers: Sequence[nn.Module], give: Callable[[Norm, Tensor], Tensor]) -> Iterator[None]:
    """While it lasts, norms are given their statistics and nothing wraps around."""
    modules = [module for layer in layers for module in layer.modules()]
    norms = [module for module in modules if isinstance(module, Norm)]
    wraps = [(m, m.wrap) for m in modules if isinstance(m, Convolution)]
    try:
        for norm in norms:
            norm.given = give
        for convolution, _ in wraps:
            convolution.wrap = (False, False)
        yield
    finally:
        for norm in norms:
            norm.given = None
        for convolution, wrap in wraps:
            convolution.wrap = wrap


def _line(length: int, side: int, reach: int, ring: int, unit: int) -> list[tuple[slice, slice]]:
    """What pieces see and make along one axis: seen, and made within that.

    All but those at an end see ``reach`` on both sides; where the axis is a ring, ``ring`` cells
    more lie before and behind it.
    """
    count = math.ceil(length / side)
    edges = [round(number * length / count / unit) * unit for number in range(count + 1)]
    line = []
    for start, stop in itertools.pairwise(edges):
        seen = slice(max(0, start + ring - reach), min(length + 2 * ring, stop + ring + reach))
        line.append((seen, slice(start + ring - seen.start, stop + ring - seen.start)))
    return line


def _shifted(line: slice, by: int) -> slice:
    return slice(line.start + by, line.stop + by)
