"""The generator: from a random vector to a style, and from styles to an image.

The architecture is StyleGAN2's with skip connections (Karras et al., *Analyzing and Improving the
Image Quality of StyleGAN*, 2020), in plain operations of PyTorch. A mapping network turns z into w;
at each resolution two convolutions, each steered by a style made from w, change the features, and
an image made from them is added to the image so far, doubled.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mutoscope.gan.layers import GAIN, Linear, double, last, leaky, normal
from mutoscope.gan.resample import blur
from mutoscope.gan.rows import Chance
from mutoscope.gan.rows import normal as drawn_for
from mutoscope.gan.shape import Shape

Noise = Literal["random", "constant", "none"]
MAPPING_RATE = 0.01
MEAN_DECAY = 0.998
_EPS = 1e-8


class Mapping(nn.Module):
    """z to w: z on the sphere, then dense layers that learn a hundred times slower."""

    def __init__(self, shape: Shape, rng: torch.Generator | None) -> None:
        super().__init__()
        widths = [shape.z] + [shape.w] * shape.mapping_layers
        self.layers = nn.ModuleList(
            Linear(a, b, rng, rate=MAPPING_RATE, gain=GAIN) for a, b in pairwise(widths)
        )

    def forward(self, z: Tensor) -> Tensor:
        """``(n, z)`` to ``(n, w)``; only the direction of z matters."""
        x = z * (z.square().mean(dim=1, keepdim=True) + _EPS).rsqrt()
        for layer in self.layers:
            x = leaky(layer(x))
        return x


class Styled(nn.Module):
    """A 3×3 convolution under a style, then noise, bias and activation.

    The style scales the input channels of the weights and demodulation brings each output channel
    back to unit variance. Both are written as factors on the features before and after one
    convolution shared by the batch, which gives the same numbers as a convolution with weights of
    its own for each image.

    Args:
        inputs: Channels of what comes in.
        outputs: Channels of what goes out.
        resolution: Side of what goes out.
        style: Length of w.
        rng: Where the weights are drawn from.
        doubles: Whether the side of what goes out is twice that of what comes in.
    """

    noise: Tensor
    level: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        resolution: int,
        style: int,
        rng: torch.Generator | None,
        *,
        doubles: bool = False,
    ) -> None:
        super().__init__()
        self.doubles = doubles
        self.affine = Linear(style, inputs, rng, bias=1.0)
        self.weight = normal(outputs, inputs, 3, 3, rng=rng)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", normal(resolution, resolution, rng=rng).detach())
        # Demodulation can't know how rough its input is, nor how much of it is border: this does.
        self.register_buffer("level", torch.ones(()))
        self._scale = 1 / (3 * math.sqrt(inputs))

    @torch.no_grad()
    def balance(self, x: Tensor, w: Tensor) -> Tensor:
        """Set the level once, so that these features come out with a mean square of 1."""
        y: Tensor = self(x, w, None)
        strength = y.square().mean().sqrt().clamp(min=_EPS)
        self.level.div_(strength)
        return y / strength  # as the bias is still zero, every step is homogeneous

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """``(n, inputs, r, r)`` under ``(n, w)`` to ``(n, outputs, resolution, resolution)``."""
        style = self.affine(w).float()  # (n, inputs)
        weight = self.weight * self._scale
        energy = weight.float().square().sum(dim=(2, 3))  # (outputs, inputs)
        # The gain of the activation is in the three terms that it is homogeneous in.
        factor = GAIN * self.level * (style.square() @ energy.T + _EPS).rsqrt()  # (n, outputs)

        x = x * style.to(x.dtype)[:, :, None, None]
        if self.doubles:
            # Zeros between pixels, kernel and filter in the order that costs a quarter.
            x = functional.conv_transpose2d(
                x, weight.transpose(0, 1), stride=2
            )  # (n, outputs, 2r + 1, …)
            x = blur(x, before=1, after=1, gain=4.0)
        else:
            x = functional.conv2d(x, weight, padding=1)
        bias = (GAIN * self.bias).to(x.dtype)[:, None, None]
        x = torch.addcmul(bias, x, factor.to(x.dtype)[:, :, None, None])
        if noise is not None:
            x = x + (GAIN * self.strength * noise).to(x.dtype)
        return leaky(x)


class ToImage(nn.Module):
    """Features to an image: a 1×1 convolution under a style, without demodulation.

    The gain is that of one summand, so that the sum of all resolutions begins near [-1, 1].
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        style: int,
        rng: torch.Generator | None,
        *,
        gain: float,
    ) -> None:
        super().__init__()
        self.affine = Linear(style, inputs, rng, bias=1.0)
        self.weight = normal(channels, inputs, rng=rng)
        self.bias = nn.Parameter(torch.zeros(channels))
        self._scale = gain / math.sqrt(inputs)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """``(n, inputs, r, r)`` under ``(n, w)`` to ``(n, channels, r, r)``."""
        style = self.affine(w) * self._scale
        x = x * style.to(x.dtype)[:, :, None, None]
        return functional.conv2d(x, self.weight[:, :, None, None], self.bias).float()


