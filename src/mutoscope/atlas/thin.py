"""Where drawings are thin: samples that lie farther out than drawings do.

After the realism score of Kynkäänniemi et al., *Improved Precision and Recall Metric for Assessing
Generative Models* (NeurIPS 2019): around each tile lies a ball that reaches to its third nearest
tile, the larger half of the balls is left out, since one tile by itself would cover all around it,
and what counts is how far out a picture is in the ball that it is best in. How far is too far is
judged by tiles that were kept apart. Their features are those of VGG; ours are `Likeness`.
"""

from dataclasses import dataclass

import numpy as np

from mutoscope.atlas.likeness import Floats, squared_distances

NEIGHBOURS = 3
_AT_ONCE = 512
_TINY = 1e-9
_FEWEST = 8  # of those that are kept apart
_MANY = 0.2  # of the samples; as many lie outside by chance in no map
_PROBES = 8  # one tile in so many is kept apart, to see how far out the real ones lie
_REAL = 0.95  # the share of those that lie within the rim


@dataclass(frozen=True, eq=False)
class Covered:
    """What tiles cover: ``centres`` (m, d), and ``reach`` (m,), the squared radius around each."""

    centres: Floats
    reach: Floats

    @classmethod
    def by(cls, features: Floats, neighbours: int = NEIGHBOURS) -> "Covered":
        """What tiles with these features (n, d) cover; it takes more of them than neighbours."""
        reach = np.empty(len(features), np.float32)
        for first in range(0, len(features), _AT_ONCE):
            found = squared_distances(features[first : first + _AT_ONCE], features)
            found[np.arange(len(found)), first + np.arange(len(found))] = 0
            # The nearest is the tile itself.
            third = np.partition(found, neighbours, axis=1)[:, neighbours]
            reach[first : first + len(found)] = third
        small = reach <= np.median(reach)
        return cls(features[small], reach[small])

    def thinness(self, features: Floats) -> Floats:
        """How far out pictures (n, d) lie: 1 on the rim of the ball that they are best in."""
        far = squared_distances(features, self.centres) / np.maximum(self.reach, _TINY)[None]
        found: Floats = np.sqrt(far.min(axis=1))
        return found


@dataclass(frozen=True, eq=False)
class Thin:
    """Which samples lie outside.

    Attributes:
        thinness: of each sample, as `Covered.thinness` gives it.
        rim: of what thinness on they lie outside: 19 of 20 real tiles, kept apart, don't.
    """

    thinness: Floats
    rim: float

    @property
    def outside(self) -> list[bool]:
        """Whether each sample lies outside."""
        return [bool(value > self.rim) for value in self.thinness]

    def sentence(self) -> str:
        """What was found, in a sentence or two."""
        count, total = sum(self.outside), len(self.thinness)
        told = (
            f"{count} of {total} samples ({count / total:.0%}) lie outside of what the drawings "
            f"cover; of drawings that were kept apart, {1 - _REAL:.0%} do."
        )
        if count / total > _MANY:
            told += " The generator draws what it has hardly been shown."
        return told


def find_thin(tiles: Floats, samples: Floats) -> Thin | None:
    """Where samples (n, d) lie outside of tiles (m, d); None where there are too few tiles."""
    tiles = np.unique(tiles, axis=0)  # the same one many times would cover nothing but itself
    kept = np.arange(len(tiles)) % _PROBES == _PROBES - 1
    if int(kept.sum()) < _FEWEST:
        return None
    covered = Covered.by(tiles[~kept])
    rim = float(np.quantile(covered.thinness(tiles[kept]), _REAL))
    return Thin(covered.thinness(samples), rim)
