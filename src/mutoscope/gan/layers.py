"""The layers that both networks are made of: equalised weights and aligned resampling.

Weights are drawn from N(0, 1) and scaled by 1/√fan-in each time they are used, so that Adam, whose
steps do not depend on a gradient's size, moves every layer at the same relative rate (Karras et
al., *Progressive Growing of GANs*, 2018, section 4.1). The activation is a leaky ReLU of slope 0.2
times √2, which keeps the variance. As it is homogeneous, the √2 is put into weights and biases
rather than into a pass of its own over the features.

Resampling by two uses the filter [1, 3, 3, 1] and is centred: pixel i of the small image covers
pixels 2i and 2i + 1 of the large one, in every path, so that what is summed lies on top of each
other.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from mutoscope.gan.resample import blur, halve

GAIN = math.sqrt(2)
SLOPE = 0.2


def normal(*sizes: int, rng: torch.Generator | None, scale: float = 1.0) -> nn.Parameter:
    """A parameter from N(0, scale²); all zero, to be filled from a file, where ``rng`` is None."""
    if rng is None:
        return nn.Parameter(torch.zeros(sizes))
    return nn.Parameter(torch.randn(sizes, generator=rng, device=rng.device) * scale)


def last(x: Tensor) -> Tensor:
    """``x`` with its channels last in memory, as what follows keeps them: a sixth faster here."""
    return x.contiguous(memory_format=torch.channels_last)


def leaky(x: Tensor) -> Tensor:
    """The leaky ReLU of the networks, without its gain; see the module's first lines."""
    return functional.leaky_relu(x, SLOPE)


class Linear(nn.Module):
    """A dense layer with an equalised learning rate.

    Args:
        inputs: Length of what comes in.
        outputs: Length of what goes out.
        rng: Where the weights are drawn from.
        rate: Learning rate of this layer as a multiple of that of the others.
        bias: What the bias is at first.
        gain: Factor on the result, √2 before an activation.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rng: torch.Generator | None,
        *,
        rate: float = 1.0,
        bias: float = 0.0,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = normal(outputs, inputs, rng=rng, scale=1 / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self._scale = gain * rate / math.sqrt(inputs)
        self._bias_scale = gain * rate

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs)`` to ``(n, outputs)``."""
        return functional.linear(x, self.weight * self._scale, self.bias * self._bias_scale)


class Conv(nn.Module):
    """A convolution with an equalised learning rate that keeps the size or halves it.

    Args:
        inputs: Channels of what comes in.
        outputs: Channels of what goes out.
        kernel: Side of the kernel, odd.
        rng: Where the weights are drawn from.
        halve: Whether to filter and take every other pixel.
        gain: Factor on the result, √2 before an activation.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        rng: torch.Generator | None,
        *,
        halve: bool = False,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = normal(outputs, inputs, kernel, kernel, rng=rng)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.halve = halve
        self._gain = gain
        self._scale = gain / (kernel * math.sqrt(inputs))

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs, h, w)`` to ``(n, outputs, h, w)``, or half of each side."""
        weight, bias = self.weight * self._scale, self.bias * self._gain
        kernel = weight.shape[-1]
        if not self.halve:
            return functional.conv2d(x, weight, bias, padding=kernel // 2)
        if kernel == 1:
            return functional.conv2d(halve(x), weight, bias)
        # The strided kernel reaches over pixels 2k … 2k + 2 of the blurred image, which is one
        # wider than x and half a pixel to the left: its centre is 2k + 1/2 of x.
        return functional.conv2d(blur(x, before=2, after=2), weight, bias, stride=2)


def double(image: Tensor) -> Tensor:
    """``(n, c, h, w)`` to ``(n, c, 2h, 2w)``: zeros between pixels, [1, 3, 3, 1], gain 4, centred.

    This is what bilinear interpolation does between pixel centres (3/4 of the nearer pixel and 1/4
    of the next), except that the border repeats rather than fades to zero.
    """
    return functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
