"""Which colour each region of a drawing has, and how it keeps it through a film.

In a film, a region is the one of the frame before with which it shares most, if that one too
shares most with it. It then keeps its colour. One that parts from another begins with that one's
colour and fades to its own; where regions flow together, the largest goes on, from the mean of
their colours back to its own. So a line that opens for some frames doesn't make colours flash.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix

from mutoscope.colours import Colour
from mutoscope.errors import SettingsError
from mutoscope.finish.fill import Labels, Regions
from mutoscope.finish.process import WHITE
from mutoscope.images import Pixels

Colours = npt.NDArray[np.float32]
"""Colours of the regions, sRGB in [0, 1], (count + 1, 3); the first is of no region."""

_CELLS = 24  # a side: regions within one cell of a picture draw the same lot
_LEFT = 0.05  # of a difference in colour, after the frames that a fade takes
_SAME = 0.5 / WHITE
_GOLDEN = 0.382  # of a palette: how far to go on for a colour that no neighbour has


class By(StrEnum):
    """What a region's place in the palette comes from."""

    CHANCE = "chance"
    """A lot that its place and the seed draw; neighbours differ where the palette allows it."""
    AREA = "area"
    """Its size: the largest has the first colour, the next the second, and so on, around."""
    PLACE = "place"
    """How far down its middle lies: the first colour is at the top, the last at the bottom."""


@dataclass(frozen=True)
class PaletteColours:
    """Colours of regions from a palette.

    Attributes:
        palette: The colours, at least one.
        by: What decides.
        seed: Another one draws other lots.
    """

    palette: tuple[Colour, ...]
    by: By = By.CHANCE
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.palette:
            raise SettingsError("--fill: the palette has no colour; give at least one")

    def __call__(self, regions: Regions, held: Colours | None = None) -> Colours:
        """The colour of each region, (count + 1, 3).

        Args:
            regions: The regions of a drawing.
            held: Colours that some of them have already, NaN for the others.
        """
        if self.by is By.CHANCE:
            own = self._by_chance(regions, held)
        elif self.by is By.AREA:
            own = self._by_area(regions)
        else:
            own = self._by_place(regions)
        if held is None:
            return own
        return np.where(np.isnan(held), own, held)

    def _by_area(self, regions: Regions) -> Colours:
        order = np.argsort(-regions.areas()[1:], kind="stable")
        rank = np.empty(regions.count, np.int64)
        rank[order] = np.arange(regions.count)
        return _with_none(self._table()[rank % len(self.palette)])

    def _by_place(self, regions: Regions) -> Colours:
        height = regions.grown.shape[0]
        at = middles(regions)[1:, 1] / height * (len(self.palette) - 1)
        stops, table = np.arange(len(self.palette)), self._table()
        columns = [np.interp(at, stops, table[:, channel]) for channel in range(3)]
        return _with_none(np.stack(columns, axis=1).astype(np.float32))

    def _by_chance(self, regions: Regions, held: Colours | None) -> Colours:
        table, count = self._table(), len(self.palette)
        chosen = np.full(regions.count + 1, -1)
        if held is not None:
            known = np.flatnonzero(~np.isnan(held[:, 0]))
            away = np.abs(held[known, None] - table).sum(axis=2)  # (known, colours)
            chosen[known] = away.argmin(axis=1)
        lots = self._lots(regions)
        step = max(1, round(_GOLDEN * count))
        while np.gcd(step, count) > 1:  # else not every colour would have its turn
            step += 1
        borders = _borders(regions)
        for region in np.argsort(-regions.areas()[1:], kind="stable") + 1:
            if chosen[region] >= 0:
                continue
            near, length = borders(region)
            met = np.zeros(count)
            there = chosen[near] >= 0
            np.add.at(met, chosen[near][there], length[there])
            order = (lots[region] + step * np.arange(count)) % count
            chosen[region] = order[met[order].argmin()]  # the first of those that are met least
        return _with_none(table[chosen[1:]])

    def _lots(self, regions: Regions) -> npt.NDArray[np.int64]:
        """What each region draws, by the cell of the picture in which its middle lies."""
        height, width = regions.grown.shape
        cells = (middles(regions) / (width, height) * _CELLS).astype(np.int64)
        drawn = np.random.default_rng(self.seed).integers(
            0, len(self.palette), (_CELLS + 1, _CELLS + 1)
        )
        lots: npt.NDArray[np.int64] = drawn[cells[:, 1], cells[:, 0]]
        return lots

    def _table(self) -> Colours:
        return np.asarray(self.palette, np.float32)


@dataclass(frozen=True, eq=False)
class PictureColours:
    """Colours of regions from a picture that lies under the drawing.

    Attributes:
        fitted: The picture at the size that is asked for, (width, height), as (H, W, 3).
    """

    fitted: Callable[[tuple[int, int]], Pixels]

    def __call__(self, regions: Regions, held: Colours | None = None) -> Colours:  # noqa: ARG002
        """The mean colour of the picture under each region, (count + 1, 3)."""
        height, width = regions.found.shape
        under = self.fitted((width, height))
        flat = regions.found.ravel()
        areas = np.bincount(flat, minlength=regions.count + 1)
        sums = [
            np.bincount(flat, under[..., channel].ravel(), minlength=regions.count + 1)
            for channel in range(3)
        ]
        means = np.stack(sums, axis=1) / np.maximum(areas, 1)[:, None] / WHITE
        means[0] = 0
        return means.astype(np.float32)


