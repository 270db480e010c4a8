"""Which tiles a folder of drawings gives when they are to lie on disk: how many, and each one.

Blobs stand in a raster, each turned by an angle of its own and mirrored half the time; specimens
come in their eight turns. Tile k of a seed is the same one for ever.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from mutoscope.drawings.cutting import Place
from mutoscope.drawings.grid import Centres, centres
from mutoscope.drawings.sheets import Sheet, roomy
from mutoscope.drawings.specimens import VARIANTS
from mutoscope.drawings.tiles import numbers_of, turned


class Plan(Protocol):
    """All tiles that there will be."""

    sheets: Sequence[Sheet]

    def __len__(self) -> int:
        """How many."""
        ...

    def place(self, index: int) -> Place:
        """Where tile ``index`` is cut."""
        ...

    def name(self, index: int) -> str:
        """Its file's name, with the page's folder and without an ending."""
        ...


@dataclass(frozen=True)
class Wishes:
    """How tiles are laid over the pages.

    Attributes:
        size: their side in pixels.
        steps: how many centres to a cell of the grid.
        seed: another seed, other angles.
        turn: whether they are turned.
        mirror: whether they are mirrored half the time.
    """

    size: int
    steps: int = 2
    seed: int = 0
    turn: bool = True
    mirror: bool = True


class BlobPlan:
    """Tiles in a raster over the pages' boxes.

    Raises:
        MediaError: no page has room for one.
    """

    def __init__(self, sheets: Sequence[Sheet], wishes: Wishes) -> None:
        self.wishes = wishes
        need = wishes.size * 2**0.5 + 1
        self.sheets = roomy(sheets, need, what=f"a tile of {wishes.size}")
        self.rasters: list[Centres] = [
            centres(sheet.box, size=wishes.size, steps=wishes.steps, dpi=sheet.dpi)
            for sheet in self.sheets
        ]
        self._ends = list(accumulate(len(raster) for raster in self.rasters))

    def __len__(self) -> int:
        return self._ends[-1]

    def place(self, index: int) -> Place:
        """Where tile ``index`` is cut: page after page, row after row."""
        page, at = self._at(index)
        x, y = self.rasters[page][at]
        numbers = numbers_of(self.wishes.seed, index)
        angle = 360 * numbers[1] if self.wishes.turn else 0.0
        mirror = self.wishes.mirror and numbers[3] < 0.5
        return Place(page, x, y, self.wishes.size, angle, mirror)

    def name(self, index: int) -> str:
        """The page, the row and the column."""
        page, at = self._at(index)
        row, col = divmod(at, self.rasters[page].cols)
        return f"{self.sheets[page].name}/r{row:04d}_c{col:04d}"

    def _at(self, index: int) -> tuple[int, int]:
        page = bisect_right(self._ends, index)
        return page, index - (self._ends[page - 1] if page else 0)


class SpecimenPlan:
    """Specimens, each in its eight turns.

    Args:
        sheets: the pages, to which the places' numbers refer.
        picked: the specimens' places, page after page.
    """

    def __init__(self, sheets: Sequence[Sheet], picked: Sequence[Place]) -> None:
        self.sheets, self.picked = sheets, picked
        before: Counter[int] = Counter()
        self._numbers: list[int] = []  # of each specimen on its page
        for place in picked:
            self._numbers.append(before[place.page])
            before[place.page] += 1

    def __len__(self) -> int:
        return len(self.picked) * VARIANTS

    def place(self, index: int) -> Place:
        """Where tile ``index`` is cut: specimen after specimen, turn after turn."""
        return turned(self.picked[index // VARIANTS], index % VARIANTS)

    def name(self, index: int) -> str:
        """The page, the specimen's number on it, mirrored or not, and the quarter turns."""
        at, turn = divmod(index, VARIANTS)
        page = self.sheets[self.picked[at].page].name
        return f"{page}/t{self._numbers[at]:03d}_rf{turn // 4}{turn % 4}"
