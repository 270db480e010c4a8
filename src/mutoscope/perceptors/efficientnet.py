"""EfficientNet-Lite: the small convolutional classifiers that the `labels` perceptor sees with.

The architecture is that of Tan and Le, *EfficientNet* (ICML 2019), in its Lite form of 2020: no
squeeze-and-excitation, ReLU6 in place of swish, stem and head of one width for every size. The
network here is for looking only: its batch norms are folded into its convolutions when it is
made, and what they knew of photographs, the mean and spread of every channel, is kept as a
prior on pictures.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

# (blocks, kernel, stride, expansion) of each stage; the first and the last do not grow in depth.
STAGES = (
    (1, 3, 1, 1),
    (2, 3, 2, 6),
    (2, 5, 2, 6),
    (3, 3, 2, 6),
    (3, 5, 1, 6),
    (4, 5, 2, 6),
    (1, 3, 1, 6),
)
# How many times deeper than Lite0 each size is; widths are read off the weights.
DEPTHS = {"lite0": 1.0, "lite1": 1.1, "lite2": 1.2}
NORM_EPSILON = 1e-3
# The networks were trained on (byte - 127) / 128.
MEAN = 127 / 255
STD = 128 / 255

# Is shown each convolution and its output, and gives the output on.
Tap = Callable[[nn.Module, Tensor], Tensor]


class Convolution(nn.Module):
    """One convolution with its batch norm folded in, padded as TensorFlow's "same" is."""

    weight: Tensor
    bias: Tensor
    spread: Tensor

    def __init__(self, weights: Mapping[str, Tensor], conv: str, norm: str, *, stride: int) -> None:
        super().__init__()
        weight = weights[f"{conv}.weight"]  # (out, in / groups, k, k)
        gamma, beta = weights[f"{norm}.weight"], weights[f"{norm}.bias"]
        mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
        scale = gamma / torch.sqrt(variance + NORM_EPSILON)
        folded = weight * scale[:, None, None, None]
        self.register_buffer("weight", folded.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", beta - mean * scale)
        # On photographs the folded output has mean `centre` and deviation `spread`.
        self.register_buffer("centre", beta.clone())
        self.register_buffer("spread", gamma.abs().clamp(min=1e-2))
        self.stride = stride
        self.groups = weight.shape[0] if weight.shape[1] == 1 else 1

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x`` (n, in, h, w); "same" padding puts the odd pixel right and below."""
        kernel, stride = self.weight.shape[-1], self.stride
        if kernel == 1:  # channels last, a plain matrix product, and a tenth faster as one
            rows = F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
            return rows.permute(0, 3, 1, 2)
        if stride == 1:
            return self._convolve(x, padding=kernel // 2)
        down, across = (_same_padding(side, kernel, stride) for side in x.shape[-2:])
        x = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        return self._convolve(x, padding=0)

    def _convolve(self, x: Tensor, *, padding: int) -> Tensor:
        found = _Frozen.apply(x, self.weight, self.bias, self.stride, padding, self.groups)  # type: ignore[no-untyped-call]
        return cast(Tensor, found)


class _Frozen(torch.autograd.Function):
    """A convolution that keeps nothing of its input, which only its weights' gradient would need.

    The widened pictures that the depthwise filters see are the largest there are: a third of what
    one look would hold in memory.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int, groups: int
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.how = x.shape, (stride, padding, 1, groups)
        return F.conv2d(x, weight, bias, *ctx.how)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        to_input: Tensor = conv2d_input(ctx.shape, weight, slope, *ctx.how)  # type: ignore[no-untyped-call]
        return to_input, None, None, None, None, None


def _same_padding(side: int, kernel: int, stride: int) -> int:
    return max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)


