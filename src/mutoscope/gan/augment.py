"""Augmentation of what the discriminator sees, so that few drawings suffice.

Drawings and images pass through the same random changes, so that the discriminator can't learn the
drawings by heart, and, as long as each change is left out often enough, the generator does not
learn the changes (Karras et al., *Training Generative Adversarial Networks with Limited Data*,
2020, section 2). All geometry is one affine map and one resampling; brightness and contrast follow.
There are no changes of hue: line art has none to spare.
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from mutoscope.gan.rows import Chance, normal, uniform

SHIFT = 0.125  # of the side, either way
SCALE = 0.2  # standard deviation, in octaves
BRIGHTNESS = 0.2  # standard deviation
CONTRAST = 0.5  # standard deviation, in octaves
TARGET = 0.6
EVERY = 4
RAMP = 500_000
MOST = 0.8


class _Dice:
    """Random numbers for the rows of a batch, of which a share ``p`` is to be changed."""

    def __init__(self, count: int, rng: Chance) -> None:
        self.count, self.rng = count, rng

    def uniform(self) -> Tensor:
        return uniform((self.count,), self.rng)

    def normal(self) -> Tensor:
        return normal((self.count,), self.rng)

    def pick(self, p: float, changed: Tensor, unchanged: float) -> Tensor:
        """``changed`` in a share ``p`` of the rows, ``unchanged`` in the others."""
        return torch.where(self.uniform() < p, changed, unchanged)


def augment(images: Tensor, p: float, *, generator: Chance) -> Tensor:
    """Images, each changed in its own way; differentiable once, in the images.

    Args:
        images: ``(n, c, s, s)``, nominally in [-1, 1].
        p: Probability of each change, from 0 (nothing happens) to 1.
        generator: Where the choices come from, on the device of the images.

    Returns:
        ``(n, c, s, s)``, float32.
    """
    images = images.float()
    if p <= 0:
        return images
    dice = _Dice(len(images), generator)
    matrix = _geometry(dice, p, images.shape[-1])  # (n, 2, 3)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    brightness = dice.pick(p, dice.normal() * BRIGHTNESS, 0.0)
    contrast = dice.pick(p, torch.exp2(dice.normal() * CONTRAST), 1.0)
    return (moved + brightness[:, None, None, None]) * contrast[:, None, None, None]


def _geometry(dice: _Dice, p: float, size: int) -> Tensor:
    """The maps from places of the output to places of the input, ``(n, 2, 3)``, in [-1, 1].

    The order is that of the paper: mirror, quarter turns, whole pixels, scale, turn, stretch, turn.
    A turn comes twice, each with such a probability that there is none with probability 1 - p.
    """
    one = 1 - math.sqrt(1 - p)
    quarters = torch.floor(dice.uniform() * 4) * (math.pi / 2)
    shifts = [
        # A whole number of pixels, in units of half a side.
        dice.pick(p, torch.round((dice.uniform() * 2 - 1) * SHIFT * size) * 2 / size, 0.0)
        for _ in range(2)
    ]
    zoom = dice.pick(p, torch.exp2(dice.normal() * SCALE), 1.0)
    stretch = dice.pick(p, torch.exp2(dice.normal() * SCALE), 1.0)
    ones = torch.ones_like(zoom)

    matrix = _scaling(dice.pick(p, torch.floor(dice.uniform() * 2) * 2 - 1, 1.0), ones)
    matrix = matrix @ _turning(dice.pick(p, quarters, 0.0))
    matrix = matrix @ _moving(*shifts)
    matrix = matrix @ _scaling(zoom, zoom)
    matrix = matrix @ _turning(dice.pick(one, (dice.uniform() * 2 - 1) * math.pi, 0.0))
    matrix = matrix @ _scaling(stretch, 1 / stretch)
    matrix = matrix @ _turning(dice.pick(one, (dice.uniform() * 2 - 1) * math.pi, 0.0))
    return matrix[:, :2]


def _rows(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)  # (n, 3, 3)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _rows([[x, zero, zero], [zero, y, zero], [zero, zero, one]])


def _moving(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _rows([[one, zero, x], [zero, one, y], [zero, zero, one]])


def _turning(angle: Tensor) -> Tensor:
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    cos, sin = angle.cos(), angle.sin()
    return _rows([[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]])


@dataclass
class Adaptation:
    """How much to augment, steered by how sure the discriminator is of the drawings.

    The measure is r, the mean sign of its scores of drawings: 0 while it can't tell, 1 when it
    knows every one of them. Above the target p rises, below it p falls, at such a rate that it
    would take 500,000 images from 0 to 1.

    Attributes:
        p: Probability of each change, from 0 to ``most``.
        target: The r to aim at.
        most: The largest p; beyond about 0.8 the changes leak into what is drawn.
        ramp: In how many images p would go from 0 to 1.
        r: The last measure, None before the first.
    """

    p: float = 0.0
    target: float = TARGET
    most: float = MOST
    ramp: int = RAMP
    r: float | None = None
    _signs: Tensor | None = field(default=None, repr=False)
    _scores: int = 0
    _batches: int = 0

    def see(self, scores: Tensor) -> None:
        """Take in the scores ``(n,)`` of a batch of drawings; every fourth batch moves p."""
        # The sum stays on the device until it is needed: a transfer each step would stall a GPU.
        signs = scores.detach().float().sign().sum()
        self._signs = signs if self._signs is None else self._signs + signs
        self._scores += len(scores)
        self._batches += 1
        if self._batches == EVERY:
            self.r = float(self._signs) / self._scores
            step = self._scores / self.ramp * math.copysign(1.0, self.r - self.target)
            self.p = min(max(self.p + step, 0.0), self.most)
            self._signs, self._scores, self._batches = None, 0, 0

    def state(self) -> dict[str, float]:
        """What must be kept to go on from here, as plain numbers."""
        signs = 0.0 if self._signs is None else float(self._signs)
        kept = {"p": self.p, "signs": signs, "scores": self._scores, "batches": self._batches}
        return kept if self.r is None else {**kept, "r": self.r}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from what `state` gave."""
        self.p = float(state["p"])
        self.r = float(state["r"]) if "r" in state else None
        self._scores, self._batches = int(state["scores"]), int(state["batches"])
        self._signs = torch.tensor(float(state["signs"])) if self._batches else None
