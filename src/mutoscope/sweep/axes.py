"""What a sweep tries of a key: ``seed=range(8)``, ``cut_pow=1,2,3``, ``scenes=a fox,a crow``.

Values stand between commas. A comma inside brackets of any kind, or in a value that is quoted from
end to end, parts nothing: ``scenes="a fox, asleep",a crow`` holds two. In place of a value may
stand several numbers, as Python and NumPy name them:

    range(8)   range(1, 9, 2)        whole numbers, without the last
    linspace(0.1, 1, 4)              so many in equal steps, both ends among them
    geomspace(0.01, 1, 3)            in equal ratios: 0.01, 0.1, 1

A key with one value is no axis but an override.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mutoscope.errors import SettingsError, printable

MOST_VALUES = 1024
"""How many values a key may have."""

_CALL = re.compile(r"([A-Za-z_]\w*)\(([^()]*)\)")
_NUMBER = re.compile(r"[+-]?(?:\d{1,12}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?")
_WHOLE = re.compile(r"[+-]?\d{1,12}")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_FORMS = {
    "range": "range(8), range(2, 8) or range(1, 9, 2)",
    "linspace": "linspace(0.1, 1, 4)",
    "geomspace": "geomspace(0.01, 1, 3)",
}
_STRANGE = {
    "arange": "range(1, 9, 2) takes whole numbers, linspace(0.1, 1, 4) others",
    "logspace": "geomspace(0.01, 1, 3) takes the two ends themselves",
}
_DIGITS = 10  # of a number that was computed
_SHOWN = 40  # characters of a text in a message


@dataclass(frozen=True)
class Axis:
    """A key and the texts of its values, each as an override has it."""

    key: str
    values: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """What is shown of each value."""
        return tuple(f"{self.key}={value}" for value in self.values)


def read_axes(texts: Sequence[str]) -> tuple[tuple[Axis, ...], tuple[str, ...]]:
    """The axes among ``KEY=VALUES`` texts, and the others, which are overrides, as they are.

    Raises:
        SettingsError: one can't be read, has a value twice, or a key stands twice.
    """
    axes: list[Axis] = []
    overrides: list[str] = []
    seen: set[str] = set()
    for text in texts:
        key, equals, values = text.partition("=")
        key = key.strip().lstrip("+")
        if not equals or not key:
            raise SettingsError(
                f"{_shown(text)}: is no KEY=VALUES; write for example cut_pow=1,2,3 or "
                "'seed=range(8)', and put it in quotes where it has spaces or brackets"
            )
        if key in seen:
            raise SettingsError(f"{key}: stands twice; give all its values at once, as {key}=a,b")
        seen.add(key)
        found = read_values(values, key)
        if found is None:
            overrides.append(text)
        else:
            axes.append(Axis(key, found))
    return tuple(axes), tuple(overrides)


def read_values(text: str, key: str) -> tuple[str, ...] | None:
    """The values that a key is to have in turn, None where it is but one, and says so plainly.

    Raises:
        SettingsError: they can't be read; the message names ``key``.
    """
    pieces = split(text, key)
    values: list[str] = []
    called = False
    for piece in pieces:
        match = _CALL.fullmatch(piece)
        if match and match[1] in _STRANGE:
            raise SettingsError(f"{key}: {match[1]} is not known; {_STRANGE[match[1]]}")
        if match and match[1] in _FORMS:
            called = True
            values += _numbers(match[1], match[2], key)
        elif not piece and len(pieces) > 1:
            raise SettingsError(
                f'{key}: {_shown(text)} has an empty value; take a comma away, or write "" for it'
            )
        else:
            values.append(unquoted(piece))
        if len(values) > MOST_VALUES:
            raise SettingsError(f"{key}: over {MOST_VALUES} values; take fewer")
    if len(pieces) == 1 and not called:
        return None
    twice = next((value for n, value in enumerate(values) if value in values[:n]), None)
    if twice is not None:
        raise SettingsError(f"{key}: the value {_shown(twice)} stands twice; drop one")
    return tuple(values)


def split(text: str, key: str = "values") -> list[str]:
    """The pieces of a text between its commas, without blanks around them.

    Raises:
        SettingsError: a quote, or a bracket beside a comma, opens and is never closed.
    """
    pieces: list[str] = []
    at = begin = 0
    blank = True  # so far, since the last comma
    closing: list[tuple[str, int]] = []
    while at < len(text):
        sign = text[at]
        if sign in "\"'" and blank and not closing:
            at, blank = _past_quote(text, at, key), False
            continue
        if sign in _PAIRS:
            closing.append((_PAIRS[sign], at))
        elif closing and sign == closing[-1][0]:
            closing.pop()
        elif sign == "," and not closing:
            pieces.append(text[begin:at].strip())
            begin = at + 1
        blank = begin > at or (blank and sign.isspace())
        at += 1
    if closing and "," in text:  # without one there is nothing to part
        raise _unclosed(text, closing[-1][1], key)
    if closing:
        return [text.strip()]
    return [*pieces, text[begin:].strip()]


def unquoted(piece: str) -> str:
    """A piece without the quotes in which all of it stands; two of them inside are one."""
    quote = piece[:1]
    if len(piece) < 2 or quote not in "\"'" or piece[-1] != quote:
        return piece
    inner = piece[1:-1]
    return inner.replace(2 * quote, quote) if quote not in inner.replace(2 * quote, "") else piece


def _past_quote(text: str, at: int, key: str) -> int:
    """The place after what is quoted from ``at`` on; a quote that is doubled does not end it."""
    quote, end = text[at], at + 1
    while True:
        end = text.find(quote, end)
        if end < 0:
            raise _unclosed(text, at, key)
        if text[end + 1 : end + 2] != quote:
            return end + 1
        end += 2


def _unclosed(text: str, at: int, key: str) -> SettingsError:
    return SettingsError(
        f"{key}, column {at + 1}: {text[at]} opens here and is never closed ({_shown(text[at:])}); "
        "close it, or put the value in quotes"
    )


def _numbers(name: str, inside: str, key: str) -> list[str]:
    """The numbers that a call stands for, each as short as it can be written."""
    whole = f"{name}({inside})"
    words = [word.strip() for word in inside.split(",")]
    pattern = _WHOLE if name == "range" else _NUMBER
    least, most = (1, 3) if name == "range" else (3, 3)
    if not (least <= len(words) <= most and all(pattern.fullmatch(word) for word in words)):
        raise SettingsError(f"{key}: {_shown(whole)} can't be read; write {_FORMS[name]}")
    if name == "range":
        numbers = [int(word) for word in words]
        if len(numbers) == 3 and numbers[2] == 0:
            raise SettingsError(f"{key}: {_shown(whole)} has the step 0; take another")
        found = range(*numbers)
        _refuse_count(len(found), whole, key)
        return [str(number) for number in found]
    if not _WHOLE.fullmatch(words[2]):
        raise SettingsError(
            f"{key}: {_shown(whole)} makes {_shown(words[2])} numbers; write {_FORMS[name]}"
        )
    first, last, count = Decimal(words[0]), Decimal(words[1]), int(words[2])
    _refuse_count(count, whole, key)
    if name == "geomspace" and not (first > 0 and last > 0):
        raise SettingsError(f"{key}: {_shown(whole)} needs two numbers above 0")
    if count == 1:
        return [_written(first)]
    shares = [Decimal(index) / (count - 1) for index in range(count)]
    if name == "linspace":
        return [_written(first + (last - first) * share) for share in shares]
    inner = [_written(first * (last / first) ** share) for share in shares[1:-1]]
    return [_written(first), *inner, _written(last)]


def _refuse_count(count: int, whole: str, key: str) -> None:
    if not 1 <= count <= MOST_VALUES:
        raise SettingsError(
            f"{key}: {_shown(whole)} holds {count} numbers; allowed are 1 to {MOST_VALUES}"
        )


def _written(number: Decimal) -> str:
    """A number with `_DIGITS` digits at most."""
    return f"{float(number):.{_DIGITS}g}"


def _shown(text: str) -> str:
    """A text from outside for a message, cut and in quotes."""
    cut = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return repr(printable(cut))
