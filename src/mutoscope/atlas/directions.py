"""Directions of w that change the picture, found in closed form, without any training.

SeFa (Shen & Zhou, *Closed-Form Factorization of Latent Semantics in GANs*, CVPR 2021): the
directions in which the layers' styles change most, which are the eigenvectors of AᵀA, where A are
the weights that make styles of w. They are found for all layers together and for the coarse, the
middle and the fine ones alone. GANSpace (Härkönen et al., *GANSpace: Discovering Interpretable GAN
Controls*, NeurIPS 2020): the principal components of w.

A walk goes through one w for all layers, so a direction is followed in all of them, wherever it
was found.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mutoscope.atlas.likeness import Told
from mutoscope.gan import Generator
from mutoscope.gan.generator import Styled, ToImage
from mutoscope.walk.directions import Directions
from mutoscope.walk.render import Renderer

ALL, PARTS = 8, 4  # directions of all layers, and of some
RANGES = ("coarse", "middle", "fine")
SAMPLES = 8192  # of w, whose spread is measured
REACH = 3.0  # standard deviations that a strip shows to each side
STRIP = 7  # pictures of a strip
_JUDGED = 8  # samples by which it is judged how much a direction changes
_STEP = 2.0  # standard deviations to each side, for that


@dataclass(frozen=True, eq=False)
class Strip:
    """A direction made visible.

    Attributes:
        name: the direction's.
        pictures: (n, C, s, s), from -`REACH` to `REACH` standard deviations.
        change: by how much it changes pictures: the root mean square difference of what is 2
            standard deviations to one and to the other side.
    """

    name: str
    pictures: Tensor
    change: float


@torch.no_grad()
def find_directions(renderer: Renderer) -> Directions:
    """The directions of a generator, those of a kind from the strongest on."""
    generator = renderer.generator
    styles = _styles(renderer)
    centred = styles - styles.mean(dim=0)
    names: list[str] = []
    vectors: list[Tensor] = []
    groups = layer_ranges(generator)
    for kind, layers in {
        "": [layer for part in groups.values() for layer in part],
        **groups,
    }.items():
        found = sefa(generator, layers)[: PARTS if kind else ALL]
        names += [f"sefa-{kind}-{n}" if kind else f"sefa-{n}" for n in range(1, len(found) + 1)]
        vectors.append(found)
    found = principal(styles)[:ALL]
    names += [f"pca-{n}" for n in range(1, len(found) + 1)]
    vectors.append(found)
    joined = torch.cat(vectors)  # (n, w)
    spread = (centred @ joined.T).std(dim=0)
    return Directions(tuple(names), joined.float(), spread.float(), renderer.digest)


def layer_ranges(generator: Generator) -> dict[str, list[Tensor]]:
    """The weights that make styles of w, (inputs, w) each: of the coarse layers, and so on.

    The resolutions are parted in three, the coarse ones getting what is left over.
    """
    weights: list[list[Tensor]] = []
    for level in generator.levels:
        parts = [part for part in level.modules() if isinstance(part, Styled | ToImage)]
        weights.append([part.affine.weight.detach().double().cpu() for part in parts])
    third = len(weights) // 3
    ends = (len(weights) - 2 * third, len(weights) - third, len(weights))
    starts = (0, *ends[:-1])
    return {
        name: [weight for level in weights[start:end] for weight in level]
        for name, start, end in zip(RANGES, starts, ends, strict=True)
        if end > start
    }


def sefa(generator: Generator, layers: list[Tensor]) -> Tensor:
    """The eigenvectors of AᵀA of some layers' weights, (w, w): unit rows, the strongest first."""
    size = generator.shape.w
    product = torch.zeros(size, size, dtype=torch.float64)
    for weight in layers:
        product += weight.T @ weight
    _, columns = torch.linalg.eigh(product)  # from the weakest on
    return _upright(columns.flip(1).T)


def principal(styles: Tensor) -> Tensor:
    """The principal components of styles (n, w): unit rows, the strongest first."""
    centred = styles - styles.mean(dim=0)
    _, columns = torch.linalg.eigh(centred.T @ centred)
    return _upright(columns.flip(1).T)


def draw_strips(
    renderer: Renderer, directions: Directions, *, truncation: float, progress: Told | None = None
) -> list[Strip]:
    """A strip of each direction through the mean picture, those that change most first."""
    w = renderer.mean()
    judged = _styles(renderer)[:_JUDGED].float()
    steps = torch.linspace(-REACH, REACH, STRIP)
    strips = []
    for place, name in enumerate(directions.names):
        step = directions.step(name)
        pictures = _drawn(renderer, w + steps[:, None] * step, truncation)
        either = torch.cat([judged - _STEP * step, judged + _STEP * step])
        before, after = _drawn(renderer, either, truncation).chunk(2)
        strips.append(Strip(name, pictures, float((after - before).square().mean().sqrt())))
        if progress is not None:
            progress(place + 1, len(directions.names))
    return sorted(strips, key=lambda strip: -strip.change)


def _drawn(renderer: Renderer, w: Tensor, truncation: float) -> Tensor:
    rows = []
    for some in torch.split(w, renderer.batch):
        rows.append(renderer.images(some, "w", torch.full((len(some),), truncation)).cpu())
    return torch.cat(rows)


def _styles(renderer: Renderer) -> Tensor:
    """The w of many samples, the same on every machine, (n, w)."""
    rng = torch.Generator().manual_seed(0)
    z = torch.randn(SAMPLES, renderer.generator.shape.z, generator=rng)
    return renderer.map(z).double()


def _upright(rows: Tensor) -> Tensor:
    """Unit rows, each with its sign settled: its largest number is positive."""
    largest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))
    return rows * torch.where(largest < 0, -1.0, 1.0)
