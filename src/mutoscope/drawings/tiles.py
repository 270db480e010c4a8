"""Tiles cut from the pages while they are wanted: never the same twice, never a folder of millions.

Tile k of a seed is the same one for ever: its page, place, angle, side and size are made of the
seed and k alone, so a training that is resumed sees the tiles that it would have seen, whatever
the number of threads. Each batch mixes all pages.
"""

import hashlib
import math
import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from mutoscope.closable import Closable
from mutoscope.drawings.cutting import Place, cut, reach
from mutoscope.drawings.grid import Pixels
from mutoscope.drawings.sheets import Sheet, roomy
from mutoscope.errors import MediaError, SettingsError

SIZES = (4, 2048)
MOST_JITTER = 4.0
_NUMBERS = 8  # that a place is made of
_TURNS = 8  # four quarter turns, and their mirrored twins

Numbers = Sequence[float]
"""Eight numbers in [0, 1) from which one place is made."""


class Places(Protocol):
    """Where tiles come from: numbers in, a place out. See `Blobs` and `Turned`."""

    @property
    def sheets(self) -> Sequence[Sheet]:
        """The pages to which the places' numbers refer."""
        ...

    def __call__(self, numbers: Numbers) -> Place:
        """The place that the numbers say."""
        ...


class Blobs:
    """Places anywhere in the pages' boxes, at any angle, mirrored half the time.

    Every part of the paper is equally likely. A tile's corners never leave its box.

    Args:
        sheets: the pages; those whose box can't hold a tile at every angle are left out.
        size: the tile's side in pixels of the sheets.
        jitter: the side varies between size / jitter and size · jitter; 1 for not at all.
        turn: whether tiles are turned.
        mirror: whether they are mirrored half the time.

    Raises:
        MediaError: no page has room.
        SettingsError: ``jitter`` is not between 1 and 4.
    """

    def __init__(
        self,
        sheets: Sequence[Sheet],
        size: int,
        *,
        jitter: float = 1.0,
        turn: bool = True,
        mirror: bool = True,
    ) -> None:
        if not 1 <= jitter <= MOST_JITTER:
            raise SettingsError(
                f"jitter: {jitter:g} is not allowed; allowed are 1 (none) to {MOST_JITTER:g}"
            )
        needs = size * jitter * (math.sqrt(2) if turn else 1)
        self.sheets = roomy(sheets, needs, what=f"a tile of {size}")
        self.size, self.jitter, self.turn, self.mirror = size, jitter, turn, mirror
        self._ends = list(accumulate(s.box.width * s.box.height for s in self.sheets))

    def __call__(self, numbers: Numbers) -> Place:
        """The place that the numbers say: page, angle, side, mirror, x and y."""
        page = bisect_right(self._ends, numbers[0] * self._ends[-1])
        angle = 360 * numbers[1] if self.turn else 0.0
        side = self.size * self.jitter ** (2 * numbers[2] - 1)
        box, half = self.sheets[page].box, reach(side, angle)
        x = box.left + half + numbers[4] * (box.width - 2 * half)
        y = box.top + half + numbers[5] * (box.height - 2 * half)
        if not self.turn and side == self.size:
            x, y = _aligned(x, side), _aligned(y, side)
        return Place(page, x, y, side, angle, self.mirror and numbers[3] < 0.5)


class Turned:
    """Places that somebody picked, each in its eight turns.

    Args:
        sheets: the pages, to which the places' numbers refer.
        picked: the places.

    Raises:
        MediaError: there are none.
    """

    def __init__(self, sheets: Sequence[Sheet], picked: Sequence[Place]) -> None:
        if not picked:
            raise MediaError("specimens: none is picked; pick some, or cut blobs instead")
        self.sheets, self.picked = sheets, list(picked)

    def __call__(self, numbers: Numbers) -> Place:
        """The place that the numbers say: which specimen, and which of its turns."""
        place = self.picked[int(numbers[0] * len(self.picked))]
        return turned(place, int(numbers[1] * _TURNS))


