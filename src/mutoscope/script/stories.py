"""vqgan-clip-generator's dialect: ``group ^ group``, ``prompt | prompt``, ``text:weight:stop``.

Only a number is a weight or a stop, so that other colons belong to the text (``Star Wars: x``).
Where this leaves vqgan-clip-generator: blanks around prompts are dropped and so are blank prompts;
quotes and escapes work; lists are read too.
"""

import re
from collections.abc import Sequence
from typing import Any

from mutoscope.curves import Curve, read_curve
from mutoscope.errors import ScriptError
from mutoscope.expressions import shown
from mutoscope.script.fields import ALWAYS, NEVER
from mutoscope.script.values import EVERYWHERE, Prompt, PromptKind, labelled, shortened
from mutoscope.tokens import PATH_ESCAPES, TEXT_ESCAPES, Piece, scan

# One way to read each text: with a dot that may be left out, many digits are read in as many ways.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_STOP = re.compile(rf"{_NUMBER.pattern}|[+-]?inf", re.IGNORECASE)
_SEEDS = range(-(2**63), 2**64)


def parse_story(
    text: str | Sequence[str | Sequence[str]],
    *,
    kind: PromptKind = "text",
    place: str = "text_prompts",
) -> tuple[tuple[Prompt, ...], ...]:
    """Read the groups of prompts that follow each other.

    Args:
        text: A story in one string; or a list of prompts that make one group; or a list of such
            lists, one for each group. Bars separate prompts everywhere, ``^`` only in a string.
        kind: What the prompts are: sentences, paths of pictures, or seeds of noise.
        place: The argument's name.

    Returns:
        The groups. One without prompts keeps its turn; a blank story has no groups.

    Raises:
        ScriptError: A prompt is empty or can't be read.
    """
    groups = [
        [_read_prompt(piece, kind) for piece in group] for group in _groups(text, kind, place)
    ]
    return labelled(groups) if any(groups) else ()


def _groups(
    text: str | Sequence[str | Sequence[str]], kind: PromptKind, place: str
) -> list[list[Piece]]:
    escapes = PATH_ESCAPES if kind == "image" else TEXT_ESCAPES
    if isinstance(text, str):
        story = scan(text, place=place, escapes=escapes, brackets=False)
        return [_prompts(group) for group in story.split("^")]
    if not isinstance(text, Sequence):
        raise ScriptError(f"{place}: {text!r} is neither a text nor a list of texts")
    serial = all(isinstance(item, list | tuple) for item in text)
    groups = text if serial else [text]
    return [
        _listed(group, escapes, f"{place}[{i}]" if serial else place)
        for i, group in enumerate(groups)
    ]


def _listed(group: Sequence[Any], escapes: frozenset[str], place: str) -> list[Piece]:
    """The prompts of a list of texts, which all hold at once."""
    pieces: list[Piece] = []
    for i, item in enumerate(group):
        if not isinstance(item, str):
            raise ScriptError(
                f"{place}[{i}]: {item!r} is no text; write a list of texts, or a list of such lists"
            )
        story = scan(item, place=f"{place}[{i}]", escapes=escapes, brackets=False)
        first, *more = story.split("^")
        if more:
            raise more[0].error(
                r"'^' has no meaning in a list; write a list of lists, or \^ for the sign", -1
            )
        pieces.extend(_prompts(first))
    return pieces


def _prompts(piece: Piece) -> list[Piece]:
    return [part.strip() for part in piece.split("|") if not part.blank]


def _read_prompt(piece: Piece, kind: PromptKind) -> Prompt:
    subject, weight, stop = _cut(piece)
    text = subject.text.strip() if kind != "text" else subject.text
    if not text.strip():
        raise piece.error(f"{shown(piece.raw)} has no text; write it, or drop the prompt")
    if kind == "noise":
        _check_seed(piece, text)
    return Prompt(
        text,
        kind,
        ALWAYS if weight is None else _number(weight, infinite=False),
        NEVER if stop is None else _number(stop, infinite=True),
        EVERYWHERE,
        shortened(text),
    )


def _cut(piece: Piece) -> tuple[Piece, Piece | None, Piece | None]:
    """The text, the weight and the stop: at most two numbers are taken from the end."""
    parts = piece.split(":")
    if len(parts) > 2 and _is(parts[-2], _NUMBER) and _is(parts[-1], _STOP):
        return piece.part(piece.start, parts[-2].start - 1), parts[-2].strip(), parts[-1].strip()
    if len(parts) > 1 and _is(parts[-1], _NUMBER):
        return piece.part(piece.start, parts[-1].start - 1), parts[-1].strip(), None
    return piece, None, None


def _is(piece: Piece, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(piece.strip().raw) is not None


def _number(piece: Piece, *, infinite: bool) -> Curve:
    return read_curve(
        # Expressions know neither INF nor 007.
        re.sub(r"^([+-]?)0+(?=[0-9])", r"\1", piece.raw.lower()),
        place=piece.source.where(piece.start),
        names=(),
        report=lambda index, message: piece.error(message, index),
        infinite=infinite,
    )


def _check_seed(piece: Piece, text: str) -> None:
    if not re.fullmatch(r"[+-]?[0-9]{1,20}", text) or int(text) not in _SEEDS:
        raise piece.error(f"{shown(text)} is no seed; write a whole number of at most 64 bits")
