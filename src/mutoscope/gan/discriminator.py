"""The discriminator: how much an image looks like one of the drawings, as one number.

The architecture is StyleGAN2's residual one (Karras et al. 2020), with both branches of each block
aligned, and a channel that tells how much the images of a batch differ from each other (Karras et
al., *Progressive Growing of GANs*, 2018, section 3).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from mutoscope.gan.layers import GAIN, Conv, Linear, last, leaky
from mutoscope.gan.shape import Shape

GROUP = 4
_EPS = 1e-8


class Block(nn.Module):
    """Half the side and the channels of the next resolution, as a sum of two branches over √2."""

    def __init__(self, inputs: int, outputs: int, rng: torch.Generator | None) -> None:
        super().__init__()
        self.first = Conv(inputs, inputs, 3, rng, gain=GAIN)
        # The 1/√2 of the sum is in the gains: √2/√2 and 1/√2.
        self.second = Conv(inputs, outputs, 3, rng, halve=True, gain=1.0)
        self.shortcut = Conv(inputs, outputs, 1, rng, halve=True, gain=1 / GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs, 2r, 2r)`` to ``(n, outputs, r, r)``."""
        branch = leaky(self.second(leaky(self.first(x))))
        shortcut: Tensor = self.shortcut(x)
        return shortcut + branch


class Discriminator(nn.Module):
    """A network that judges: high for a drawing, low for what a generator made.

    Args:
        shape: That of the generator; only size, channels and widths matter here.
        rng: Where the weights are drawn from, and the device they lie on; None leaves them zero,
            for one who fills them from a file.
    """

    def __init__(self, shape: Shape, rng: torch.Generator | None) -> None:
        super().__init__()
        self.shape = shape
        widths = [shape.width(r) for r in reversed(shape.resolutions)]
        self.entry = Conv(shape.channels, widths[0], 1, rng, gain=GAIN)
        self.blocks = nn.Sequential(*(Block(a, b, rng) for a, b in pairwise(widths)))
        width = widths[-1]
        self.mixed = Conv(width + 1, width, 3, rng, gain=GAIN)
        self.dense = Linear(16 * width, width, rng, gain=GAIN)
        self.score = Linear(width, 1, rng)
        if rng is not None:
            self.to(rng.device)

    def forward(self, images: Tensor) -> Tensor:
        """``(n, channels, size, size)``, nominally in [-1, 1], to scores ``(n,)``, float32."""
        x = self.blocks(leaky(last(self.entry(images))))
        x = torch.cat([x, spread(x).to(x.dtype)], dim=1)
        x = leaky(self.mixed(x))
        x = leaky(self.dense(x.flatten(1)))
        scores: Tensor = self.score(x)
        return scores[:, 0].float()


def spread(x: Tensor) -> Tensor:
    """How much the images of a group differ: ``(n, c, h, w)`` to one channel ``(n, 1, h, w)``.

    A group is `GROUP` images, or the most that divide the batch evenly, that lie together, so that
    parts of a batch have the groups of the whole. Its value is the standard deviation of each
    feature over the group, averaged over all features.
    """
    count, _, height, width = x.shape
    group = max(size for size in range(1, GROUP + 1) if count % size == 0)
    grouped = x.float().reshape(count // group, group, -1)
    deviation = (grouped.var(dim=1, unbiased=False) + _EPS).sqrt().mean(dim=1)  # (n / group,)
    return deviation.repeat_interleave(group)[:, None, None, None].expand(-1, 1, height, width)
