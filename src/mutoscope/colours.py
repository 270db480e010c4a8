r"""Colours and palettes as people write them.

A colour is a CSS name (``teal``, ``Dark Slate Grey``), ``#rgb`` or ``#rrggbb``, ``rgb(…)`` with
numbers to 255 or percentages, ``hsl(…)``, ``hsv(…)``, or pixray's ``(255+128+0)``.

A palette is a list of items between ``,`` or ``;``; brackets around items change nothing. An item
is a colour, or a ramp, ``red->black->#fff``, whose steps are as many as ``\`` and a number behind
it say, and else 16; ``red\8`` is short for ``black->red\8``. Or the whole is a picture, whose main
colours are meant: an address, a path that ends as pictures do, or any path behind ``@``, and
``\`` with a number for how many.

As in pixray, but for one thing: a lone ``red`` is red, where pixray makes a ramp from black of it.
"""

import re
from dataclasses import dataclass

from mutoscope.errors import SettingsError, nearest

Colour = tuple[float, float, float]
"""Red, green and blue, sRGB, in [0, 1]."""

MOST_COLOURS = 256
STEPS = 16  # of a ramp, and the main colours of a picture, where no number is written
LENGTH = 10_000

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")

_FORMS = "a CSS name such as 'teal', '#rrggbb', '#rgb', 'rgb(255, 128, 0)', 'hsl(30, 100%, 50%)'"
_TRIPLE = re.compile(r"\(\s*(\d{1,3})\s*\+\s*(\d{1,3})\s*\+\s*(\d{1,3})\s*\)")
_STEPS = re.compile(r"\s*\\\s*(\w*)\s*\Z")
_LONGEST_COLOUR = 60
_CHANNELS = 3
_BYTE = 255


@dataclass(frozen=True)
class PicturePalette:
    """The main colours of a picture, which whoever has its pixels must find.

    Attributes:
        source: its path or address, as written.
        count: how many colours are wanted at most.
    """

    source: str
    count: int


Palette = tuple[Colour, ...] | PicturePalette


def parse_colour(text: str, *, place: str) -> Colour:
    """Read one colour, sRGB in [0, 1].

    >>> parse_colour("#f00", place="edge_colour")
    (1.0, 0.0, 0.0)

    Args:
        text: What the user wrote.
        place: Where, for messages: a settings key, say.

    Raises:
        SettingsError: It is no colour.
    """
    # Imported late: only settings that name a colour need Pillow.
    from PIL import ImageColor

    word = text.strip().lower()
    if not word:
        raise SettingsError(
            f"{place}: {text!r} is no colour; allowed are {_FORMS} (in YAML, quote what begins "
            "with #: it would be a comment)"
        )
    triple = _TRIPLE.fullmatch(word)
    name = re.sub(r"[\s_-]+", "", word)
    channels: tuple[int, ...] | None = None
    if triple:
        channels = tuple(int(part) for part in triple.groups())
    elif len(word) <= _LONGEST_COLOUR:
        try:
            channels = ImageColor.getrgb(name if name in ImageColor.colormap else word)
        except ValueError:
            channels = None
    if channels is None:
        raise SettingsError(
            f"{place}: {_shown(text)} is no colour{nearest(name, ImageColor.colormap)}; "
            f"allowed are {_FORMS}"
        )
    if len(channels) != _CHANNELS:
        raise SettingsError(
            f"{place}: {_shown(text)} is a colour that lets something through; leave its fourth "
            f"number out, allowed are {_FORMS}"
        )
    if not all(0 <= channel <= _BYTE for channel in channels):
        raise SettingsError(
            f"{place}: {_shown(text)} leaves the range of colours; its numbers go from 0 to 255, "
            "its percentages to 100%"
        )
    red, green, blue = channels
    return red / _BYTE, green / _BYTE, blue / _BYTE


