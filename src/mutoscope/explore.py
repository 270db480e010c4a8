r"""What is to be tried in turn: ``{dawn,noon,night}`` in a prompt or a setting.

Each pair of braces is an axis, and its alternatives, between commas, are the places on it. A text
with axes stands for as many texts as there are combinations.

- ``{1..5}`` is 1, 2, 3, 4, 5, and ``{0.2..1..0.4}`` is 0.2, 0.6, 1.0, as precise as it is written;
  without a third number the step is one of the last digit. It may stand among others: ``{0,2..4}``.
- Blanks around an alternative are dropped. In braces with an empty one, ``{,stormy }sea``, they
  stay where they part it from a word.
- A backslash makes ``{``, ``}`` or ``,`` plain, and before these two of them stand for one; before
  anything else it is plain itself. ``${…}`` is plain, too: it belongs to the settings.
"""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mutoscope.errors import ScriptError
from mutoscope.tokens import Source

MOST = 256
"""How many combinations there may be."""

_BRACES = re.compile(r"(?<![\\$])\{([^{}]*)\}")

NOTHING = "(nothing)"
"""The label of an alternative that is empty and touches no word."""

_MARKS = frozenset("{},")
_NUMBER = r"[+-]?(?:\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:\.\.({_NUMBER}))?")
_EXCERPT = 20  # characters on either side of a place in a message
_WORD = 20  # the longest stretch that a label takes over from beside its braces
_TRIMMED = " ,;.:|\"'()[]"  # no such stretch begins or ends with these


@dataclass(frozen=True)
class Axis:
    """What one pair of braces offers: ``options`` as they are put in, ``labels`` as shown."""

    options: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Pattern:
    """A text with axes in it; ``texts`` are what stands around them, one more than axes."""

    texts: tuple[str, ...]
    axes: tuple[Axis, ...]

    def filled(self, choice: Sequence[str]) -> str:
        """The text with one option of each axis in its place."""
        whole = self.texts[0]
        for option, text in zip(choice, self.texts[1:], strict=True):
            whole = _joined(_joined(whole, option), text)
        return whole.rstrip(" ") if self.axes and not self.texts[-1] else whole


@dataclass(frozen=True)
class Variant:
    """One combination: the prompt and the overrides that it makes, and its label on each axis."""

    prompt: str
    overrides: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Exploration:
    """All combinations, the last axis the fastest, and each axis's labels in order."""

    axes: tuple[tuple[str, ...], ...]
    variants: tuple[Variant, ...]


def explore(prompt: str, overrides: Sequence[str] = ()) -> Exploration:
    """Every combination of what stands in braces in a prompt and in ``key=value`` overrides.

    Raises:
        ScriptError: Braces don't match, hold too little or one thing twice; there are none; or
            they make more than `MOST` combinations.
    """
    patterns = [read_pattern(prompt, place="prompt")]
    keys = [""]
    for override in overrides:
        key, equals, value = override.partition("=")
        patterns.append(read_pattern(value, place=key, key=key))
        keys.append(key + equals)
    axes = [axis for pattern in patterns for axis in pattern.axes]
    _refuse_number([len(axis.options) for axis in axes])
    variants = []
    for chosen in itertools.product(*(zip(a.options, a.labels, strict=True) for a in axes)):
        options = iter(option for option, _ in chosen)
        filled = [
            key + pattern.filled([next(options) for _ in pattern.axes])
            for key, pattern in zip(keys, patterns, strict=True)
        ]
        labels = tuple(label for _, label in chosen)
        variants.append(Variant(filled[0], tuple(filled[1:]), labels))
    return Exploration(tuple(axis.labels for axis in axes), tuple(variants))


def looks_explored(text: str) -> bool:
    """Whether there stand alternatives in a text, as far as a glance shows."""
    return any("," in found[1] or ".." in found[1] for found in _BRACES.finditer(text))


def read_pattern(text: str, *, place: str, key: str = "") -> Pattern:
    """A text with braces, read.

    Args:
        text: What the user wrote.
        place: Where, for messages.
        key: The setting whose value it is; labels then say it.

    Raises:
        ScriptError: As in `explore`, with the column.
    """
    source = Source(text, place)
    texts, groups = [""], list[list[str]]()
    held: list[str] = []  # what stands since the last mark, put together once: texts may be long
    opened: int | None = None
    for at, mark in _marks(text):
        if mark[0] == "\0" or (mark == "," and opened is None):
            held.append(mark[-1])
            continue
        (texts if opened is None else groups[-1])[-1] += "".join(held)
        held.clear()
        match mark:
            case "{" if opened is not None:
                raise _error(
                    source, at, "braces can't stand inside braces", r"write \{ for the sign"
                )
            case "{":
                opened = at
                groups.append([""])
            case "}" if opened is None:
                raise _error(
                    source, at, "a brace closes here that was never opened",
                    r"open it, or write \} for the sign",
                )  # fmt: skip
            case "}":
                groups[-1] = _options(groups[-1], source, opened or 0)
                opened = None
                texts.append("")
            case _:
                groups[-1].append("")
    texts[-1] += "".join(held)
    if opened is not None:
        raise _error(
            source, opened, "a brace opens here and is never closed",
            r"close it, or write \{ for the sign",
        )  # fmt: skip
    axes = []
    for index, options in enumerate(groups):
        around = texts[index], texts[index + 1]
        labels = [_label(option, *around) for option in options]
        axes.append(Axis(tuple(options), tuple(f"{key}={x}" if key else x for x in labels)))
    return Pattern(tuple(texts), tuple(axes))


