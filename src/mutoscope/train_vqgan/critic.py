"""The critic: a small network that tells patches of photographs from patches that were drawn.

The patch discriminator of Isola et al., *Image-to-Image Translation with Conditional Adversarial
Networks* (CVPR 2017), with the hinge loss (Lim & Ye 2017) and the adaptive weight of Esser et al.,
*Taming Transformers for High-Resolution Image Synthesis* (CVPR 2021), equation 7. We leave both in
the norm: group norm in place of batch norm, so that a crop is judged by itself.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

SLOPE = 0.2
GROUPS = 8
MOST = 1e4  # the adaptive weight is kept below this, as in the paper's code


class Critic(nn.Module):
    """Three convolutions of stride 2, one of stride 1, and a verdict for every patch.

    Args:
        width: channels after the first convolution, a multiple of 8; they double twice.
        generator: where the first weights come from.
    """

    def __init__(self, width: int, *, generator: torch.Generator) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        layers: list[nn.Module] = [_convolution(3, width, stride=2), nn.LeakyReLU(SLOPE)]
        for index, (into, out) in enumerate(pairwise(widths)):
            last = index == len(widths) - 2
            layers += [
                _convolution(into, out, stride=1 if last else 2),
                nn.GroupNorm(GROUPS, out),
                nn.LeakyReLU(SLOPE),
            ]
        layers.append(_convolution(widths[-1], 1, stride=1))
        self.layers = nn.Sequential(*layers)
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                _fill(layer, generator)

    def forward(self, batch: Tensor) -> Tensor:
        """The verdicts on ``batch`` (n, 3, h, w) in [0, 1]: (n, 1, h', w'), high for real."""
        verdicts: Tensor = self.layers(2 * batch - 1)
        return verdicts


def hinge(real: Tensor, drawn: Tensor) -> Tensor:
    """The critic's loss: verdicts on real patches below 1 and on drawn ones above -1 count."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + drawn).mean())


def adaptive_weight(likeness: Tensor, verdict: Tensor) -> Tensor:
    """How much the critic counts: the ratio of two gradients' norms at the last layer (eq. 7)."""
    ratio = likeness.norm() / (verdict.norm() + 1e-6)
    weight: Tensor = ratio.clamp(0, MOST).detach()
    return weight


def _convolution(into: int, out: int, *, stride: int) -> nn.Conv2d:
    # Made without drawing from the global generator; `_fill` gives the weights.
    with torch.device("meta"):
        layer = nn.Conv2d(into, out, 4, stride=stride, padding=1)
    return layer.to_empty(device="cpu")


@torch.no_grad()
def _fill(layer: nn.Conv2d, generator: torch.Generator) -> None:
    """He's initialisation (2015) for leaky rectifiers; no bias."""
    fan = layer.weight[0].numel()
    layer.weight.normal_(std=math.sqrt(2 / ((1 + SLOPE**2) * fan)), generator=generator)
    if layer.bias is not None:
        layer.bias.zero_()
