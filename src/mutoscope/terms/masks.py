"""Masks: where in the picture a prompt acts.

A mask answers, for each cutout of a glance, two things: a *floor*, below which the signed distance
no longer pulls (+∞: the prompt may not act on this cutout; −∞: it may), and a *share*, by which the
prompt's weight is multiplied there. Boxes are those before augmentation.

PyTTI wrote +1 and 0 for the floors of `Place`, so that a "blocked" prompt still pulled at distances
above 1; here blocked is blocked.
"""

import math
from collections.abc import Mapping
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from mutoscope.look import Eye, Look
from mutoscope.terms.base import Number, spherical

Letter = Literal["r", "l", "d", "u", "n", "f"]

# A picture mask whose mean lies below this is taken for black.
BLACK = 0.001


class Mask(Protocol):
    """Where a prompt acts."""

    def __call__(self, look: Look, perceptor: Eye) -> tuple[Tensor, Tensor]:
        """Floor and share of each cutout in ``look``: each (n,), or a scalar for all."""


class Everywhere:
    """No restriction (the letter ``a``)."""

    def __call__(self, look: Look, perceptor: Eye) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Floor −∞, share 1."""
        return look.image.new_tensor(-math.inf), look.image.new_tensor(1.0)


EVERYWHERE = Everywhere()


class Place:
    """A letter: acts on cutouts whose centre lies right, left, down or up, or that are near or far.

    ``r``: centre's x at least the cutoff; ``l``: at most; ``d``, ``u``: the same for y. ``n``: the
    cutout's smaller relative side at least the cutoff (the camera is near), ``f``: at most.
    ``cutoff`` may vary with time; 0.5 where none is given.
    """

    def __init__(self, letter: Letter, cutoff: Number | None = None) -> None:
        self.letter = letter
        self.cutoff = cutoff

    def __call__(self, look: Look, perceptor: Eye) -> tuple[Tensor, Tensor]:
        """Floor ∞ for cutouts on the wrong side; share 1."""
        views = look.views(perceptor)
        cutoff = 0.5 if self.cutoff is None else self.cutoff(look.moment.values)
        if self.letter in "rldu":
            measured = (views.positions + views.sizes / 2)[:, 0 if self.letter in "rl" else 1]
        else:
            measured = views.sizes.min(1).values
        blocked = measured < cutoff if self.letter in "rdn" else measured > cutoff
        return _blocking(blocked), look.image.new_tensor(1.0)


class Like:
    """A text: acts where a cutout looks like it.

    Without a cutoff, a prompt pulls a cutout only while the cutout is nearer to the mask's text
    than to the prompt (and a negative one pushes only while the two distances sum to less than 1).
    With a cutoff c, it acts where the distance to the mask's text is at most 0.7 + 0.3 c.

    Args:
        targets: for each perceptor, its embedding of the text, (1, width).
        cutoff: in [0, 1], may vary with time.
    """

    def __init__(self, targets: Mapping[Eye, Tensor], cutoff: Number | None = None) -> None:
        self.targets = dict(targets)
        self.cutoff = cutoff

    def __call__(self, look: Look, perceptor: Eye) -> tuple[Tensor, Tensor]:
        """Floor after the likeness, share 1; no gradient flows through either."""
        embeds = look.views(perceptor).embeds.detach()
        distance = spherical(embeds, self.targets[perceptor])
        one = look.image.new_tensor(1.0)
        if self.cutoff is None:
            return distance, one
        return _blocking(distance > 0.7 + 0.3 * self.cutoff(look.moment.values)), one


class MaskSource(Protocol):
    """A picture that may change from frame to frame."""

    def frame(self, index: int) -> Tensor:
        """Lightness at frame ``index``, (H, W) in [0, 1]; the same tensor while it is the same."""


class Still:
    """A mask source that never changes: (H, W) in [0, 1], white where the prompt acts."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def frame(self, index: int) -> Tensor:  # noqa: ARG002
        """The mask."""
        return self.mask


