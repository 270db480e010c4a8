"""What pictures are compared by: numbers that are near each other where drawings look alike.

Three parts, weighing the same. The first says which strokes there are, wherever they lie: the means
and spreads of the embedded classifier's middle layers (`train_gan.quality`). The second is of a few
plain figures, which tell black on white from grey and lines from grain. The third says where
strokes lie and which way they run: the ink in 8 × 8 cells, and the directions of its edges in 4 × 4
cells, as histograms of gradients have it (Dalal & Triggs, CVPR 2005). All come in units in which
the pictures that one begins with vary alike.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from mutoscope.train_gan.quality import Embed

Floats = npt.NDArray[np.float32]
Told = Callable[[int, int], None]

LARGEST = 128  # pixels of a side that is looked at; strokes are judged well below it
_CELLS, _TURNS = 4, 8  # of the directions: a side, and of half a turn
_INK = 8
_AT_ONCE = 64
_LEAST = 0.05  # of a number's spread, in the mean spread: no other would be heard beside it
_TINY = 1e-6


class Likeness:
    """The features of pictures, in the units of those that it is made with.

    Args:
        pictures: (m, 1 or 3, s, s) in [0, 1], or bytes, two at least.
        embed: the first part, (n, 3, s, s) to (n, d), where a network can judge.
        progress: told how many of them are done.

    Attributes:
        features: theirs, (m, d).
    """

    def __init__(
        self, pictures: Tensor, embed: Embed | None, *, progress: Told | None = None
    ) -> None:
        self._embed = embed
        parts = self._parts(pictures, progress)
        self._units = [_units(part) for part in parts]
        self.features = self._in_units(parts)

    def __call__(self, pictures: Tensor, *, progress: Told | None = None) -> Floats:
        """The features of ``pictures`` (n, 1 or 3, s, s) in [0, 1] or bytes: (n, d)."""
        return self._in_units(self._parts(pictures, progress))

    @torch.no_grad()
    def _parts(self, pictures: Tensor, progress: Told | None) -> list[Floats]:
        rows: list[list[Tensor]] = []
        for some in torch.split(pictures, _AT_ONCE):
            shown = some.float() / 255 if some.dtype == torch.uint8 else some
            if some.shape[-1] > LARGEST:
                shown = interpolate(shown, (LARGEST, LARGEST), mode="area")
            seen = [] if self._embed is None else [self._embed(shown)]
            rows.append([*seen, strokes_of(shown), places_of(shown)])
            if progress is not None:
                progress(sum(len(row[0]) for row in rows), len(pictures))
        return [torch.cat(part).numpy().astype(np.float32) for part in zip(*rows, strict=True)]

    def _in_units(self, parts: list[Floats]) -> Floats:
        scaled = [
            (part - centre) / (spread * np.sqrt(part.shape[1]))
            for part, (centre, spread) in zip(parts, self._units, strict=True)
        ]
        joined: Floats = np.concatenate(scaled, axis=1).astype(np.float32)
        return joined


def strokes_of(pictures: Tensor) -> Tensor:
    """What strokes are like, wherever they lie, (n, 1 or 3, s, s) to (n, 6).

    The ink's mean and spread, the share of what is neither ink nor paper, the mean and spread of
    its edges, and the mean grain.
    """
    ink = 1 - pictures.float().mean(dim=1)  # (n, s, s)
    down, across = ink[:, 1:, :-1] - ink[:, :-1, :-1], ink[:, :-1, 1:] - ink[:, :-1, :-1]
    edges = (down.square() + across.square()).sqrt()
    around = ink[:, 2:, 1:-1] + ink[:, :-2, 1:-1] + ink[:, 1:-1, 2:] + ink[:, 1:-1, :-2]
    grain = (around - 4 * ink[:, 1:-1, 1:-1]).abs()
    between = (4 * ink * (1 - ink)).clamp(min=0)
    means = [part.flatten(1).mean(dim=1) for part in (ink, between, edges, grain)]
    spreads = [part.flatten(1).std(dim=1) for part in (ink, edges)]
    return torch.stack(means + spreads, dim=1)


def places_of(pictures: Tensor) -> Tensor:
    """Where ink lies and which way it runs, (n, 1 or 3, s, s) to (n, 192)."""
    ink = 1 - pictures.float().mean(dim=1, keepdim=True)  # (n, 1, s, s)
    down = ink[..., 2:, 1:-1] - ink[..., :-2, 1:-1]
    across = ink[..., 1:-1, 2:] - ink[..., 1:-1, :-2]
    strength = (down.square() + across.square()).sqrt()
    # Of a line both edges count alike: half a turn is all the directions that there are.
    turn = torch.atan2(down, across) / torch.pi * _TURNS  # (n, 1, s - 2, s - 2)
    bins = torch.arange(_TURNS, device=ink.device).view(1, -1, 1, 1)
    apart = (turn - bins + _TURNS / 2).remainder(_TURNS) - _TURNS / 2
    shares = (1 - apart.abs()).clamp(min=0) * strength  # (n, turns, s - 2, s - 2)
    return torch.cat(
        [
            adaptive_avg_pool2d(ink, _INK).flatten(1),
            adaptive_avg_pool2d(shares, _CELLS).flatten(1),
        ],
        dim=1,
    )


def squared_distances(ours: Floats, theirs: Floats) -> Floats:
    """The squared distances of features (n, d) and (m, d): (n, m)."""
    lengths = np.square(ours).sum(1)[:, None] + np.square(theirs).sum(1)[None]
    found: Floats = np.maximum(lengths - 2 * ours @ theirs.T, 0).astype(np.float32)
    return found


def _units(part: Floats) -> tuple[Floats, Floats]:
    centre, spread = part.mean(axis=0), part.std(axis=0)
    least = float(spread.mean()) * _LEAST + _TINY
    return centre, np.maximum(spread, least)
