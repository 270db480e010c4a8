"""Constant speed along a curve, as the eye sees it: by arc length in any space of features.

A curve through a latent space, followed at the even ticks of its own parameter, now crawls and now
leaps: a generator changes its picture more in some places than in others. Here the curve is
measured by how far apart its pictures are, with places taken as densely as that varies, and frames
are put where its length has even steps.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from mutoscope.errors import SettingsError
from mutoscope.paths.closed import Curve

Floats = NDArray[np.float64]

Features = Callable[[Tensor], Tensor]
"""Vectors (n, d) to features (n, m); how far two pictures are apart is a Euclidean distance."""

TOLERANCE = 0.007
"""How far a length may be from what its neighbours foretell; its parts are then surer still."""

_COARSE = 32  # places at which the picture is seen at first, at least
_PIECE = 4  # of them on each smooth piece of the curve, at least
_DENSE = 16  # parts into which what lies between two of them is divided, to turn lengths to places
_SLOWEST = 1e-4  # of the mean speed: where nothing changes, the curve is gone along so fast


@dataclass(frozen=True, eq=False)
class Pace:
    """How long a curve is from its start to each of its places, as the features have it.

    Attributes:
        places: ascending, from 0 to 1, dense.
        lengths: the length up to each, from 0.
        stops: the places at which a frame should fall; empty where it doesn't matter.
        measured: at how many places the features were seen for it.
        even: whether they were enough to know all others within `TOLERANCE`.
    """

    places: Floats
    lengths: Floats
    stops: tuple[float, ...] = ()
    measured: int = 0
    even: bool = True

    def at(self, shares: Floats) -> Floats:
        """The places at so much of the whole length, in [0, 1]."""
        places: Floats = np.interp(shares * self.lengths[-1], self.lengths, self.places)
        return places

    def frames(self, count: int) -> Floats:
        """The places of ``count`` frames at one speed; from the last to the first is a step too."""
        if not self.stops or count < 2 * len(self.stops):
            return self.at(np.arange(count) / count)
        # A step around a corner would be shorter than it is along the way.
        edges = np.interp([*self.stops, 1.0], self.places, self.lengths) / self.lengths[-1]
        counts = shared(np.diff(edges), count)
        pieces = [
            low + (high - low) * np.arange(number) / number
            for low, high, number in zip(edges[:-1], edges[1:], counts, strict=True)
        ]
        return self.at(np.concatenate(pieces))


def pace_of(curve: Curve) -> Pace:
    """The pace of a curve at which its own parameter runs evenly."""
    ends = np.array([0.0, 1.0])
    return Pace(ends, ends, curve.breaks if curve.corners else ())


def measure(
    curve: Curve,
    features: Features,
    *,
    frames: int,
    most: int | None = None,
    tolerance: float = TOLERANCE,
    progress: Callable[[int], None] | None = None,
) -> Pace:
    """Measure how long a curve is, as the features have it, finely where its speed varies.

    The features are seen at some places. Between two of them the length at the middle is foretold
    by all the others (a monotone cubic), and then seen; where it was foretold badly, or where the
    way through the middle is longer than the straight one, both halves are treated alike.

    Args:
        curve: along what.
        features: what is to change at one speed.
        frames: how many the film will have; much closer than these nothing is looked at.
        most: at how many places the features may be seen.
        tolerance: see `TOLERANCE`.
        progress: told at how many they have been seen.
    """
    edges = np.array([*sorted({0.0, *curve.breaks}), 1.0])
    counts = [max(_PIECE, round(_COARSE * width)) for width in np.diff(edges)]
    grids = [
        np.linspace(low, high, number, endpoint=False)
        for (low, high), number in zip(itertools.pairwise(edges), counts, strict=True)
    ]
    seen = _Seen(curve, features, edges, np.concatenate([*grids, [1.0]]))
    cells = np.arange(len(seen.places) - 1)  # those that have not been looked into
    while len(cells):
        if progress is not None:
            progress(seen.count)
        room = len(cells) if most is None else max(0, most - seen.count)
        if len(cells) > room:
            if room:
                longest = np.argsort(-seen.lengths[cells], kind="stable")[:room]
                seen.halve(np.sort(cells[longest]))
            return seen.pace(curve, even=False)
        wrong = seen.halve(cells)
        halves = cells + np.arange(len(cells))  # the first of each, by their numbers now
        bad = halves[wrong > tolerance]
        cells = np.stack([bad, bad + 1], axis=1).ravel()
        cells = cells[seen.lengths[cells] > seen.lengths.sum() / frames / 2]
    return seen.pace(curve, even=True)


def warped(speeds: Floats) -> Floats:
    """Shares of a loop's length, (F,) from 0 on, if each frame moves on by so much as it says.

    The last one's step leads to the first: whatever the speeds, the loop closes.

    Raises:
        SettingsError: nothing moves at all, or a speed is below 0 or no number.
    """
    if not np.isfinite(speeds).all() or speeds.min(initial=0.0) < 0:
        raise SettingsError("drive: a speed along the path is below 0 or no number; lower the gain")
    total = float(speeds.sum())
    if total <= 0:
        raise SettingsError("drive: the speed along the path is 0 all the time; lower the gain")
    return np.concatenate([[0.0], np.cumsum(speeds)[:-1]]) / total


def angles(vectors: Tensor) -> Tensor:
    """Features of vectors of which only the direction counts: how far two are apart on a sphere."""
    return torch.nn.functional.normalize(vectors, dim=1)


def shared(parts: Floats, count: int) -> list[int]:
    """Divide ``count`` in proportion to ``parts``, none getting less than 1 (largest remainder)."""
    exact = parts / parts.sum() * count
    whole = np.maximum(1, np.floor(exact)).astype(int)
    while whole.sum() < count:
        whole[int(np.argmax(exact - whole))] += 1
    while whole.sum() > count:
        whole[int(np.argmax(np.where(whole > 1, whole - exact, -np.inf)))] -= 1
    numbers: list[int] = whole.tolist()
    return numbers


class _Seen:
    """The features at places along a curve, and how far apart they are from each to the next."""

    def __init__(self, curve: Curve, features: Features, edges: Floats, places: Floats) -> None:
        self._curve, self._features, self._edges = curve, features, edges
        self.places = places
        self.lengths: Floats = np.zeros(0)
        self.count = len(places)
        self._values = self._look(places)
        self._measure()

    def halve(self, cells: NDArray[np.int64]) -> Floats:
        """Look into the middle of cells, ascending; says how wrong each had been known."""
        middles = (self.places[cells] + self.places[cells + 1]) / 2
        foretold = self._lengths_at(middles) - self._starts()[cells]
        straight = self.lengths[cells]
        self._values = torch.from_numpy(
            np.insert(self._values.numpy(), cells + 1, self._look(middles).numpy(), axis=0)
        )
        self.places = np.insert(self.places, cells + 1, middles)
        self.count += len(cells)
        self._measure()
        first = cells + np.arange(len(cells))
        before, after = self.lengths[first], self.lengths[first + 1]
        way = np.maximum(before + after, 1e-30)
        # A length that is off by so much of half of the cell is a speed that is.
        share = np.abs(before / way - foretold / np.maximum(straight, 1e-30)) * 2
        wrong: Floats = np.maximum(share, (way - straight) / way)
        return wrong

    def pace(self, curve: Curve, *, even: bool) -> Pace:
        """The length along the curve up to every place."""
        dense = np.linspace(self.places[:-1], self.places[1:], _DENSE, endpoint=False, axis=1)
        places = np.append(dense.ravel(), 1.0)
        stops = curve.breaks if curve.corners else ()
        return Pace(places, self._lengths_at(places), stops, self.count, even)

    def _look(self, places: Floats) -> Tensor:
        return self._features(self._curve.at(torch.from_numpy(places))).cpu()

    def _measure(self) -> None:
        apart = self._values.diff(dim=0).double().norm(dim=1).numpy()
        least = max(_SLOWEST * float(apart.sum()), 1e-30)
        self.lengths = np.maximum(apart, least * np.diff(self.places))

    def _starts(self) -> Floats:
        starts: Floats = np.concatenate([[0.0], np.cumsum(self.lengths)])
        return starts

    def _lengths_at(self, wanted: Floats) -> Floats:
        """The length up to places, interpolated on each smooth piece of the curve by itself."""
        starts = self._starts()
        found = np.zeros_like(wanted)
        for low, high in itertools.pairwise(self._edges):
            here = (self.places >= low) & (self.places <= high)
            inside = (wanted >= low) & (wanted <= high)
            found[inside] = PchipInterpolator(self.places[here], starts[here])(wanted[inside])
        return found