def turned(place: Place, turn: int) -> Place:
    """One of the eight turns: 0–3 quarter turns, 4–7 the same mirrored; 0 is as it was."""
    quarters, mirror = turn % 4, turn >= 4
    return Place(
        place.page, place.x, place.y, place.side, (place.angle + 90 * quarters) % 360,
        place.mirror != mirror,
    )  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Which drawing a tile is from: the page's name and digest, and the place in the scan's pixels.

    ``x`` and ``y`` are the centre, ``side`` the length of a side; ``angle`` is in degrees.
    """

    page: str
    digest: str
    x: float
    y: float
    side: float
    angle: float
    mirror: bool


def origin_of(sheet: Sheet, place: Place) -> Origin:
    """The origin of a tile at ``place``."""
    x, y, side = (value / sheet.scale for value in (place.x, place.y, place.side))
    return Origin(sheet.name, sheet.digest, x, y, side, place.angle, place.mirror)


class Tiles(Closable):
    """An endless sequence of tiles.

    A context manager: its threads end with it.

    Args:
        places: where they come from.
        size: their side in pixels.
        seed: another seed, other tiles.
        workers: how many threads cut.
    """

    def __init__(self, places: Places, size: int, *, seed: int = 0, workers: int = 2) -> None:
        check_size(size)
        self.places, self.size, self.seed = places, size, seed
        pixels = places.sheets[0].pixels
        self.channels = 1 if pixels.ndim == 2 else 3
        self._pool = ThreadPoolExecutor(workers, "tiles") if workers > 1 else None
        self._workers = workers

    def place(self, index: int) -> Place:
        """Where tile ``index`` comes from."""
        return self.places(numbers_of(self.seed, index))

    def origin(self, index: int) -> Origin:
        """Which drawing tile ``index`` is from."""
        place = self.place(index)
        return origin_of(self.places.sheets[place.page], place)

    def tile(self, index: int, *, size: int | None = None) -> Pixels:
        """One tile, (size, size) or (size, size, 3)."""
        return cut_from(self.places.sheets, self.place(index), size or self.size)

    def crops(self, indices: Iterable[int], *, size: int | None = None) -> Pixels:
        """Tiles as bytes, (n, channels, size, size)."""
        asked, side = list(indices), size or self.size
        batch = np.empty((len(asked), self.channels, side, side), np.uint8)

        def fill(rows: range) -> None:
            for row in rows:
                tile = self.tile(asked[row], size=side)
                batch[row] = tile if self.channels == 1 else tile.transpose(2, 0, 1)

        shares = [range(first, len(asked), self._workers) for first in range(self._workers)]
        if self._pool is None or len(asked) < 2:
            fill(range(len(asked)))
        else:
            list(self._pool.map(fill, shares))  # a list, so that what fails in a thread is raised
        return batch

    def batch(
        self,
        indices: Iterable[int] | torch.Generator,
        n: int | None = None,
        *,
        size: int | None = None,
    ) -> Tensor:
        """Tiles as numbers in [0, 1], (n, channels, size, size).

        Args:
            indices: which tiles; or a generator, which draws ``n`` of them.
            n: how many, with a generator.
            size: another side; the same piece of the page is then shown in more or fewer pixels.
        """
        if isinstance(indices, torch.Generator):
            if n is None:
                raise ValueError("n: a generator must be told how many tiles to draw")
            indices = torch.randint(2**53, (n,), generator=indices).tolist()
        return torch.from_numpy(self.crops(indices, size=size)).float().div_(255)

    def close(self) -> None:
        """End its threads. Tiles can still be cut, one after another."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool, self._workers = None, 1


def cut_from(sheets: Sequence[Sheet], place: Place, size: int) -> Pixels:
    """The tile at a place on one of the sheets; what goes wrong names the page."""
    sheet = sheets[place.page]
    try:
        return cut(sheet.pixels, place, size)
    except (OSError, ValueError, cv2.error) as error:
        why = " ".join(str(error).split())[:160]
        raise MediaError(f"{sheet.path}: a tile can't be cut from it: {why}") from error


def numbers_of(seed: int, index: int) -> list[float]:
    """The eight numbers in [0, 1) of one tile.

    A hash, not a generator: nothing has to be kept or replayed, and no library's version matters.
    """
    digest = hashlib.blake2b(f"tile/{seed}/{index}".encode(), digest_size=8 * _NUMBERS).digest()
    return [(word >> 11) * 2.0**-53 for word in struct.unpack(f"<{_NUMBERS}Q", digest)]


def check_size(size: int) -> None:
    """Refuse a side that no tile has."""
    if not SIZES[0] <= size <= SIZES[1]:
        raise SettingsError(
            f"size: {size} is not allowed; allowed are {SIZES[0]}–{SIZES[1]} pixels"
        )


def _aligned(value: float, side: float) -> float:
    """The centre nearest to ``value`` at which a tile's edges fall between pixels."""
    return math.floor(value - side / 2) + side / 2
