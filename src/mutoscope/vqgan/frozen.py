"""Convolution, norm and enlargement for weights that stay as they are.

A picture is optimised through a decoder that does not change, so only the gradient to what comes
in is wanted. PyTorch keeps for every layer also what the weights' gradients would need. These
three keep what is indispensable, a norm its input and the others nothing: a quarter of the memory.
The enlargement saves work as well.

Inside, pictures are channels last, so that a pixel is a row of numbers: (b, h · w, c).
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor
from torch.autograd.function import once_differentiable

_CACHED = 2**17  # numbers that are worked on at a time: half a megabyte
_LAST = torch.channels_last


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int, padding: list[int]
) -> Tensor:
    """``conv2d`` of ``x`` (b, c, h, w), with a gradient to ``x`` alone."""
    return cast(Tensor, _Convolve.apply(x, weight, bias, stride, padding))  # type: ignore[no-untyped-call]


def enlarge(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Every pixel four times and a 3 × 3 convolution over them, in 4/9 of the multiplications.

    Of the nine weights those fall together that meet the same pixel, which leaves 2 × 2 for each
    of the four places that a new pixel can have within an old one: Shi et al., *Is the
    deconvolution layer the same as a convolutional layer?* (2016). ``x`` (b, c, h + 2, w + 2) is
    padded already; the result is (b, c, 2 h, 2 w), with a gradient to ``x`` alone.
    """
    return cast(Tensor, _Enlarge.apply(x, weight, bias))  # type: ignore[no-untyped-call]


def normalise(
    x: Tensor, weight: Tensor, bias: Tensor, *, groups: int, epsilon: float, active: bool
) -> Tensor:
    """Group norm of ``x`` (b, c, h, w), with swish behind it where ``active``.

    PyTorch's own for channels last takes as long on a CPU, and adds up all pixels one after the
    other, by which large pictures lose a digit. The gradient is to ``x`` alone.
    """
    return cast(Tensor, _Normalise.apply(x, weight, bias, groups, epsilon, active))  # type: ignore[no-untyped-call]


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: list[int]
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.stride, ctx.padding = x.shape, stride, padding
        return F.conv2d(x, weight, bias, stride=stride, padding=padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        (weight,) = ctx.saved_tensors
        strides = [ctx.stride, ctx.stride]
        return _to_input(gradient, ctx.shape, weight, strides, ctx.padding), None, None, None, None


def _to_input(
    gradient: Tensor, shape: torch.Size, weight: Tensor, stride: list[int], padding: list[int]
) -> Tensor:
    """The gradient to a convolution's input of ``shape``, from that to its output."""
    # Only its shape and layout are looked at: memory that nobody touches costs nothing.
    x = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=_LAST)
    gradient = gradient.contiguous(memory_format=_LAST)
    to_x: Tensor
    to_x, _, _ = torch.ops.aten.convolution_backward(
        *(gradient, x, weight, None, stride, padding, [1, 1], False, [0, 0], 1),
        output_mask=[True, False, False],
    )
    return to_x


class _Enlarge(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        b, c, h, w = x.shape[0], weight.shape[0], x.shape[2] - 2, x.shape[3] - 2
        four = _four(weight)
        ctx.save_for_backward(four)
        ctx.shape = x.shape
        found = F.conv2d(x, four, None if bias is None else bias.repeat(4)).contiguous(
            memory_format=_LAST
        )
        places = found.permute(0, 2, 3, 1).view(b, h + 1, w + 1, 4, c)
        out = x.new_empty(b, h, 2, w, 2, c)
        for place, (down, across) in enumerate(_PLACES):
            out[:, :, down, :, across] = places[:, down : down + h, across : across + w, place]
        return out.view(b, 2 * h, 2 * w, c).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (four,) = ctx.saved_tensors
        b, c, h, w = gradient.shape[0], gradient.shape[1], *(s // 2 for s in gradient.shape[2:])
        gradient = gradient.contiguous(memory_format=_LAST).permute(0, 2, 3, 1)
        gradient = gradient.view(b, h, 2, w, 2, c)
        places = gradient.new_zeros(b, h + 1, w + 1, 4, c)
        for place, (down, across) in enumerate(_PLACES):
            places[:, down : down + h, across : across + w, place] = gradient[:, :, down, :, across]
        found = places.view(b, h + 1, w + 1, 4 * c).permute(0, 3, 1, 2)
        return _to_input(found, ctx.shape, four, [1, 1], [0, 0]), None, None


_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))  # of a new pixel in an old one: down, across


def _four(weight: Tensor) -> Tensor:
    """The four small convolutions that (c, c, 3, 3) is after doubling: (4 · c, c, 2, 2)."""
    rows = [_pairs(weight, 2, down) for down in (0, 1)]
    small = [_pairs(rows[down], 3, across) for down, across in _PLACES]
    return torch.cat(small).contiguous(memory_format=_LAST)


