"""Keyframes, ``0:(1.0), 30:(2*sin(t))``: expressions by the frame at which each of them holds.

Between two keys the value runs straight from the one's expression to the other's, both evaluated
at the moment that is asked for; before the first and after the last key it is held.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Collection
from functools import partial
from itertools import pairwise
from typing import Any

from mutoscope.errors import ScriptError
from mutoscope.expressions.closures import Run, Values
from mutoscope.expressions.compiler import (
    LENGTH,
    Compiled,
    Report,
    compile_expression,
    finite,
    shown,
    value_of,
)

KEYFRAMES_LENGTH = 100_000
DEEPEST = 200  # parentheses in one another; Python's own reader takes no more

_KEY = re.compile(r"\s*([+-]?[0-9]{1,9})\s*:\s*")
_KEYED = re.compile(r"\s*[+-]?([0-9]+\s*:|[0-9.]+\s*:\s*\()")
_COMMA = re.compile(r"\s*(,)?\s*")


def compile_over_time(
    text: str, names: Collection[str], report: Report, *, infinite: bool
) -> Compiled:
    """Read an expression or keyframes.

    Args:
        text: What is written.
        names: The variables that will have values; keyframes need ``frame`` among them.
        report: What makes an error of a position in ``text`` and a message.
        infinite: Whether a constant may be ±inf.

    Raises:
        ScriptError: It can't be read, or a constant in it is no number that is allowed.
    """
    if _KEYED.match(text):
        return _compile_keyframes(text, names, report, infinite)
    return _compile_one(text, names, report, infinite)


def keyframes_end(text: str, start: int, stop: int) -> int | None:
    """Where keyframes that begin at ``start`` end, if two or more stand there, else ``None``.

    Among other things that colons separate, ``0:(1), 30:(2)`` can mean nothing else, but a single
    ``0:(1)`` may be a weight and a stop.
    """
    count = 0
    at = start
    while (key := _KEY.match(text, at, stop)) and text[key.end() : key.end() + 1] == "(":
        close = _closing(text, key.end(), min(stop, key.end() + LENGTH + 2), deepest=DEEPEST)
        if close is None:
            return None
        count += 1
        end = close + 1
        comma = _COMMA.match(text, end, stop)
        if not (comma and comma[1]):
            break
        at = comma.end()
    return end if count > 1 else None


def blend(first: float, second: float, x: float) -> float:
    """What lies between two numbers, as ``x`` goes from 0 to 1."""
    # Nothing lies between a number and infinity: it holds until the next key.
    if x == 0 or math.isinf(first) or math.isinf(second):
        return first
    return first + (second - first) * x


def _compile_one(text: str, names: Collection[str], report: Report, infinite: bool) -> Compiled:
    compiled = compile_expression(text, names=names, report=report)
    value = value_of(compiled)
    numbers = value if isinstance(value, tuple) else () if value is None else (value,)
    if not all(finite(number, infinite=infinite) for number in numbers):
        allowed = "a number or ±inf" if infinite else "a finite number"
        raise report(0, f"{shown(text)} is {value}; {allowed} is needed")
    return compiled


def _compile_keyframes(
    text: str, names: Collection[str], report: Report, infinite: bool
) -> Compiled:
    if "frame" not in names:
        raise report(0, f"keyframes, {shown(text)}, have no meaning here; write one expression")
    if len(text) > KEYFRAMES_LENGTH:
        raise report(
            0, f"keyframes of {len(text)} characters; at most {KEYFRAMES_LENGTH} are allowed"
        )
    keys: dict[int, Compiled] = {}
    for frame, start, end in _split_keyframes(text, report):
        if frame in keys:
            raise report(start, f"keyframe {frame} is given twice; remove one")
        inner = partial(_shifted, report, start)
        keys[frame] = _compile_one(text[start:end], names, inner, infinite)
        if keys[frame].size != next(iter(keys.values())).size:
            raise report(start, f"keyframe {frame} is not as long as the first; make them alike")
    frames = sorted(keys)
    parts = [keys[frame] for frame in frames]
    if len(parts) == 1:
        return parts[0]
    values = [value_of(part) for part in parts]
    if None not in values and all(value == values[0] for value in values):
        return parts[0]
    names_used = frozenset(("frame",)).union(*(part.names for part in parts))
    return Compiled(_keyed(frames, [part.run for part in parts]), names_used, parts[0].size)


def _split_keyframes(text: str, report: Report) -> list[tuple[int, int, int]]:
    """Each key's frame, and where its expression, without the parentheses, begins and ends."""
    form = "keyframes are written 0:(1.0), 30:(2*sin(t))"
    found = []
    at = 0
    while at < len(text):
        key = _KEY.match(text, at)
        if key is None:
            raise report(
                at, f"a whole frame number and ':' are missing before {_near(text, at)}; {form}"
            )
        start = key.end()
        if text[start : start + 1] != "(":
            raise report(start, f"a '(' is missing before {_near(text, start)}; {form}")
        close = _closing(text, start, len(text))
        if close is None:
            raise report(start, f"the '(' of keyframe {key[1]} is never closed; {form}")
        found.append((int(key[1]), start + 1, close))
        comma = _COMMA.match(text, close + 1)
        at = comma.end() if comma else len(text)
        if at < len(text) and not (comma and comma[1]):
            raise report(at, f"a ',' is missing before {_near(text, at)}; {form}")
    return found


def _closing(text: str, start: int, stop: int, *, deepest: int | None = None) -> int | None:
    """Where the parenthesis that opens at ``start`` is closed, if no more than so many do in it."""
    depth = 0
    for at in range(start, stop):
        if text[at] == "(":
            depth += 1
            if depth == deepest:
                return None
        elif text[at] == ")":
            depth -= 1
            if depth == 0:
                return at
    return None


def _keyed(frames: list[int], runs: list[Run]) -> Run:
    spans = [float(b - a) for a, b in pairwise(frames)]

    def run(values: Values) -> Any:
        frame = float(values["frame"])
        after = bisect_right(frames, frame)
        if after == 0:
            return runs[0](values)
        if after == len(frames):
            return runs[-1](values)
        x = (frame - frames[after - 1]) / spans[after - 1]
        first, second = runs[after - 1](values), runs[after](values)
        if isinstance(first, tuple):
            return tuple([blend(a, b, x) for a, b in zip(first, second, strict=True)])
        return blend(first, second, x)

    return run


def _shifted(report: Report, start: int, index: int, message: str) -> ScriptError:
    return report(start + index, message)


def _near(text: str, at: int) -> str:
    return shown(text[at : at + 20]) if text[at:].strip() else "the end"
