"""Fewer blank tiles: places without ink on them are drawn again, but for a share of them.

Much of a page is bare paper, and of small tiles a third may show nothing else. Whether there is ink
at a place is looked up in sums over the page seen small, so that no tile is cut for it.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from mutoscope.drawings.cutting import Place, reach
from mutoscope.drawings.ink import find_ink
from mutoscope.drawings.sheets import Sheet
from mutoscope.drawings.tiles import Numbers, Places, numbers_of
from mutoscope.errors import SettingsError

TRIES = 64
LEAST_STROKE = 0.25  # of the tile's side: a stroke of that length is enough
_KEEP, _AGAIN = 6, 7  # of a tile's numbers, those that other places leave alone


class Inked:
    """Places of which those without ink are mostly drawn again.

    A tile that is drawn again gets its numbers from those it had, so that tile k is the same one
    for ever. After so many tries without ink the last place stays.

    Args:
        places: where tiles come from; they look at no number past the sixth.
        blank: the share of blank places that stay as they are; 1 is for all.
        tries: how often a place is drawn again at most.

    Raises:
        SettingsError: ``blank`` is not between 0 and 1.
    """

    def __init__(self, places: Places, *, blank: float, tries: int = TRIES) -> None:
        if not 0 <= blank <= 1:
            raise SettingsError(f"blank: {blank:g} is not allowed; allowed are 0 (none) to 1 (all)")
        self.places, self.blank, self.tries = places, blank, tries
        self._looks = [_Sums(sheet) for sheet in places.sheets] if blank < 1 else []

    @property
    def sheets(self) -> Sequence[Sheet]:
        """As in `Places`."""
        return self.places.sheets

    def __call__(self, numbers: Numbers) -> Place:
        """The place that the numbers say, or one that they lead to."""
        place = self.places(numbers)
        if numbers[_KEEP] < self.blank or self.has_ink(place):
            return place
        again = int(numbers[_AGAIN] * 2**53)
        for attempt in range(self.tries):
            place = self.places(numbers_of(again, attempt))
            if self.has_ink(place):
                break
        return place

    def has_ink(self, place: Place) -> bool:
        """Whether a stroke is at the place; of a turned one only the upright square in it counts.

        So whatever is said to have ink does, and what has some in a corner may be passed over.
        """
        half = place.side**2 / 4 / reach(place.side, place.angle)
        return self._looks[place.page].has_ink(place.x, place.y, half)


class _Sums:
    """The ink of a page summed up from its corner, (h + 1, w + 1), at ``scale``."""

    def __init__(self, sheet: Sheet) -> None:
        ink = find_ink(sheet.pixels, sheet.dpi)
        self.scale = ink.scale
        self.sums: npt.NDArray[np.int32] = np.asarray(cv2.integral(ink.mask), dtype=np.int32)

    def has_ink(self, x: float, y: float, half: float) -> bool:
        """Whether there is a stroke in the square around a point of the sheet."""
        height, width = self.sums.shape
        left, top = (
            min(max(math.ceil((at - half) * self.scale), 0), side - 1)
            for at, side in ((x, width), (y, height))
        )
        right, bottom = (
            min(max(math.floor((at + half) * self.scale), low), side - 1)
            for at, side, low in ((x, width, left), (y, height, top))
        )
        sums = self.sums
        ink = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return int(ink) >= max(1.0, LEAST_STROKE * 2 * half * self.scale)