Chooser = PaletteColours | PictureColours
"""Gives each region of a drawing a colour."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a frame leaves to the next: its regions, the colours they show and those they own."""

    regions: Regions
    shown: Colours
    own: Colours


@dataclass(frozen=True, eq=False)
class Steady:
    """The colours of regions through a film; each call gives the next value to go on from.

    Attributes:
        chooser: What gives a new region its colour.
        fade: Over about how many frames a colour changes; 0 changes it at once.
    """

    chooser: Chooser
    fade: int = 8
    _seen: _Seen | None = None

    def __post_init__(self) -> None:
        if self.fade < 0:
            raise SettingsError(f"--fade: {self.fade} frames are none; allowed is 0 or more")

    def after(self, regions: Regions) -> tuple[Colours, "Steady"]:
        """The colours of the next frame's regions, and what the frame after it goes on from."""
        before = self._seen
        if (
            before is None
            or not before.regions.count
            or not regions.count
            or before.regions.grown.shape != regions.grown.shape
        ):
            shown = own = self.chooser(regions)
        else:
            kin = _Kin.of(before.regions.grown, regions.grown)
            held = np.full((regions.count + 1, 3), np.nan, np.float32)
            held[kin.heirs] = before.own[kin.heirs_of]
            own = self.chooser(regions, held)
            shown = self._faded(kin.inherited(before.shown), own)
        return shown, replace(self, _seen=_Seen(regions, shown, own))

    def _faded(self, start: Colours, own: Colours) -> Colours:
        """Colours on their way from those of the frame before to a region's own."""
        left = _LEFT ** (1 / self.fade) if self.fade else 0.0
        shown = own + (start - own) * np.float32(left)
        arrived = np.abs(shown - own).max(axis=1, keepdims=True) < _SAME
        faded: Colours = np.where(arrived, own, shown).astype(np.float32)
        return faded


@dataclass(frozen=True, eq=False)
class _Kin:
    """How the regions of two frames lie over one another.

    Attributes:
        parents: Of each region now, the one before with which it shares most.
        heirs, heirs_of: The regions that go on, and which ones before they were.
        lost: The regions before that do not go on; ``into``: the ones now that took most of each.
        areas: How many pixels each region before had.
    """

    parents: npt.NDArray[np.int64]
    heirs: npt.NDArray[np.int64]
    heirs_of: npt.NDArray[np.int64]
    lost: npt.NDArray[np.int64]
    into: npt.NDArray[np.int64]
    areas: npt.NDArray[np.int64]

    @classmethod
    def of(cls, before: Labels, now: Labels) -> "_Kin":
        """Compare two maps in which no pixel is 0."""
        shape = int(before.max()) + 1, int(now.max()) + 1
        ones = np.ones(now.size, np.int32)
        shared = coo_matrix((ones, (before.ravel(), now.ravel())), shape=shape).tocsr()
        parents = np.asarray(shared.argmax(axis=0)).ravel().astype(np.int64)
        children = np.asarray(shared.argmax(axis=1)).ravel().astype(np.int64)
        areas = np.asarray(shared.sum(axis=1)).ravel().astype(np.int64)
        regions = np.arange(1, shape[1])
        heirs = regions[children[parents[regions]] == regions]
        lost = np.setdiff1d(np.flatnonzero(areas), parents[heirs])
        return cls(parents, heirs, parents[heirs], lost, children[lost], areas)

    def inherited(self, shown: Colours) -> Colours:
        """The colours from which the regions now set out, (count + 1, 3).

        Each has that of the region before it; where others ended in one that goes on, the mean of
        all, by area.
        """
        start = shown[self.parents].astype(np.float64)
        weights = np.ones(len(start))
        weights[self.heirs] = self.areas[self.heirs_of]
        goes_on = np.isin(self.into, self.heirs)
        lost, into = self.lost[goes_on], self.into[goes_on]
        start *= weights[:, None]
        np.add.at(start, into, shown[lost] * self.areas[lost, None])
        np.add.at(weights, into, self.areas[lost])
        mean: Colours = (start / weights[:, None]).astype(np.float32)
        return mean


def middles(regions: Regions) -> npt.NDArray[np.float64]:
    """The centre of gravity of each region, (count + 1, 2) as x and y in pixels."""
    height, width = regions.grown.shape
    flat = regions.grown.ravel()
    length = regions.count + 1
    x = np.bincount(flat, np.tile(np.arange(width) + 0.5, height), minlength=length)
    y = np.bincount(flat, np.repeat(np.arange(height) + 0.5, width), minlength=length)
    return np.stack([x, y], axis=1) / np.maximum(regions.areas(), 1)[:, None]


def _with_none(colours: Colours) -> Colours:
    """The colours of regions 1 to n with one in front for what belongs to none."""
    return np.concatenate([np.zeros((1, 3), np.float32), colours.astype(np.float32)])


def _borders(
    regions: Regions,
) -> Callable[[int], tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]]:
    """What tells a region's neighbours and how many pixels long it borders on each."""
    grown, length = regions.grown, regions.count + 1
    ends = []
    for a, b in ((grown[:, :-1], grown[:, 1:]), (grown[:-1], grown[1:])):
        met = a != b
        ends += [np.stack([a[met], b[met]]), np.stack([b[met], a[met]])]
    rows, columns = np.concatenate(ends, axis=1)
    ones = np.ones(len(rows), np.int64)
    table = coo_matrix((ones, (rows, columns)), shape=(length, length)).tocsr()

    def of(region: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        part = slice(table.indptr[region], table.indptr[region + 1])
        return table.indices[part], table.data[part]

    return of