def _pairs(weight: Tensor, axis: int, place: int) -> Tensor:
    """Three weights along ``axis`` as two: the first pixel has one of them or the first two."""
    first, second, third = torch.split(weight, 1, dim=axis)
    pair = (first + second, third) if place else (first, second + third)
    return torch.cat(pair, dim=axis)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, epsilon: float, active: bool
    ) -> Tensor:
        x = x.contiguous(memory_format=_LAST)
        mean, inverse = _moments(x, groups, epsilon)  # (b, groups)
        ctx.save_for_backward(x, weight, bias, mean, inverse)
        ctx.active = active
        centre, scale = per_channel(mean, inverse, weight)
        y = torch.empty_like(x)
        for i, old, new in parts(x, y):
            torch.sub(old, centre[i], out=new)
            torch.addcmul(bias, new, scale[i], out=new)
            if active:
                F.silu(new, inplace=True)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        x, weight, bias, mean, inverse = ctx.saved_tensors
        centre, scale = per_channel(mean, inverse, weight)
        gradient = gradient.contiguous(memory_format=_LAST)
        inner = torch.empty_like(x)  # first the gradient to what swish was given
        sums = x.new_zeros(2, *centre.shape)  # of that, and of that times x - mean: (2, b, c)
        for i, old, given, new in parts(x, gradient, inner):
            away = old - centre[i]
            if ctx.active:
                torch.ops.aten.silu_backward.grad_input(
                    given, torch.addcmul(bias, away, scale[i]), grad_input=new
                )
            else:
                new.copy_(given)
            sums[0, i] += new.sum(dim=0)
            sums[1, i] += away.mul_(new).sum(dim=0)
        # The gradients that go through the group's mean and deviation: linear in x.
        b, groups = mean.shape
        count = x.numel() / (b * groups)
        flat, tilt = (sums * weight).view(2, b, groups, -1).sum(dim=-1) / count  # (b, groups)
        slope = -tilt * inverse**3
        offset = -flat * inverse - slope * mean
        slope, offset = (spread(t, len(weight)) for t in (slope, offset))
        for i, old, new in parts(x, inner):
            torch.addcmul(torch.addcmul(offset[i], old, slope[i]), new, scale[i], out=new)
        return inner, None, None, None, None, None


def _moments(x: Tensor, groups: int, epsilon: float) -> tuple[Tensor, Tensor]:
    """Mean and inverse deviation of every group: (b, groups) each.

    Part by part, then joined: Chan, Golub and LeVeque, *Updating formulae and a pairwise algorithm
    for computing sample variances* (1979).
    """
    b, c = x.shape[:2]
    counts, means, squares = [], [], []
    for _, part in parts(x):
        mean = part.mean(dim=0)
        counts.append(len(part))
        means.append(mean)
        squares.append((part - mean).square_().sum(dim=0))
    shape = (b, -1, groups, c // groups)
    # Parts of one length need no copy to the device, which would wait for all that is queued.
    if len(set(counts)) == 1:
        count = torch.full((len(counts),), counts[0], device=x.device).view(b, -1, 1, 1)
    else:
        count = torch.tensor(counts, device=x.device).view(b, -1, 1, 1)
    means_, squares_ = (torch.stack(t).view(shape) for t in (means, squares))
    total = count[0].sum() * (c // groups)
    mean = (count * means_).sum(dim=(1, 3)) / total
    apart = count * (means_ - mean[:, None, :, None]).square()
    variance = (squares_ + apart).sum(dim=(1, 3)) / total
    return mean, (variance + epsilon).rsqrt()


def per_channel(mean: Tensor, inverse: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """What is taken from a channel and what it is multiplied by: (b, c) each."""
    return spread(mean, len(weight)), spread(inverse, len(weight)) * weight


def spread(of_groups: Tensor, channels: int) -> Tensor:
    """Values of groups (b, groups) as those of their channels (b, c)."""
    return of_groups.repeat_interleave(channels // of_groups.shape[1], dim=1)


def parts(*pictures: Tensor) -> Iterator[tuple[Any, ...]]:
    """The number in the batch, and of each picture the same m pixels (m, c): a cache's worth.

    Elsewhere than on a CPU it is all pixels, for there every part costs the wait for a launch.
    """
    rows = [picture.permute(0, 2, 3, 1).flatten(1, 2) for picture in pictures]  # (b, h · w, c)
    b, count, c = rows[0].shape
    most = max(1, _CACHED // c) if rows[0].device.type == "cpu" else count
    for i in range(b):
        for parts in zip(*(torch.split(r[i], most) for r in rows), strict=True):
            yield i, *parts