class Block(nn.Module):
    """One inverted residual: widen, filter each channel by itself, narrow, and add what came in."""

    def __init__(
        self, weights: Mapping[str, Tensor], index: int, *, stride: int, expands: bool
    ) -> None:
        super().__init__()
        name = f"_blocks.{index}"
        self.expand = nn.ModuleList()
        if expands:
            self.expand.append(
                Convolution(weights, f"{name}._expand_conv", f"{name}._bn0", stride=1)
            )
        self.filter = Convolution(weights, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
        self.project = Convolution(weights, f"{name}._project_conv", f"{name}._bn2", stride=1)

    def forward(self, x: Tensor, seen: Tap) -> Tensor:
        """Map ``x`` (n, in, h, w) to (n, out, h', w'); ``seen`` is shown each output."""
        y = x
        for expand in self.expand:
            y = F.relu6(seen(expand, expand(y)))
        y = F.relu6(seen(self.filter, self.filter(y)))
        y = seen(self.project, self.project(y))
        return x + y if x.shape == y.shape else y


class _Statistics:
    """Gathers how far channel statistics are from those of photographs, or gathers nothing."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.parts: list[Tensor] = []

    def __call__(self, convolution: nn.Module, y: Tensor) -> Tensor:
        if self.wanted:
            self.parts.append(_strangeness(cast(Convolution, convolution), y))
        return y

    def total(self) -> Tensor | None:
        return torch.stack(self.parts).mean() if self.wanted else None


def _strangeness(convolution: Convolution, y: Tensor) -> Tensor:
    """One layer's distance from photographs, in units of its channels' spread: about 0 to 2."""
    mean, square = _Moments.apply(y)  # type: ignore[no-untyped-call]
    deviation = (square - mean.square()).clamp(min=1e-6).sqrt()
    off_centre = (mean - convolution.centre) / convolution.spread
    off = off_centre.square() + (deviation / convolution.spread - 1).square()
    return cast(Tensor, off.mean())


class _Moments(torch.autograd.Function):
    """Mean and mean square of every channel; one pass over the activations each way."""

    @staticmethod
    def forward(ctx: Any, y: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(y)
        rows = y.permute(0, 2, 3, 1).reshape(-1, y.shape[1])  # channels last: a view
        return rows.mean(dim=0), rows.square().mean(dim=0)

    @staticmethod
    def backward(ctx: Any, to_mean: Tensor, to_square: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        count = y.numel() / y.shape[1]
        mean, square = (g[:, None, None] / count for g in (to_mean, 2 * to_square))
        return torch.addcmul(mean, y, square)


class EfficientNetLite(nn.Module):
    """An EfficientNet-Lite classifier, frozen, made from the weights of a checkpoint.

    Args:
        weights: the checkpoint, under the names of the common PyTorch port.
        variant: ``lite0``, ``lite1`` or ``lite2``; it decides the depth, and the weights the width.
    """

    def __init__(self, weights: Mapping[str, Tensor], variant: str = "lite0") -> None:
        super().__init__()
        self.stem = Convolution(weights, "_conv_stem", "_bn0", stride=2)
        self.blocks = nn.ModuleList()
        for number, (blocks, _, stride, expansion) in enumerate(STAGES):
            grows = 0 < number < len(STAGES) - 1
            repeats = math.ceil(blocks * DEPTHS[variant]) if grows else blocks
            for place in range(repeats):
                self.blocks.append(
                    Block(
                        weights,
                        len(self.blocks),
                        stride=stride if place == 0 else 1,
                        expands=expansion > 1,
                    )
                )
        self.head = Convolution(weights, "_conv_head", "_bn1", stride=1)
        self.classifier = nn.Linear(weights["_fc.weight"].shape[1], weights["_fc.weight"].shape[0])
        self.classifier.load_state_dict(
            {"weight": weights["_fc.weight"], "bias": weights["_fc.bias"]}
        )
        self.requires_grad_(False).eval()

    def forward(self, batch: Tensor, *, strangeness: bool = False) -> tuple[Tensor, Tensor | None]:
        """Logits (n, classes) of ``batch`` (n, 3, h, w) in [0, 1], of any size from 32 pixels up.

        With ``strangeness`` comes a scalar, else None: the channel means and deviations over the
        batch, after every convolution, are compared with those that the batch norms recorded in
        training (DeepInversion: Yin et al., *Dreaming to Distill*, CVPR 2020), in the same pass.
        """
        seen = _Statistics(strangeness)
        x = ((batch - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        x = F.relu6(seen(self.stem, self.stem(x)))
        for block in self.blocks:
            x = block(x, seen)
        x = F.relu6(seen(self.head, self.head(x)))
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits, seen.total()