class Painted:
    """A picture or film, white where the prompt acts.

    A cutout's share is the mask's mean over what its box shows of the picture (exact, fractions of
    a pixel included; past an edge that is what the border puts there, and of a black one nothing)
    over the mask's mean in all: never negative, and the same whatever came before. So a masked
    prompt pulls as hard in sum as one that is not, and all of it where the mask is. A black mask
    (mean below 0.001) gives 0 everywhere.

    Args:
        source: the mask, of any size; stretched over the picture.
        inverted: acts where it is black.
        stride: frames of the source for each frame of the film.
        dither: PyTTI's rule instead: cutouts, the largest first, diffuse to one another the error
            of what they cover, and the mean within a box is divided by the root of the mask's. It
            starts anew each step, and what would be negative is 0.
    """

    def __init__(
        self, source: MaskSource, *, inverted: bool = False, stride: int = 1, dither: bool = False
    ) -> None:
        self._source = source
        self._inverted = inverted
        self._stride = stride
        self._dither = dither
        self._shown: Tensor | None = None  # the frame that the following were made from
        self._mask = self._table = torch.zeros(0)
        self._mean = 0.0

    def __call__(self, look: Look, perceptor: Eye) -> tuple[Tensor, Tensor]:
        """Floor −∞ and the share."""
        self._turn_to(look.moment.turn)
        cuts = look.cuts(perceptor)
        if self._mean < BLACK:
            share = torch.zeros(len(cuts))
        elif self._dither:
            positions, sizes = (t.to(self._mask.device) for t in (cuts.positions, cuts.sizes))
            share = (diffused(self._mask, positions, sizes) / self._mean**0.5).clamp_min(0)
        else:
            starts, stops, parts = (t.to(self._mask.device) for t in cuts.pieces)
            means = box_means(self._table, starts.flatten(0, 1), (stops - starts).flatten(0, 1))
            share = (means.view(parts.shape) * parts).sum(1) / self._mean
        return look.image.new_tensor(-math.inf), share[look.part].to(look.image)

    def _turn_to(self, frame: int) -> None:
        shown = self._source.frame(frame * self._stride)
        if shown is not self._shown:
            self._shown = shown
            self._mask = 1 - shown if self._inverted else shown
            self._mean = float(self._mask.mean())
            self._table = area_table(self._mask)


def area_table(mask: Tensor) -> Tensor:
    """The integral of a mask from its top left corner: (H, W) to (H + 1, W + 1), in float64.

    The whole mask is the unit square (Crow 1984, "Summed-area tables").
    """
    sums = mask.double().cumsum(0).cumsum(1) / mask.numel()
    table = sums.new_zeros(mask.shape[0] + 1, mask.shape[1] + 1)
    table[1:, 1:] = sums
    return table


def box_means(table: Tensor, positions: Tensor, sizes: Tensor) -> Tensor:
    """The mean of a mask within boxes, clipped to it: (n, 2) and (n, 2) to (n,).

    ``table`` is the mask's `area_table`; boxes are fractions of it, x first. A box that lies
    outside has mean 0.
    """
    start = positions.to(table).clamp(0, 1)
    stop = (positions.to(table) + sizes.to(table)).clamp(0, 1)
    left, top, right, bottom = *start.unbind(1), *stop.unbind(1)
    corners = torch.stack([right, bottom, left, bottom, right, top, left, top], 1)
    # Within a pixel the integral is bilinear, so reading between the table's entries is exact.
    grid = 2 * corners.view(1, -1, 4, 2) - 1
    read = grid_sample(table[None, None], grid, mode="bilinear", align_corners=True)[0, 0]
    covered = read[:, 0] - read[:, 1] - read[:, 2] + read[:, 3]
    area = (stop - start).prod(1)
    means = covered / area.clamp_min(torch.finfo(table.dtype).tiny)
    return means.clamp(0, 1) * (area > 0)


def diffused(mask: Tensor, positions: Tensor, sizes: Tensor) -> Tensor:
    """PyTTI's dithered means of a mask within boxes, which may be negative: (n,).

    The rule is sequential by nature, and its masks are small: a loop over boxes.
    """
    height, width = mask.shape
    scale = positions.new_tensor([width, height])
    starts = (positions * scale).floor().clamp(min=0).long().tolist()
    stops = torch.minimum(((positions + sizes) * scale).floor(), scale).long().tolist()
    error = torch.zeros_like(mask)
    means = torch.zeros(len(positions), device=mask.device)
    for i in sizes.prod(1).argsort(descending=True, stable=True).tolist():
        box = slice(starts[i][1], stops[i][1]), slice(starts[i][0], stops[i][0])
        inside = mask[box]
        if inside.numel() == 0:
            continue
        means[i] = (inside + error[box].sign() * error[box].abs().sqrt()).mean()
        off = inside - means[i]
        error[box] += off.sign() * off.square() / len(positions)
    return means


def _blocking(blocked: Tensor) -> Tensor:
    """Floors from a boolean: ∞ where blocked, −∞ elsewhere."""
    return torch.where(blocked, math.inf, -math.inf)