def plain(text: str) -> str:
    """``text`` so written that it is read as exactly this text, without an axis."""
    escaped = re.sub(r"(\\*)([{}])", r"\1\1\\\2", text)
    return re.sub(r"(\\+),", r"\1\1,", escaped)


def _marks(text: str) -> Iterator[tuple[int, str]]:
    """Each character and where it stands; a plain one comes with NUL before it."""
    at = 0
    last = text.rfind("}")
    while at < len(text):
        end = at
        while text[end : end + 1] == "\\":
            end += 1
        if end > at:
            escapes = text[end : end + 1] in _MARKS
            count = end - at
            for shift in range(count // 2 if escapes else count):
                yield at + shift, "\0\\"
            if escapes and count % 2:
                yield end, "\0" + text[end]
                end += 1
            at = end
        elif text.startswith("${", at):
            end = text.find("}", at) + 1 if at < last else at + 2
            yield from ((index, "\0" + text[index]) for index in range(at, end))
            at = end
        else:
            yield at, text[at] if text[at] in _MARKS else "\0" + text[at]
            at += 1


def _options(written: Sequence[str], source: Source, opened: int) -> list[str]:
    """The alternatives of one pair of braces, ranges written out, blanks dropped."""
    way = r"give {dawn,night} or a range such as {1..5}, or write \{ for the sign"
    options: list[str] = []
    for text in written:
        if match := _RANGE.fullmatch(text.strip()):
            options += _numbers(match, source, opened)
        else:
            options.append(text.strip())
        if len(options) > MOST:
            raise _error(source, opened, f"over {MOST} alternatives", "take fewer")
    if len(options) < 2:
        raise _error(source, opened, "braces with less than two alternatives", way)
    twice = [option for index, option in enumerate(options) if option in options[:index]]
    if twice:
        raise _error(source, opened, f"the alternative {twice[0]!r} stands twice", "drop one")
    if "" in options:
        kept = {text.strip(): text for text in written}
        options = [_ends(kept.get(option, option)) if option else "" for option in options]
    return options


def _ends(text: str) -> str:
    """``text`` with at most one blank at either end."""
    bare = text.strip()
    return " " * text[:1].isspace() + bare + " " * text[-1:].isspace()


def _numbers(match: re.Match[str], source: Source, opened: int) -> list[str]:
    """The numbers of a range, as precise as the most precise that is written."""
    written = [text for text in match.groups() if text is not None]
    digits = max(len(text.partition(".")[2]) for text in written)
    first, last = Decimal(written[0]), Decimal(written[1])
    step = abs(Decimal(written[2])) if len(written) > 2 else Decimal(1).scaleb(-digits)
    if not step:
        raise _error(source, opened, f"the range {match[0]} has the step 0", "take another")
    count = int(abs(last - first) / step) + 1
    if count > MOST:
        raise _error(
            source, opened, f"the range {match[0]} holds {count} numbers, allowed are {MOST}",
            "give it a larger step as a third number",
        )  # fmt: skip
    signed = step if last >= first else -step
    return [f"{first + index * signed:.{digits}f}" for index in range(count)]


def _joined(left: str, right: str) -> str:
    """Both in a row; where an empty option lets two blanks meet, one is dropped."""
    meet = right.startswith(" ") and (not left or left.endswith(" "))
    return left + (right[1:] if meet else right)


def _label(option: str, before: str, after: str) -> str:
    """What is shown for an option: with the rest of the word that it is a part of."""
    left = _beside(before[::-1])[::-1].lstrip(_TRIMMED)
    right = _beside(after).rstrip(_TRIMMED)
    whole = f"{left}{option}{right}"
    return " ".join(whole.split()) or NOTHING


def _beside(text: str) -> str:
    """The part of ``text`` that belongs to what stands right before it; nothing if it is long."""
    match = re.match(r"[^\s|]*", text)
    found = match[0] if match else ""
    return found if len(found) <= _WORD else ""


def _refuse_number(sizes: Sequence[int]) -> None:
    if not sizes:
        raise ScriptError(
            "prompt: there is nothing in braces to explore; write alternatives such as "
            '"a fox at {dawn,night}", or learning_rate={0.1,0.2}'
        )
    total = math.prod(sizes)
    if total > MOST:
        counts = f"{' × '.join(map(str, sizes))} = " if 1 < len(sizes) < 20 else ""
        found = str(total) if total < 10**18 else "countless"
        raise ScriptError(
            f"prompt: the braces make {counts}{found} pictures; "
            f"at most {MOST} are made at once, so take fewer alternatives"
        )


def _error(source: Source, at: int, what: str, way: str) -> ScriptError:
    """An error that shows the place with an arrow before it."""
    text = source.text
    before, after = text[max(0, at - _EXCERPT) : at], text[at : at + _EXCERPT]
    shown = (
        ("…" if at > _EXCERPT else "") + f"{before}→{after}"
        + ("…" if at + _EXCERPT < len(text) else "")
    )  # fmt: skip
    return source.error(at, f"{what} ({' '.join(shown.split())}); {way}")
