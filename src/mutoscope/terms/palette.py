"""The palette's own terms: colours spread from dark to light, palettes that divide the picture.

Both judge the parameters of a limited-palette canvas, not the picture, and pull at them directly.
"""

from typing import Protocol, cast

import torch
from torch import Tensor

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

LUMA = (0.299, 0.587, 0.114)


class PaletteCanvas(Protocol):
    """What these terms ask of a limited-palette canvas."""

    gamma: float
    weights: Tensor  # (n, h, w): how much each palette is wanted at each pixel

    def colours(self) -> Tensor:
        """The palettes from dark to light, (k colours, n palettes, 3) in [0, 1]."""


class HDR(Weighted):
    """Palettes whose colours run from black to white; see `hdr`. A locked one has no gradient."""

    def __init__(self, name: str = "hdr", *, weight: Number = ONE) -> None:
        super().__init__(name, weight=weight)

    def raw(self, look: Look) -> Tensor:
        """The loss."""
        canvas = cast(PaletteCanvas, look.canvas)
        return hdr(canvas.colours(), canvas.gamma)


class Normalisation(Weighted):
    """Palettes that each have their own part of the picture; see `normalisation`."""

    def __init__(self, name: str = "palette normalisation", *, weight: Number = ONE) -> None:
        super().__init__(name, weight=weight)

    def raw(self, look: Look) -> Tensor:
        """The loss."""
        return normalisation(cast(PaletteCanvas, look.canvas).weights)


def hdr(colours: Tensor, gamma: float = 1.0) -> Tensor:
    """How far palettes are from an even ramp, (k, n, 3) to a scalar.

    The mean over all colours of ``(√(Σ m·C²) − (j / (k − 1))^gamma)²``, m the luma weights and j
    the colour's rank from 0. A palette of one colour should be black.
    """
    # A norm's gradient at 0 is 0; that of the plain square root would be NaN for black.
    scaled = colours * colours.new_tensor(LUMA).sqrt()
    brightness: Tensor = torch.linalg.vector_norm(scaled, dim=2)
    ranks = torch.linspace(0, 1, len(colours), device=colours.device, dtype=colours.dtype)
    return (brightness - ranks.pow(gamma).unsqueeze(1)).square().mean()


def normalisation(weights: Tensor) -> Tensor:
    """How much palettes overlap and how little each varies, (n, h, w) to a scalar.

    With p the softmax over palettes at each of M pixels: the mean over all n² pairs of their
    correlation, with 0 on the diagonal, plus the mean of ``1 / (σ M)``. One palette, or one pixel,
    has nothing to divide: 0.
    """
    p = weights.flatten(1).softmax(0)  # (n, M)
    n, pixels = p.shape
    if n == 1 or pixels == 1:
        return p.new_zeros(())
    centred = p - p.mean(1, keepdim=True)
    covariance = centred @ centred.T
    # Palettes that are equal everywhere would divide by 0.
    sigma = (covariance.diagonal() / (pixels - 1)).clamp_min(1e-12).sqrt()
    correlation = covariance / torch.outer(sigma, sigma) / pixels
    apart = correlation.sum() - correlation.diagonal().sum()
    return apart / n**2 + (sigma * pixels).reciprocal().mean()
