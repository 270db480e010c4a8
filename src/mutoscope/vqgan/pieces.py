"""Part of a VQGAN worked through piece by piece, so that its memory stays the same for any size.

A convolution sees a few pixels around each, so a piece that sees as many beyond its edges makes
there what the whole would, and nothing has to be blended. A group norm is another matter: its mean
and deviation are those of the whole picture, and pieces with their own would differ where they
meet. So they are measured first: norm after norm, all pieces are worked through as far as that. On
the way back the same is done from the last norm to the first, for the two averages of the gradient
that a norm needs. What comes out, and its gradient, are those of the whole but for rounding.

Nothing is kept between the way forth and the way back but what came in and those few numbers; where
that is large, it lies in a file (see `spacious`) of which a piece is read at a time. Each
piece is worked through again when its gradient is asked for (Chen et al., *Training Deep Nets with
Sublinear Memory Cost*, 2016). That is paid for in time, several times that of the whole.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mutoscope.vqgan.layers import Convolution, Norm
from mutoscope.vqgan.measured import Measured, Reached, Rectangle, scaled
from mutoscope.vqgan.spacious import leave, lies_in_a_file, spacious

Place = tuple[EllipsisType, slice, slice]


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
    """A rectangle of the picture, ``own``, and what is seen around it.

    Where the picture is a ring, what is ``seen``, first and last rows and columns, goes on beyond
    its edges.
    """

    own: Rectangle
    seen: tuple[range, range]

    @property
    def core(self) -> Rectangle:
        """What is its own within what it sees."""
        down, across = (
            slice(own.start - seen.start, own.stop - seen.start)
            for own, seen in zip(self.own, self.seen, strict=True)
        )
        return down, across

    def of(self, x: Tensor) -> Tensor:
        """A copy of what it sees of ``x`` (1, c, h, w), channels last."""
        shape = (x.shape[0], x.shape[1], len(self.seen[0]), len(self.seen[1]))
        seen = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        for here, there in self._runs(x):
            seen[here] = x[there]
        return seen

    def add(self, x: Tensor, found: Tensor) -> None:
        """Add ``found``, of what it sees, to ``x`` (1, c, h, w) where that lies."""
        for here, there in self._runs(x):
            x[there] += found[here]

    def _runs(self, x: Tensor) -> Iterator[tuple[Place, Place]]:
        """Where in what is seen there is which part of ``x``: one, but for a ring's ends."""
        down, across = (
            _runs(seen, length) for seen, length in zip(self.seen, x.shape[2:], strict=True)
        )
        for (top, from_top), (left, from_left) in itertools.product(down, across):
            yield (..., top, left), (..., from_top, from_left)


def pieced(
    x: Tensor, part: Part, side: int, *, wrap: tuple[bool, bool], between: bool = False
) -> Tensor:
    """``part`` of ``x`` (1, c, h, w), made in pieces of ``side`` cells a side, with its gradient.

    Along axes (x, y) that ``wrap`` the picture is a ring. The gradient is to ``x`` alone. What
    comes out may lie in a file where it is only what lies ``between`` two parts.
    """
    job = _Job(part, side, wrap, (x.shape[-1], x.shape[-2]), between)
    return cast(Tensor, _Pieced.apply(x, job))  # type: ignore[no-untyped-call]


class _Job:
    """One passage: which pieces there are, and what their norms are given."""

    def __init__(
        self,
        part: Part,
        side: int,
        wrap: tuple[bool, bool],
        size: tuple[int, int],
        between: bool,
    ) -> None:
        self.part, self.size, self.between = part, size, between
        unit = max(1, round(1 / part.scale))
        lines = [
            _line(length, side, part.reach, ring, unit)
            for length, ring in zip(reversed(size), reversed(wrap), strict=True)
        ]
        self.pieces = [Piece((d[0], a[0]), (d[1], a[1])) for d, a in itertools.product(*lines)]
        self.norms = [m for layer in part.layers for m in layer.modules() if isinstance(m, Norm)]
        self.measured = Measured()

    def through(self, seen: Tensor, piece: Piece, *, tapped: Norm | None = None) -> Tensor:
        """What comes out of what a ``piece`` has ``seen``, core and border: (1, c, h', w')."""
        give = self.measured.giver(piece.core, seen.shape[2], tapped)
        with _given(self.part.layers, give):
            return self.part(seen)

    def made(self, piece: Piece) -> tuple[Rectangle, Rectangle]:
        """Where a piece's core lies in what comes out of it, and in the whole."""
        return scaled(piece.core, self.part.scale), scaled(piece.own, self.part.scale)

    def whole(self, like: Tensor) -> Tensor:
        """What all pieces together come to, still to be filled; channels as ``like``."""
        width, height = (round(side * self.part.scale) for side in self.size)
        shape = (1, like.shape[1], height, width)
        return spacious(shape, like) if self.between else like.new_empty(shape)

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
                    job.through(piece.of(x), piece)
                leave(x)
            job.measured.settle_moments(norm)
        whole: Tensor | None = None
        for piece in job.pieces:
            out = job.through(piece.of(x), piece)
            whole = job.whole(out) if whole is None else whole
            (y, x_), (down, across) = job.made(piece)
            whole[..., down, across] = out[..., y, x_]
            leave(x, whole)
        assert whole is not None  # noqa: S101 - a picture has pieces
        return whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,), job = ctx.saved_tensors, ctx.job
        for norm in reversed(job.norms):
            for piece in job.pieces:
                with torch.enable_grad():  # what comes before the tapped norm keeps no graph
                    out = job.through(piece.of(x), piece, tapped=norm)
                job.measured.pull(norm, out, job.given(piece, out, gradient))
                leave(x, gradient)
            job.measured.settle_pull(norm)
        gathered = spacious(x.shape, x) if lies_in_a_file(x) else torch.zeros_like(x)
        for piece in job.pieces:
            seen = piece.of(x).requires_grad_()
            with torch.enable_grad():
                out = job.through(seen, piece)
            (found,) = torch.autograd.grad(out, seen, job.given(piece, out, gradient))
            piece.add(gathered, found)
            leave(x, gradient, gathered)
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


def _line(length: int, side: int, reach: int, ring: bool, unit: int) -> list[tuple[slice, range]]:
    """What pieces make and see along one axis.

    All see ``reach`` on both sides, but for those at an end where the axis is no ``ring``.
    """
    count = math.ceil(length / side)
    edges = [round(number * length / count / unit) * unit for number in range(count + 1)]
    line = []
    for start, stop in itertools.pairwise(edges):
        first, last = start - reach, stop + reach
        seen = range(first, last) if ring else range(max(0, first), min(length, last))
        line.append((slice(start, stop), seen))
    return line


def _runs(seen: range, length: int) -> list[tuple[slice, slice]]:
    """Where in what is ``seen`` of a ring lies which stretch of it, from its start to its end."""
    runs, at = [], seen.start
    while at < seen.stop:
        start = at % length
        count = min(seen.stop - at, length - start)
        here = slice(at - seen.start, at - seen.start + count)
        runs.append((here, slice(start, start + count)))
        at += count
    return runs
