"""A contact sheet that grows: pictures in rows and columns, with what made each beside it.

No axis or one: the pictures wrap into a sheet of pleasing shape, each with its label below. Two and
more: a table. The first axes go down, the last ones across; every axis has its own headings, which
span what lies under them, and the pictures of an outer place stand a little apart from the next.
"""

import io
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw
from torch import Tensor

from mutoscope import provenance
from mutoscope.images import to_bytes
from mutoscope.lettering import Lettering

LONGEST = 4096
"""The most pixels that a sheet has on either side."""

Axes = Sequence[Sequence[str]]

_PAPER, _PLAIN, _INK, _FAINT = (255, 255, 255), (236, 237, 239), (38, 42, 48), (110, 116, 124)
_SHAPE = 1.4  # width by height of the sheet that wrapped pictures come nearest to
_HOLES = 2.0  # how much an empty place weighs against that
_NARROWEST = 112  # pixels of a cell, for its label, where there is room
_LINES = 3  # of a label


class Sheet:
    """A sheet of plain cells with labels, on which pictures are put as they are made.

    Args:
        axes: the labels of each axis; the pictures are all combinations, the last axis fastest.
        size: (width, height) of the largest picture; all are shrunk as much as it must be.
        title: what stands above, in one line.
    """

    def __init__(self, axes: Axes, size: tuple[int, int], *, title: str = "") -> None:
        self._axes = [list(axis) for axis in axes]
        self._plan = _fit(self._axes, size, titled=bool(title))
        plan = self._plan
        self._letters = Lettering([title, *itertools.chain.from_iterable(self._axes)], plan.points)
        self._picture = Image.new("RGB", plan.total, _PAPER)
        self._draw = ImageDraw.Draw(self._picture)
        if title:
            self._write([plan.gap, plan.gap, plan.total[0] - plan.gap, plan.top], title, 1, _INK)
        for index in range(plan.count):
            self._draw.rectangle(self._corners(index, plan.cell), fill=_PLAIN)
        (self._write_table if plan.table else self._write_below)()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._plan.total

    def cell(self, index: int) -> tuple[int, int, int, int]:
        """Where the picture ``index`` may lie: left, top, right, bottom."""
        left, top = self._plan.place(index)
        return left, top, left + self._plan.cell[0], top + self._plan.cell[1]

    def put(self, index: int, image: Tensor) -> None:
        """Put a picture, (1, 3, H, W) in [0, 1], into its cell: shrunk to fit, and centred."""
        left, top, right, bottom = self.cell(index)
        picture = Image.fromarray(to_bytes(image))
        scale = min(1.0, self._plan.scale, (right - left) / picture.width,
                    (bottom - top) / picture.height)  # fmt: skip
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        if size != picture.size:
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        self._draw.rectangle((left, top, right - 1, bottom - 1), fill=_PAPER)
        corner = (left + (right - left - size[0]) // 2, top + (bottom - top - size[1]) // 2)
        self._picture.paste(picture, corner)

    def image(self) -> Image.Image:
        """The sheet as it is now."""
        return self._picture.copy()

    def png(self, recipe: Mapping[str, Any] | None = None) -> bytes:
        """The sheet as it is now as the bytes of a PNG file, with its recipe.

        Equal sheets and recipes give equal bytes.
        """
        buffer = io.BytesIO()
        # Half the effort: it is written anew after every picture, and hardly larger for it.
        self._picture.save(buffer, "PNG", compress_level=3)
        data = buffer.getvalue()
        return data if recipe is None else provenance.stamped(data, recipe, "sheet")

    # ── drawing ──

    def _corners(self, index: int, size: tuple[int, int]) -> list[int]:
        left, top = self._plan.place(index)
        return [left, top, left + size[0] - 1, top + size[1] - 1]

    def _write_below(self) -> None:
        """One label below each picture."""
        for index, label in enumerate(self._axes[0] if self._axes else ()):
            left, _, right, bottom = self.cell(index)
            box = [left, bottom + self._plan.gap // 3, right, bottom + self._plan.strip]
            self._write(box, label, self._plan.lines, _INK, number=index, centred=True)

    def _write_table(self) -> None:
        """The headings of the axes that go across, above; of those that go down, on the left."""
        plan = self._plan
        top = plan.top
        for depth, (axis, height) in enumerate(zip(plan.across, plan.heads, strict=True)):
            for first, last, at in _spans([len(a) for a in plan.across], depth):
                left, right = plan.lefts[first], plan.lefts[last] + plan.cell[0]
                box = [left, top, right, top + height]
                self._write(box, axis[at], plan.lines, _INK, number=at, centred=True)
            top += height
        left = plan.gap
        for depth, (axis, width) in enumerate(zip(plan.down, plan.sides, strict=True)):
            for first, last, at in _spans([len(a) for a in plan.down], depth):
                box = [left, plan.tops[first], left + width, plan.tops[last] + plan.cell[1]]
                lines = max(1, (box[3] - box[1]) // self._letters.line)
                self._write(box, axis[at], min(lines, 8), _INK, number=at, middle=True)
            left += width + plan.gap

    def _write(
        self,
        box: Sequence[int],
        text: str,
        most: int,
        colour: tuple[int, int, int],
        *,
        number: int = 0,
        centred: bool = False,
        middle: bool = False,
    ) -> None:
        """Text in a box; where nothing of it can be read, the number of its place."""
        letters = self._letters
        text = letters.legible(text) or f"({number + 1})"
        lines = letters.wrapped(text, box[2] - box[0], most)
        y = float(box[1])
        if middle:
            y += (box[3] - box[1] - len(lines) * letters.line) / 2
        for line in lines:
            x = (box[0] + box[2]) / 2 if centred else box[0]
            anchor = "ma" if centred else "la"
            self._draw.text((x, y), line, fill=colour, font=letters.font, anchor=anchor)
            y += letters.line


# ── where things lie ──


@dataclass(frozen=True)
class _Plan:
    """The measures of a sheet in pixels; ``lefts`` and ``tops`` are those of columns and rows.

    ``down`` and ``across`` are a table's axes, ``sides`` and ``heads`` the room of their headings;
    ``strip`` is that of a label below each picture, where there is no table.
    """

    count: int
    scale: float
    cell: tuple[int, int]
    gap: int
    points: float
    lines: int
    top: int
    strip: int
    lefts: tuple[int, ...]
    tops: tuple[int, ...]
    down: Axes
    across: Axes
    sides: tuple[int, ...]
    heads: tuple[int, ...]
    total: tuple[int, int]

    @property
    def table(self) -> bool:
        return bool(self.down)

    def place(self, index: int) -> tuple[int, int]:
        """The upper left corner of a cell."""
        return self.lefts[index % len(self.lefts)], self.tops[index // len(self.lefts)]


def _fit(axes: Axes, size: tuple[int, int], *, titled: bool) -> _Plan:
    """The largest plan, with no picture enlarged, that is at most `LONGEST` on both sides."""
    scale = 1.0
    plan = _measure(axes, size, scale, titled=titled)
    while max(plan.total) > LONGEST and max(plan.cell) > 1:
        scale *= min(0.98, LONGEST / max(plan.total))
        plan = _measure(axes, size, scale, titled=titled)
    return plan


def _measure(axes: Axes, size: tuple[int, int], scale: float, *, titled: bool) -> _Plan:
    count = math.prod(len(axis) for axis in axes)
    down, across = _divide(axes, size) if len(axes) > 1 else ((), ())
    columns = math.prod(len(axis) for axis in across) if across else columns_for(count, size)
    rows = -(-count // columns)
    width, height = (max(1, round(side * scale)) for side in size)
    # What is narrower than its label's words is given room, until the sheet is full.
    width = max(width, round(_NARROWEST * min(1.0, scale)))
    points = _points(width, columns * width)
    gap = max(2, min(24, width // 16))
    letters = Lettering([label for axis in axes for label in axis], points)

    def lines_of(labels: Sequence[str], room: float) -> int:
        shown = (letters.legible(label) for label in labels)
        return max((len(letters.wrapped(text, room, _LINES)) for text in shown), default=0)

    top = 2 * gap + letters.line if titled else gap
    sides: tuple[int, ...] = ()
    heads: tuple[int, ...] = ()
    strip = 0
    lines = 1
    if across:
        room = [
            width * math.prod(len(a) for a in across[depth + 1 :]) for depth in range(len(across))
        ]
        depths = [lines_of(axis, r) for axis, r in zip(across, room, strict=True)]
        heads = tuple(n * letters.line + gap // 2 for n in depths)
        lines = max(depths)
        sides = tuple(_side(axis, letters, width) for axis in down)
    elif axes:
        lines = lines_of(axes[0], width)
        strip = lines * letters.line + gap // 2
    left = gap + sum(side + gap for side in sides)
    lefts = _starts([len(a) for a in across] or [columns], width, gap, left)
    tops = _starts([len(a) for a in down] or [rows], height + strip, gap, top + sum(heads))
    total = (lefts[-1] + width + gap, tops[-1] + height + strip + gap)
    return _Plan(
        count, scale, (width, height), gap, points, lines, top, strip, lefts, tops,
        down, across, sides, heads, total,
    )  # fmt: skip


def columns_for(count: int, size: tuple[int, int]) -> int:
    """Into how many columns ``count`` pictures of a size wrap: a full sheet of pleasing shape."""

    def cost(columns: int) -> float:
        rows = -(-count // columns)
        shape = columns * size[0] / (rows * size[1])
        return abs(math.log(shape / _SHAPE)) + _HOLES * (1 - count / (rows * columns))

    return min(range(1, count + 1), key=cost)


def _divide(axes: Axes, size: tuple[int, int]) -> tuple[Axes, Axes]:
    """Which axes go down and which across: at least one each, as near to the shape as it gets."""

    def cost(at: int) -> float:
        down, across = (math.prod(len(a) for a in part) for part in (axes[:at], axes[at:]))
        return abs(math.log(across * size[0] / (down * size[1]) / _SHAPE))

    at = min(range(1, len(axes)), key=cost)
    return axes[:at], axes[at:]


def _starts(sizes: Sequence[int], step: int, gap: int, first: int) -> tuple[int, ...]:
    """Where the cells along one side begin, those of an outer place a little apart."""
    starts = []
    at = first
    for index in range(math.prod(sizes)):
        if index:
            at += step + gap
            inner = 1
            for size in reversed(sizes[1:]):
                inner *= size
                at += gap * (index % inner == 0)
        starts.append(at)
    return tuple(starts)


def _spans(sizes: Sequence[int], depth: int) -> Iterator[tuple[int, int, int]]:
    """For each heading of an axis: its first and last cell on its side, its place on the axis."""
    inner = math.prod(sizes[depth + 1 :])
    for index in range(math.prod(sizes[: depth + 1])):
        yield index * inner, (index + 1) * inner - 1, index % sizes[depth]


def _side(axis: Sequence[str], letters: Lettering, cell: int) -> int:
    """How wide the headings of an axis are on the left: the longest word whole, if that is sane."""
    shown = [letters.legible(label) for label in axis]
    whole = max((letters.width(text) for text in shown), default=0)
    word = max((letters.width(w) for text in shown for w in text.split()), default=0)
    return math.ceil(min(whole, max(word, 0.75 * cell), 2 * cell)) + 1


def _points(cell: int, across: int) -> float:
    """The size of the letters: to be read beside the pictures, and when the sheet is shrunk."""
    return round(max(12, min(max(cell / 12, across / 110), cell / 7, 44)))
