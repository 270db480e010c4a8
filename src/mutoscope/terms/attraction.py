"""Attraction: the term that pulls every pixel to the nearest colour of a palette."""

from typing import Any

import torch
from torch import Tensor

from mutoscope.cutouts.crop import sent
from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

# So that a weight of 1 takes the picture's colours from the palette, beside a prompt of weight 1.
SCALE = 10.0
# What is still about as near as the nearest colour, as a squared distance; black to white is 0.5.
# Small enough that a pixel near a colour gets there, and large enough that ramps are taken whole.
SOFTNESS = 0.005
# Pairs of pixel and colour that are compared at once, which bounds the memory: what a processor's
# cache holds, and as many as keep a GPU busy.
PAIRS, PAIRS_GPU = 1 << 18, 1 << 24
# A picture's colours are well enough known from this many of its pixels.
SAMPLE = 16_384
# By then hardly a pixel changes its cluster any more.
ROUNDS = 12


class Attraction(Weighted):
    """Every pixel near a colour of a palette; with a negative weight, far from all of them.

    Args:
        palette: (k, 3), sRGB in [0, 1].
        name: a label for the log.
        weight: may vary with time and be negative.
    """

    def __init__(
        self, palette: Tensor, name: str = "palette attraction", *, weight: Number = ONE
    ) -> None:
        super().__init__(name, weight=weight)
        if palette.ndim != 2 or palette.shape[1] != 3 or len(palette) == 0:
            raise ValueError(f"a palette is (k, 3) with k from 1, not {tuple(palette.shape)}")
        self.palette, self._metric = palette.float(), metric().to(palette.device)

    def raw(self, look: Look) -> Tensor:
        """The scaled `distance`."""
        if self.palette.device != look.image.device:
            self.palette = sent(self.palette, look.image)
            self._metric = sent(self._metric, look.image)
        return SCALE * distance(look.image, self.palette, self._metric)


def metric() -> Tensor:
    """The matrix M (3, 3) for which ``ΔᵀMΔ`` is how different two colours look, squared.

    Δ is their difference in sRGB. Kotsarenko & Ramos, *Measuring perceived color difference using
    YIQ NTSC transmission color space in mobile applications* (2010): 0.5053 ΔY² + 0.299 ΔI² +
    0.1957 ΔQ². The space is a linear one, so the mean of colours is the same in it as in sRGB, and
    black has a gradient like any other colour.
    """
    yiq = torch.tensor(
        [
            [0.29889531, 0.58662247, 0.11448223],
            [0.59597799, -0.27417610, -0.32180189],
            [0.21147017, -0.52261711, 0.31114694],
        ]
    )
    return yiq.T @ torch.diag(torch.tensor([0.5053, 0.299, 0.1957])) @ yiq


def distance(image: Tensor, palette: Tensor, metric: Tensor) -> Tensor:
    """How far the pixels of (1, 3, H, W) are from the colours (k, 3), a scalar.

    The mean over the pixels of a soft minimum, ``-s ln Σ exp(-d² / s)``, of the squared distances
    d² to all colours, by ``metric``, s being `SOFTNESS`. A pixel is pulled toward the mean of the
    colours that are about equally near: one between two of them hesitates, and a ramp of near
    colours is taken as what it stands for, all that lies on it.
    """
    mean: Tensor = _Distance.apply(image, palette, metric)  # type: ignore[no-untyped-call]
    return mean


class _Distance(torch.autograd.Function):
    """The gradient is worked out with the value, block by block: no graph of all pairs is kept."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, palette: Tensor, metric: Tensor) -> Tensor:
        pixels = image[0].flatten(1)  # (3, n)
        # d² / s is |pixel|² / s less this affine function of the pixel; squares are the metric's.
        slopes = palette @ metric * (2 / SOFTNESS)  # (k, 3)
        starts = -((palette @ metric) * palette).sum(1, keepdim=True) / SOFTNESS  # (k, 1)
        wanted = torch.empty_like(pixels)
        block = max(1, (PAIRS if image.device.type == "cpu" else PAIRS_GPU) // len(palette))
        near = pixels.new_zeros(())
        parts = torch.split(pixels, block, 1), torch.split(wanted, block, 1)
        for part, mean in zip(*parts, strict=True):
            scores = torch.addmm(starts, slopes, part)  # (k, block)
            best = scores.amax(0)
            shares = scores.sub_(best).exp_()
            total = shares.sum(0)
            near += (best + total.log()).sum()
            mean.copy_(palette.T @ shares / total)
        pull = metric @ (pixels - wanted)
        squares = (pixels * (metric @ pixels)).sum()
        n = pixels.shape[1]
        ctx.save_for_backward((pull * (2 / n)).view_as(image))
        return (squares - SOFTNESS * near) / n

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        pull: Tensor = ctx.saved_tensors[0]
        return gradient * pull, None, None


def main_colours(image: Tensor, count: int) -> Tensor:
    """The at most ``count`` colours that say most of a picture (1, 3, H, W), (k, 3) on the CPU.

    Clusters of its pixels by Lloyd's algorithm in the space of `metric`, started as in k-means++
    (Arthur & Vassilvitskii 2007) from random numbers that are always the same. The colour of the
    most pixels comes first. A picture of fewer colours gives those.
    """
    generator = torch.Generator().manual_seed(0)
    pixels = image.detach()[0].flatten(1).T.float().cpu()  # (n, 3)
    if len(pixels) > SAMPLE:
        pixels = pixels[torch.randperm(len(pixels), generator=generator)[:SAMPLE]]
    axes = torch.linalg.cholesky(metric())  # distances are plain ones in the space it leads to
    places = pixels @ axes
    centres = _start(places, count, generator)
    for _ in range(ROUNDS):
        nearest = torch.cdist(places, centres).argmin(1)
        members = torch.bincount(nearest, minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, places)
        centres = torch.where(members > 0, sums / members.clamp_min(1), centres)
    nearest = torch.cdist(places, centres).argmin(1)
    members = torch.bincount(nearest, minlength=len(centres))
    order = members.argsort(descending=True, stable=True)
    order = order[members[order] > 0]
    colours: Tensor = torch.linalg.solve(axes.T, centres[order].T).T
    return colours.clamp(0, 1)


def _start(places: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """At most ``count`` of the places (n, 3), far apart where there are many: (k, 3)."""
    centres = places[torch.randint(len(places), (1,), generator=generator)]
    away = torch.cdist(places, centres)[:, 0].square()
    # Less than this is rounding: every colour there is has been taken.
    while len(centres) < count and away.max() > 1e-10:
        chosen = places[torch.multinomial(away, 1, generator=generator)]
        centres = torch.cat([centres, chosen])
        away = torch.minimum(away, torch.cdist(places, chosen)[:, 0].square())
    return centres
