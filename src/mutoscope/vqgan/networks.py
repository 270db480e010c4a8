"""The two networks of a VQGAN: the encoder that shrinks a picture and the decoder that draws it.

Esser, Rombach and Ommer, *Taming Transformers for High-Resolution Image Synthesis* (CVPR 2021),
table 7. Names of parameters and arithmetic are those of the published checkpoints, so that their
tensors can be loaded as they are.
"""

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

from mutoscope.vqgan.config import Architecture
from mutoscope.vqgan.layers import ActiveNorm, Convolution, DoublingConvolution, Norm, attend


class ResnetBlock(nn.Module):
    """Norm, swish, convolution, twice, and what came in added to it."""

    def __init__(self, channels: int, out: int, *, dropout: float) -> None:
        super().__init__()
        self.norm1 = ActiveNorm(channels)
        self.conv1 = Convolution(channels, out, 3)
        self.norm2 = ActiveNorm(out)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = Convolution(out, out, 3)
        self.nin_shortcut = Convolution(channels, out, 1) if channels != out else None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, channels, h, w) to (b, out, h, w)."""
        h: Tensor = self.conv1(self.norm1(x))
        h = self.conv2(self.dropout(self.norm2(h)))
        shortcut: Tensor = x if self.nin_shortcut is None else self.nin_shortcut(x)
        return shortcut + h


class AttnBlock(nn.Module):
    """Every cell attends to every other, with one head as wide as the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = Norm(channels)
        self.q = Convolution(channels, channels, 1)
        self.k = Convolution(channels, channels, 1)
        self.v = Convolution(channels, channels, 1)
        self.proj_out = Convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, c, h, w) to the same shape."""
        y = self.norm(x)
        back: Tensor = self.proj_out(attend(self.q(y), self.k(y), self.v(y)))
        return x + back


class Downsample(nn.Module):
    """Half the size, by a convolution with stride 2 or by the mean of four pixels."""

    def __init__(self, channels: int, *, with_conv: bool) -> None:
        super().__init__()
        self.conv = Convolution(channels, channels, 3, stride=2) if with_conv else None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, c, h, w) to (b, c, h / 2, w / 2)."""
        return F.avg_pool2d(x, 2) if self.conv is None else self.conv(x)


class Upsample(nn.Module):
    """Twice the size, every pixel four times, and a convolution over it."""

    def __init__(self, channels: int, *, with_conv: bool) -> None:
        super().__init__()
        self.conv = DoublingConvolution(channels) if with_conv else None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, c, h, w) to (b, c, 2 h, 2 w)."""
        if self.conv is None:
            return F.interpolate(x, scale_factor=2, mode="nearest")
        doubled: Tensor = self.conv(x)
        return doubled


class Middle(nn.Module):
    """The stage at the smallest size, which both networks have."""

    def __init__(self, channels: int, *, dropout: float) -> None:
        super().__init__()
        self.block_1 = ResnetBlock(channels, channels, dropout=dropout)
        self.attn_1 = AttnBlock(channels)
        self.block_2 = ResnetBlock(channels, channels, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, c, h, w) to the same shape."""
        mixed: Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return mixed


class Level(nn.Module):
    """Blocks at one size, each with attention behind it where the architecture has it there."""

    def __init__(
        self, channels: int, out: int, *, blocks: int, attends: bool, dropout: float
    ) -> None:
        super().__init__()
        widths = [channels] + [out] * blocks
        self.block = nn.ModuleList(
            ResnetBlock(widths[i], widths[i + 1], dropout=dropout) for i in range(blocks)
        )
        self.attn = nn.ModuleList(AttnBlock(out) for _ in range(blocks if attends else 0))
        # What resamples behind the blocks; the last level of each network has neither.
        self.downsample: Downsample | None = None
        self.upsample: Upsample | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, channels, h, w) to (b, out, h', w')."""
        for index, block in enumerate(self.block):
            x = block(x)
            if len(self.attn):
                x = self.attn[index](x)
        for resample in (self.downsample, self.upsample):
            x = x if resample is None else resample(x)
        return x


class Encoder(nn.Module):
    """A picture (b, 3, H, W) in [-1, 1] to (b, z_channels, H/f, W/f)."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        widths = [a.ch] + [a.ch * mult for mult in a.ch_mult]
        last = len(a.ch_mult) - 1
        self.conv_in = Convolution(a.in_channels, a.ch, 3)
        self.down = nn.ModuleList()
        for index in range(last + 1):
            level = Level(
                *(widths[index], widths[index + 1]),
                blocks=a.num_res_blocks,
                attends=a.resolution // 2**index in a.attn_resolutions,
                dropout=a.dropout,
            )
            if index != last:
                level.downsample = Downsample(widths[index + 1], with_conv=a.resamp_with_conv)
            self.down.append(level)
        self.mid = Middle(widths[-1], dropout=a.dropout)
        self.norm_out = ActiveNorm(widths[-1])
        self.conv_out = Convolution(widths[-1], a.z_channels, 3)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.conv_in(image)
        for level in self.down:
            x = level(x)
        z: Tensor = self.conv_out(self.norm_out(self.mid(x)))
        return z

    def layers(self) -> list[nn.Module]:
        """What `forward` goes through, one after the other, in as small layers as matter."""
        levels = [layer for level in self.down for layer in _layers_of(level)]
        return [self.conv_in, *levels, *_layers_of(self.mid), self.norm_out, self.conv_out]


class Decoder(nn.Module):
    """A latent (b, z_channels, h, w) to a picture (b, 3, f·h, f·w), about in [-1, 1]."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        widths = [a.ch * mult for mult in a.ch_mult]
        last = len(widths) - 1
        smallest = a.resolution // 2**last
        self.conv_in = Convolution(a.z_channels, widths[last], 3)
        self.mid = Middle(widths[last], dropout=a.dropout)
        self.up = nn.ModuleList()  # from the largest size to the smallest, as published
        for index in range(last + 1):
            level = Level(
                *(widths[min(index + 1, last)], widths[index]),
                blocks=a.num_res_blocks + 1,
                attends=smallest * 2 ** (last - index) in a.attn_resolutions,
                dropout=a.dropout,
            )
            if index != 0:
                level.upsample = Upsample(widths[index], with_conv=a.resamp_with_conv)
            self.up.append(level)
        self.norm_out = ActiveNorm(widths[0])
        self.conv_out = Convolution(widths[0], a.out_ch, 3)

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        image: Tensor = self.conv_out(self.norm_out(x))
        return image

    def layers(self) -> list[nn.Module]:
        """What `forward` goes through, one after the other, in as small layers as matter."""
        levels = [layer for level in reversed(self.up) for layer in _layers_of(level)]
        return [self.conv_in, *_layers_of(self.mid), *levels, self.norm_out, self.conv_out]


def _layers_of(stage: nn.Module) -> Sequence[nn.Module]:
    """The layers of a level or of the middle, in the order in which they come."""
    if isinstance(stage, Middle):
        return [stage.block_1, stage.attn_1, stage.block_2]
    assert isinstance(stage, Level)  # noqa: S101 - there is nothing else
    found: list[nn.Module] = []
    for index, block in enumerate(stage.block):
        found += [block, *stage.attn[index : index + 1]]
    return [*found, *(r for r in (stage.downsample, stage.upsample) if r is not None)]
