"""Short texts on a picture, in a font that is there: measured, wrapped, and never a crash.

Pillow carries one scalable font, whose letters are those of English and little more. Where a text
needs others, fonts of the system are tried; a letter that none of them has is drawn without its
accent, or as a question mark.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from PIL import ImageFont

from mutoscope.errors import printable
from mutoscope.images import shortened

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Those that the systems have, widest known first; Pillow looks for them where each keeps its fonts.
_SYSTEM = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial Unicode.ttf",
    "segoeui.ttf", "Arial.ttf", "NotoSansCJK-Regular.ttc", "PingFang.ttc", "msyh.ttc",
    "msgothic.ttc",
)  # fmt: skip
_ABSENT = "\uffff"  # no character, so that every font draws what it draws for those that it lacks
_UNKNOWN = "?"
_LONGEST = 200  # characters of a text that are looked at: no label is longer


class Lettering:
    """One font at one size for all of ``texts``, and what can be done with it.

    Attributes:
        font: the font, for Pillow.
        line: from one line of text to the next, in pixels.
    """

    def __init__(self, texts: Iterable[str], size: float) -> None:
        needed = {c for text in texts for c in text[:_LONGEST] if c.isprintable()}
        self.name = _choose(frozenset(needed))
        self.font = _font(self.name, size)
        self.line = round(size * 1.3)

    def legible(self, text: str) -> str:
        """``text`` in one line, in letters that the font has; ``""`` if nothing of it can be read.

        Letters lose their accents, or become question marks, where it has no others.
        """
        text = " ".join(printable(text[:_LONGEST], allowed="\t\n\r").split())
        drawn = "".join(self._letter(c) for c in text)
        return drawn if drawn == text or drawn.strip(f"{_UNKNOWN} ") else ""

    def width(self, text: str) -> float:
        """How wide a line is, in pixels."""
        return self.font.getlength(text)

    def wrapped(self, text: str, width: float, most: int) -> list[str]:
        """``text`` in at most ``most`` lines of ``width`` pixels, the last cut if need be."""
        lines: list[str] = []
        words = text.split()
        while words and len(lines) < most - 1:
            count = 1
            while count < len(words) and self.width(" ".join(words[: count + 1])) <= width:
                count += 1
            lines.append(shortened(" ".join(words[:count]), self.font, width))
            words = words[count:]
        return [*lines, shortened(" ".join(words), self.font, width)] if words else lines

    def _letter(self, letter: str) -> str:
        if _has(self.name, letter):
            return letter
        bare = unicodedata.normalize("NFKD", letter)[:1]
        return bare if bare and _has(self.name, bare) else _UNKNOWN


def _choose(needed: frozenset[str]) -> str:
    """The first font that has all of these letters, or the most of them; "" is Pillow's own."""
    best, most = "", -1
    for name in ("", *_SYSTEM):
        count = sum(_has(name, letter) for letter in needed) if _is_there(name) else -1
        if count > most:
            best, most = name, count
        if count == len(needed):
            break
    return best


@lru_cache(maxsize=64)
def _is_there(name: str) -> bool:
    try:
        _font(name, 24)
    except OSError:
        return False
    return True


@lru_cache(maxsize=64)
def _font(name: str, size: float) -> Font:
    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size=size)


@lru_cache(maxsize=4096)
def _has(name: str, letter: str) -> bool:
    """Whether a font has a letter of its own for a character."""
    if letter.isspace():
        return True
    return _drawn(name, letter) != _drawn(name, _ABSENT)


def _drawn(name: str, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = _font(name, 24).getmask(letter)
    return mask.size, bytes(mask)
