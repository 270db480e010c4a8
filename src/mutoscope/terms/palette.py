"""The palette's own terms: colours spread from dark to light, palettes that divide the picture.

Both judge the parameters of a limited-palette canvas, not the picture, and pull at them directly.
"""

from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

LUMA = (0.299, 0.587, 0.114)
_PART = 32_768  # pixels that are worked on at a time


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
    n, pixels = len(weights), weights[0].numel()
    if n == 1 or pixels == 1:
        return weights.new_zeros(())
    covariance = cast(Tensor, _Covariance.apply(weights))  # type: ignore[no-untyped-call]
    # Palettes that are equal everywhere would divide by 0.
    sigma = (covariance.diagonal() / (pixels - 1)).clamp_min(1e-12).sqrt()
    correlation = covariance / torch.outer(sigma, sigma) / pixels
    apart = correlation.sum() - correlation.diagonal().sum()
    return apart / n**2 + (sigma * pixels).reciprocal().mean()


class _Covariance(torch.autograd.Function):
    """Σ (p − mean)(p − mean)ᵀ over the pixels, p the softmax of (n, h, w) over n: (n, n).

    By hand, and some pixels at a time: of a large canvas the weights alone are more than a
    gigabyte, and PyTorch would keep or make five tensors of their size.
    """

    @staticmethod
    def forward(ctx: Any, weights: Tensor) -> Tensor:
        flat = weights.flatten(1)
        mean = torch.stack([part.softmax(0).sum(1) for part in _parts(flat)]).sum(0)[:, None]
        mean /= flat.shape[1]
        ctx.save_for_backward(weights, mean)
        products = []
        for part in _parts(flat):
            centred = part.softmax(0).sub_(mean)
            products.append(centred @ centred.T)
        return torch.stack(products).sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        weights, mean = ctx.saved_tensors
        both = gradient + gradient.T
        to_weights = torch.empty_like(weights, memory_format=torch.contiguous_format)
        both_ways = zip(_parts(weights.flatten(1)), _parts(to_weights.flatten(1)), strict=True)
        for part, given in both_ways:
            p = part.softmax(0)
            # What the mean passes on is nothing: deviations from it sum to 0.
            to_p = both @ (p - mean)
            torch.mul(p, to_p - (p * to_p).sum(0), out=given)
        return to_weights


def _parts(flat: Tensor) -> tuple[Tensor, ...]:
    """Some pixels of (n, M) at a time; on a GPU all, for there each part costs a launch."""
    return torch.split(flat, _PART if flat.device.type == "cpu" else flat.shape[1], dim=1)