def parse_palette(text: str, *, place: str) -> Palette:
    r"""Read a palette: its colours in order, each once, or the picture that has them.

    >>> len(parse_palette(r"black->red\8; [teal, #ffd700]", place="attracting_palette"))
    10

    Args:
        text: What the user wrote.
        place: Where, for messages.

    Raises:
        SettingsError: One of its items is neither colour nor ramp, or it has no colour, or more
            than 256.
    """
    whole = text.strip()
    if len(whole) > LENGTH:
        raise SettingsError(
            f"{place}: {len(whole)} characters; a palette may have {LENGTH}; take the colours of a "
            "picture instead"
        )
    picture = _picture(whole, place)
    if picture is not None:
        return picture
    colours: dict[tuple[int, ...], Colour] = {}
    for item in _items(whole, place):
        for colour in _ramp(item, place):
            # Alike to the byte is alike to the eye.
            colours.setdefault(tuple(round(_BYTE * channel) for channel in colour), colour)
        if len(colours) > MOST_COLOURS:
            raise SettingsError(
                f"{place}: more than {MOST_COLOURS} colours by {_shown(item)}; write fewer, or "
                "ramps with fewer steps, as red->black\\8"
            )
    if not colours:
        raise SettingsError(
            f"{place}: {_shown(text)} holds no colour; write colours separated by commas, ramps as "
            "'red->black', or a picture's path (in YAML, quote what begins with #)"
        )
    return tuple(colours.values())


def _picture(text: str, place: str) -> PicturePalette | None:
    """The picture that the whole of a palette is, if it is one."""
    source, steps = _without_steps(text)
    source = source.strip()
    marked = source.startswith("@")
    if not (marked or "://" in source or source.lower().endswith(PICTURES)):
        return None
    source = source.removeprefix("@").strip()
    if not source:
        raise SettingsError(
            f"{place}: {_shown(text)} names no picture; a path or address belongs behind the @"
        )
    return PicturePalette(source, STEPS if steps is None else _count(steps, text, place, least=1))


def _items(text: str, place: str) -> list[str]:
    """What stands between commas and semicolons that are not in parentheses, without brackets."""
    items, item, depth, bracket = [], "", 0, False
    for letter in text:
        if letter in "[]":
            if bracket is (letter == "["):
                break
            bracket = letter == "["
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter in ",;[]" and depth == 0:
            items.append(item)
            item = ""
        else:
            item += letter
    else:
        if not bracket:
            return [item.strip() for item in [*items, item] if item.strip()]
    raise SettingsError(
        f"{place}: the brackets of {_shown(text)} don't match; each [ needs one ] and none may "
        "stand in another pair"
    )


def _ramp(item: str, place: str) -> list[Colour]:
    """The colours of one item: a colour, or a ramp through several in equal steps of sRGB."""
    body, steps = _without_steps(item)
    written = body.split("->")
    if len(written) > 1 and not all(stop.strip() for stop in written):
        raise SettingsError(
            f"{place}: the ramp {_shown(item)} lacks a colour; one belongs on either side of each "
            "->, as in red->black"
        )
    stops = [parse_colour(stop, place=place) for stop in written]
    if len(stops) == 1 and steps is None:
        return stops
    if len(stops) == 1:
        stops = [(0.0, 0.0, 0.0), *stops]
    count = STEPS if steps is None else _count(steps, item, place, least=2)
    return [_between(stops, index * (len(stops) - 1) / (count - 1)) for index in range(count)]


def _between(stops: list[Colour], at: float) -> Colour:
    """The colour at a place of a ramp, from 0 at its first stop to one less than it has stops."""
    first = min(int(at), len(stops) - 2)
    share = at - first
    red, green, blue = (
        a + (b - a) * share for a, b in zip(stops[first], stops[first + 1], strict=True)
    )
    return red, green, blue


def _without_steps(text: str) -> tuple[str, str | None]:
    """A text and what stands behind its last backslash, where that is one word or nothing."""
    found = _STEPS.search(text)
    return (text[: found.start()], found[1]) if found else (text, None)


def _count(steps: str, item: str, place: str, *, least: int) -> int:
    """How many steps a number behind a backslash says."""
    if re.fullmatch(r"[0-9]{1,4}", steps) and least <= int(steps) <= MOST_COLOURS:
        return int(steps)
    raise SettingsError(
        f"{place}: {steps!r} behind the \\ of {_shown(item)} is no number of steps; allowed are "
        f"{least} to {MOST_COLOURS}"
    )


def _shown(text: str) -> str:
    """What was written, as a message quotes it, cut where it is long."""
    text = text.strip()
    return repr(text if len(text) <= _LONGEST_COLOUR else text[: _LONGEST_COLOUR - 1] + "…")
