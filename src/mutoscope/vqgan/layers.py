"""The layers that a VQGAN's two networks are made of, which can also tile.

Without a gradient each computes what the published one does, to the last bit on the same machine.
Where a gradient goes through weights that have none, it is made as in `frozen`: equal but for
rounding, faster, and with less kept.

``wrap`` says along which axes (x, y) a convolution takes the picture for a ring: what lies beyond
one edge is then what lies inside the other, not zeros, and the picture's edges fit each other.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

from mutoscope.vqgan.frozen import convolve, enlarge, normalise

GROUPS = 32
EPSILON = 1e-6
_MANY = 4096  # cells whose attention is no longer written out: 64 MiB


class Convolution(nn.Conv2d):
    """A convolution that keeps the size, or halves it with stride 2, and may wrap around.

    With stride 2 it pads right and below only, as the published downsampling does.
    """

    def __init__(self, channels: int, out: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(channels, out, kernel, stride)
        self.wrap = (False, False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x`` (b, channels, h, w) to (b, out, h / stride, w / stride)."""
        stride, reach = self.stride[0], self.kernel_size[0] // 2
        # Zeros on both sides are the convolution's own affair, and cost no copy.
        padding = [0 if wraps or stride > 1 else reach for wraps in reversed(self.wrap)]
        if stride > 1:
            x = pad(x, (0, reach), wrap=self.wrap)
        elif reach:
            x = _round(x, (reach, reach), wrap=self.wrap)
        if passes(x, self.weight):
            return convolve(x, self.weight, self.bias, stride=stride, padding=padding)
        weight: Tensor = self.weight
        if x.is_contiguous():  # else PyTorch would go over to the weight's layout from here on
            weight = weight.clone(memory_format=torch.contiguous_format)
        return F.conv2d(x, weight, self.bias, stride=stride, padding=padding)


class DoublingConvolution(Convolution):
    """Every pixel four times, and a 3 × 3 convolution over them."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, channels, h, w) to (b, channels, 2 h, 2 w)."""
        if passes(x, self.weight):
            x = pad(x, (1, 1), wrap=self.wrap)
            return enlarge(x, self.weight, self.bias)
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))


class Norm(nn.GroupNorm):
    """A group norm of 32 groups (Wu and He, 2018).

    ``given``, where there is one, normalises in its place: by statistics from elsewhere.
    """

    active = False

    def __init__(self, channels: int) -> None:
        super().__init__(GROUPS, channels, eps=EPSILON)
        self.given: Callable[[Norm, Tensor], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` (b, c, h, w)."""
        if self.given is not None:
            return self.given(self, x)
        if passes(x, self.weight):
            return normalise(
                *(x, self.weight, self.bias),
                groups=self.num_groups,
                epsilon=self.eps,
                active=self.active,
            )
        x = super().forward(x)
        if not self.active:
            return x
        return F.silu(x) if learns(x) else x * torch.sigmoid(x)


class ActiveNorm(Norm):
    """The group norm with swish, x·sigmoid(x), behind it."""

    active = True


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """What every cell sees of all others: three times (b, c, h, w) to one."""
    parts = (q.flatten(2), k.flatten(2), v.flatten(2))  # (b, c, h · w)
    if learns(q) or q[0, 0].numel() > _MANY:
        q_, k_, v_ = (part.transpose(1, 2)[:, None] for part in parts)  # (b, 1, h · w, c)
        if q[0, 0].numel() > _MANY:
            # Where channels don't lie last, torch writes out what every cell sees of every other.
            q_, k_, v_ = q_.contiguous(), k_.contiguous(), v_.contiguous()
        seen = F.scaled_dot_product_attention(q_, k_, v_)[:, 0].transpose(1, 2)
    else:
        queries, keys, values = parts
        scores = torch.bmm(queries.transpose(1, 2), keys) * q.shape[1] ** -0.5
        seen = torch.bmm(values, scores.softmax(dim=2).transpose(1, 2))
    return seen.reshape(q.shape)


def learns(x: Tensor) -> bool:
    """Whether a gradient is wanted that goes through ``x``."""
    return torch.is_grad_enabled() and x.requires_grad


def passes(x: Tensor, weight: Tensor) -> bool:
    """Whether a gradient goes to ``x`` and none to ``weight``."""
    return learns(x) and not weight.requires_grad


def pad(x: Tensor, border: tuple[int, int], *, wrap: tuple[bool, bool]) -> Tensor:
    """``x`` with ``border`` (before, after) pixels more on both axes: zeros, or the other edge."""
    across, down = ((0, 0) if wraps else border for wraps in wrap)
    return F.pad(_round(x, border, wrap=wrap), (*across, *down))


def _round(x: Tensor, border: tuple[int, int], *, wrap: tuple[bool, bool]) -> Tensor:
    """``x`` with ``border`` pixels more along the axes that wrap."""
    before, after = border
    for axis, wraps in ((3, wrap[0]), (2, wrap[1])):
        if wraps:
            side = x.shape[axis]
            x = torch.cat(
                [x.narrow(axis, side - before, before), x, x.narrow(axis, 0, after)], axis
            )
    return x
