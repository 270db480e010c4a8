"""A column of short lines and bars, written from top to bottom while there is room."""

from collections.abc import Iterable, Sequence

from PIL import ImageDraw

from mutoscope.images import shortened
from mutoscope.lettering import Lettering

Colour = tuple[int, int, int]

PAPER, PLAIN, MARK = (24, 26, 30), (206, 210, 216), (240, 190, 70)
_TROUGH, _BRIGHT, _FAINT = (52, 56, 63), (245, 246, 248), (140, 146, 156)


class Fonts:
    """The letters of a column in its three sizes.

    Args:
        texts: all that will be written and isn't plain English.
        points: the size of its lines.
    """

    def __init__(self, texts: Iterable[str], points: float) -> None:
        texts = list(texts)
        self.points = points
        self.line, self.small, self.large = (
            Lettering(texts, points * share) for share in (1.0, 0.82, 1.7)
        )


class Column:
    """The column itself.

    Args:
        draw: what draws on the picture.
        box: left, top, right, bottom.
        fonts: its letters.
    """

    def __init__(
        self, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], fonts: Fonts
    ) -> None:
        self._draw, self._fonts = draw, fonts
        self._left, self._y, self._right, self._bottom = box
        self._left_out = 0

    def head(self, text: str, beside: str) -> None:
        """A large line, and a small one at the right of it."""
        large, small = self._fonts.large, self._fonts.small
        base = self._y + large.line * 0.75
        self._draw.text((self._left, base), text, fill=_BRIGHT, font=large.font, anchor="ls")
        self._draw.text((self._right, base), beside, fill=_FAINT, font=small.font, anchor="rs")
        self._y += large.line

    def progress(self, share: float, marks: Sequence[float]) -> None:
        """A thin bar that is full by ``share``, with marks at parts of it."""
        high = max(3, round(self._fonts.points / 4))
        wide = self._right - self._left
        self._box(0, high, 1.0, _TROUGH)
        self._box(0, high, share, PLAIN)
        for mark in marks:
            x = self._left + wide * mark
            self._draw.rectangle((x - 1, self._y, x, self._y + 2 * high), fill=_FAINT)
        self._y += 3 * high

    def small(self, text: str) -> None:
        """A small faint line."""
        self._write(text, self._fonts.small, _FAINT)

    def wrapped(self, text: str, most: int) -> None:
        """A text in at most so many lines."""
        letters = self._fonts.line
        for line in letters.wrapped(letters.legible(text), self._right - self._left, most):
            self._write(line, letters, _BRIGHT)

    def title(self, text: str) -> None:
        """What the following lines are."""
        self._y += round(self._fonts.points * 0.55)
        if self._room(2 * self._fonts.line.line):
            self._write(text, self._fonts.small, _FAINT)

    def pair(self, name: str, value: str) -> None:
        """A name, and a value at the right."""
        letters = self._fonts.line
        if not self._room(letters.line):
            self._left_out += 1
            return
        room = self._right - self._left - letters.width(value) - self._fonts.points
        text = shortened(letters.legible(name), letters.font, room)
        self._draw.text((self._left, self._y), text, fill=PLAIN, font=letters.font)
        self._draw.text((self._right, self._y), value, fill=_BRIGHT, font=letters.font, anchor="ra")
        self._y += letters.line

    def bar(self, name: str, value: float, share: float, colour: Colour) -> None:
        """A name, a value, and below them a bar of ``share`` in [−1, 1] of the width.

        A negative one grows from the right.
        """
        high = max(4, round(self._fonts.points / 3))
        if not self._room(self._fonts.line.line + 2 * high):
            self._left_out += 1
            return
        self.pair(name, f"{value:.2f}")
        self._box(0, high, 1.0, _TROUGH)
        share = min(1.0, max(-1.0, share))
        self._box(1 + share if share < 0 else 0, high, abs(share), colour)
        self._y += round(1.8 * high)

    def note(self, text: str) -> None:
        """A small line that belongs to the bar above it."""
        if self._room(self._fonts.small.line):
            self._write(f"  {text}", self._fonts.small, _FAINT)

    def rest(self) -> None:
        """Say how many lines found no room."""
        if self._left_out:
            place = (self._right, self._bottom)
            text = f"and {self._left_out} more"
            self._draw.text(place, text, fill=_FAINT, font=self._fonts.small.font, anchor="rs")

    def _room(self, high: float) -> bool:
        return self._y + high <= self._bottom - self._fonts.small.line

    def _write(self, text: str, letters: Lettering, colour: Colour) -> None:
        text = shortened(letters.legible(text), letters.font, self._right - self._left)
        self._draw.text((self._left, self._y), text, fill=colour, font=letters.font)
        self._y += letters.line

    def _box(self, start: float, high: int, share: float, colour: Colour) -> None:
        wide = self._right - self._left
        left, right = self._left + wide * start, self._left + wide * (start + share)
        if right - left >= 1:
            self._draw.rectangle((left, self._y, right - 1, self._y + high - 1), fill=colour)