class Level(nn.Module):
    """One resolution: one convolution at 4×4, two above it, and an image."""

    def __init__(self, shape: Shape, resolution: int, rng: torch.Generator | None) -> None:
        super().__init__()
        width = shape.width(resolution)
        self.styled = nn.ModuleList()
        if resolution > 4:
            above = shape.width(resolution // 2)
            self.styled.append(Styled(above, width, resolution, shape.w, rng, doubles=True))
        self.styled.append(Styled(width, width, resolution, shape.w, rng))
        self.image = ToImage(
            width, shape.channels, shape.w, rng, gain=len(shape.resolutions) ** -0.5
        )


class Generator(nn.Module):
    """A network that draws: ``map`` a random vector to a style, ``synthesise`` an image from it.

    Args:
        shape: What it is to be.
        rng: Where the weights are drawn from, and the device they lie on; None leaves them zero,
            for one who fills them from a file.

    Attributes:
        shape: What it was built from.
        layers: How many styles an image takes.
        mean: Running mean of w, ``(w,)``, toward which `truncate` goes.
        lineage: What is behind it, for recipes of what it draws, where whoever loaded it said so.
    """

    mean: Tensor
    lineage: dict[str, Any] | None = None

    def __init__(self, shape: Shape, rng: torch.Generator | None) -> None:
        super().__init__()
        self.shape = shape
        self.layers = 2 * len(shape.resolutions)
        self.mapping = Mapping(shape, rng)
        self.start = normal(1, shape.width(4), 4, 4, rng=rng)
        self.levels = nn.ModuleList(Level(shape, r, rng) for r in shape.resolutions)
        self.register_buffer("mean", torch.zeros(shape.w))
        if rng is not None:
            self.to(rng.device)
            self._balance(rng)

    @torch.no_grad()
    def _balance(self, rng: torch.Generator) -> None:
        """Let the features of every layer begin equally strong, the last as the first."""
        # Enough styles for an average; a few must do where an image takes seconds.
        count = max(2, min(64, 2**19 // self.shape.size**2))
        w = self.map(torch.randn((count, self.shape.z), generator=rng, device=rng.device))
        x = last(self.start.expand(len(w), -1, -1, -1))
        for layers, _ in self._levels():
            for styled in layers:
                x = styled.balance(x, w)

    def _levels(self) -> Iterator[tuple[list[Styled], ToImage]]:
        """The layers of each resolution, and what makes an image of their features."""
        for level in self.levels:
            assert isinstance(level, Level)  # noqa: S101
            yield [layer for layer in level.styled if isinstance(layer, Styled)], level.image

    def map(self, z: Tensor) -> Tensor:
        """``(n, z)`` from N(0, 1) to styles ``(n, w)``, not truncated."""
        w: Tensor = self.mapping(z)
        return w

    @torch.no_grad()
    def track(self, w: Tensor) -> None:
        """Move the running mean toward the mean of the styles ``(n, w)`` of a training step."""
        self.mean.lerp_(w.detach().float().mean(dim=0), 1 - MEAN_DECAY)

    def truncate(self, w: Tensor, psi: float) -> Tensor:
        """``mean + psi (w - mean)``: 1 leaves w as it is, 0 gives the mean image."""
        return w if psi == 1 else torch.lerp(self.mean, w, psi)

    def synthesise(
        self, ws: Tensor, *, noise: Noise = "constant", generator: Chance | None = None
    ) -> Tensor:
        """Styles to images.

        Args:
            ws: ``(n, layers, w)``, or ``(n, w)`` for the same style in every layer.
            noise: "random" draws the fine grain anew, as training does; "constant" takes the grain
                that belongs to the network, so that films don't flicker; "none" leaves it out.
            generator: Where random noise comes from, on the device of the weights.

        Returns:
            ``(n, channels, size, size)``, float32, nominally in [-1, 1], not clamped.
        """
        if noise == "random" and generator is None:
            raise ValueError("random noise needs a torch.Generator")
        if ws.ndim == 2:
            ws = ws[:, None].expand(-1, self.layers, -1)
        if ws.shape[1:] != (self.layers, self.shape.w):
            raise ValueError(
                f"styles of {tuple(ws.shape)}: (n, {self.layers}, {self.shape.w}) is wanted"
            )
        x = last(self.start.expand(len(ws), -1, -1, -1))
        image: Tensor | None = None
        taken = 0
        for layers, to_image in self._levels():
            for styled in layers:
                x = styled(x, ws[:, taken], _grain(styled, len(ws), noise, generator))
                taken += 1
            drawn = to_image(x, ws[:, taken])  # the style of the next resolution's first layer
            image = drawn if image is None else double(image) + drawn
        assert image is not None  # noqa: S101
        return image

    def forward(self, z: Tensor, *, generator: Chance) -> Tensor:
        """``(n, z)`` to images with random noise, as in training without style mixing."""
        return self.synthesise(self.map(z), noise="random", generator=generator)


def _grain(styled: Styled, count: int, noise: Noise, generator: Chance | None) -> Tensor | None:
    """The noise of one layer: ``(count, 1, r, r)``, ``(r, r)`` or none."""
    if noise == "none":
        return None
    if noise == "constant":
        return styled.noise
    assert generator is not None  # noqa: S101
    return drawn_for((count, 1, *styled.noise.shape), generator)
