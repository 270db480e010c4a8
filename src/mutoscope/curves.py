"""Numbers over time: constants, expressions and keyframes, read once and asked at any moment.

Wherever a setting or a prompt takes a number over time it takes a number (``2``), an expression
(``1 + sin(t)``) or keyframes (``0:(1.0), 30:(2*sin(t))``, see `mutoscope.expressions.keyframes`),
of which the ``frame`` of the moment decides.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from keyword import iskeyword
from typing import Any

from mutoscope.errors import ScriptError
from mutoscope.expressions import CONSTANTS, Report, Run, Values, finite, reason, shown, value_of
from mutoscope.expressions.keyframes import blend, compile_over_time

TIME_NAMES = ("t", "frame", "step")
DEPTH_NAMES = frozenset({"r", "R", "mu"})  # nearest, farthest, typical; in a move in 3D alone


class Closing(dict[str, float]):
    """The values at a moment that is led over into another, as at the end of a film that closes.

    A number over time is then between what it is at the one and at the other: so every expression
    comes back to where it began, whatever it says.

    Attributes:
        onto: the values at the other moment.
        share: how far it is there, from 0 to 1.
    """

    def __init__(
        self, values: Mapping[str, float], *, onto: Mapping[str, float], share: float
    ) -> None:
        super().__init__(values)
        self.onto, self.share = onto, share

    def __or__(self, other: Any) -> "Closing":  # type: ignore[override]
        return Closing({**self, **other}, onto={**self.onto, **other}, share=self.share)


@dataclass(frozen=True, slots=True)
class Curve:
    """A number over time. Curves are equal if they were written alike."""

    text: str
    names: frozenset[str] = field(compare=False)
    constant: float | None = field(compare=False)
    place: str = field(compare=False, repr=False)
    infinite: bool = field(compare=False, repr=False)
    _run: Run = field(compare=False, repr=False)

    def __call__(self, values: Mapping[str, float]) -> float:
        """Its value where the variables have these values; raises ``ScriptError`` if it has none.

        ``values`` may hold more than the curve's ``names``.
        """
        if self.constant is not None:
            return self.constant
        if isinstance(values, Closing):
            onto = self(values.onto)
            return onto if values.share == 1 else blend(self(dict(values)), onto, values.share)
        value = _evaluate(self, self._run, values)
        if not finite(value, infinite=self.infinite):
            raise _no_value(self, values, f"it is {value}, and a finite number is needed")
        return float(value)

    def __reduce__(self) -> tuple[Callable[..., "Curve"], tuple[Any, ...]]:
        # Closures don't travel between processes; the text does.
        names = sorted({*self.names, "frame"})
        again = partial(parse_curve, place=self.place, names=names, infinite=self.infinite)
        return again, (self.text,)


@dataclass(frozen=True, slots=True)
class VectorCurve:
    """Several numbers over time, such as a quaternion. Equal if written alike."""

    text: str
    size: int
    names: frozenset[str] = field(compare=False)
    constant: tuple[float, ...] | None = field(compare=False)
    place: str = field(compare=False, repr=False)
    _run: Run = field(compare=False, repr=False)
    _written: str | tuple[str, ...] = field(compare=False, repr=False)

    def __call__(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """Its numbers at these values; raises ``ScriptError`` if one can't be computed."""
        if self.constant is not None:
            return self.constant
        if isinstance(values, Closing):
            onto = self(values.onto)
            if values.share == 1:
                return onto
            pairs = zip(self(dict(values)), onto, strict=True)
            return tuple([blend(a, b, values.share) for a, b in pairs])
        numbers: tuple[float, ...] = _evaluate(self, self._run, values)
        if not all(map(math.isfinite, numbers)):
            raise _no_value(self, values, f"it is {list(numbers)}, and finite numbers are needed")
        return numbers

    def __reduce__(self) -> tuple[Callable[..., "VectorCurve"], tuple[Any, ...]]:
        names = sorted({*self.names, "frame"})
        again = partial(parse_vector, size=self.size, place=self.place, names=names)
        return again, (self._written,)


def parse_curve(
    text: str | float,
    *,
    place: str,
    names: Collection[str] = TIME_NAMES,
    offset: int = 0,
    infinite: bool = False,
) -> Curve:
    """Read a number over time.

    Args:
        text: A number, an expression, or keyframes.
        place: Where it stands, for messages: a settings key, say.
        names: The variables that will have values.
        offset: Where ``text`` begins in what the user sees as ``place``, for the column.
        infinite: Whether ±inf is a value (it is for a prompt's stop).

    Raises:
        ScriptError: It can't be read, is empty, or is a constant that isn't finite.
    """
    return read_curve(
        as_text(text, place),
        place=place,
        names=names,
        infinite=infinite,
        report=_columns(place, offset),
    )


def read_curve(
    text: str, *, place: str, names: Collection[str], report: Report, infinite: bool = False
) -> Curve:
    """Read a number over time out of a larger text, whose positions ``report`` knows."""
    compiled = compile_over_time(text, names, report, infinite=infinite)
    if compiled.size is not None:
        raise report(
            0, f"{shown(text)} is a list of {compiled.size}; write one number, or take one item"
        )
    constant = value_of(compiled)
    return Curve(text.strip(), compiled.names, constant, place, infinite, compiled.run)


def parse_vector(
    text: str | Sequence[str | float],
    *,
    size: int,
    place: str,
    names: Collection[str] = TIME_NAMES,
) -> VectorCurve:
    """Read ``size`` numbers over time: ``[cos(t), 0, 0, sin(t)]``, or a list of texts and numbers.

    Raises:
        ScriptError: It can't be read, or isn't a list of that length.
    """
    needs = f"{size} numbers in a list, [{', '.join('0' * size)}], are needed"
    if isinstance(text, str):
        report = _columns(place, 0)
        compiled = compile_over_time(text, names, report, infinite=False)
        if compiled.size != size:
            kind = "one number" if compiled.size is None else f"a list of {compiled.size}"
            raise report(0, f"{shown(text)} is {kind}; {needs}")
        constant = value_of(compiled)
        words = text.strip()
        return VectorCurve(words, size, compiled.names, constant, place, compiled.run, words)
    if not isinstance(text, Sequence) or len(text) != size:
        raise ScriptError(f"{place}: {shown(str(text))} does not fit; {needs}")
    parts = [parse_curve(part, place=f"{place}[{i}]", names=names) for i, part in enumerate(text)]
    names_used = frozenset[str]().union(*(part.names for part in parts))

    def run(values: Values) -> tuple[float, ...]:
        return tuple([part(values) for part in parts])

    constant = None if names_used else run({})
    written = tuple(part.text for part in parts)
    words = f"[{', '.join(written)}]"
    return VectorCurve(words, size, names_used, constant, place, run, written)


def known_names(
    bands: Iterable[str] = (), *, place: str = "input_audio_filters"
) -> tuple[str, ...]:
    """The variables of every curve: time, and each sound band with its value a frame ago.

    A band ``fLo`` brings ``fLo`` and ``fLo_prev``.

    Raises:
        ScriptError: A band's name can't be a variable, is given twice, or means something else.
    """
    names = list(TIME_NAMES)
    for band in bands:
        if not (isinstance(band, str) and band.isidentifier()) or iskeyword(band):
            raise ScriptError(
                f"{place}: {band!r} can't name a sound band; write letters, digits and _ "
                f"that begin with a letter, such as fLo"
            )
        for name in (band, f"{band}_prev"):
            if name in names or name in CONSTANTS or name in ("np", "numpy"):
                raise ScriptError(
                    f"{place}: {name!r} already has a meaning; give this sound band another name"
                )
            names.append(name)
    return tuple(names)


def as_text(text: object, place: str) -> str:
    """A number over time as a text; raises ``ScriptError`` for what is neither text nor number."""
    if isinstance(text, str):
        return text
    if isinstance(text, int | float) and not isinstance(text, bool):
        return repr(text)
    raise ScriptError(
        f"{place}: {text!r} is no number over time; write a number, an expression such as "
        f"'1 + sin(t)', or keyframes such as '0:(1.0), 30:(2.0)'"
    )


def smooth(x: float) -> float:
    """From 0 to 1 as ``x`` goes from 0 to 1, with neither slope nor bend at either end (Perlin)."""
    return x * x * x * (x * (6 * x - 15) + 10)


def _evaluate(curve: Curve | VectorCurve, run: Run, values: Mapping[str, float]) -> Any:
    try:
        return run(values)
    except KeyError as error:
        raise ScriptError(
            f"{curve.place}: {shown(curve.text)} needs {error.args[0]!r}, which has no value here"
        ) from None
    except (ArithmeticError, ValueError) as error:
        raise _no_value(curve, values, reason(error)) from None


def _no_value(curve: Curve | VectorCurve, values: Mapping[str, float], why: str) -> ScriptError:
    # The time too, where the curve doesn't look at it: it says where in the film to look.
    names = sorted((curve.names | {"t"}) & values.keys())
    at = ", ".join(f"{name}={values[name]:g}" for name in names)
    return ScriptError(
        f"{curve.place}: {shown(curve.text)} has no value at {at} ({why}); keep it in bounds "
        f"there, with max(…), clamp(…) or 'a if c else b'"
    )


def _columns(place: str, offset: int) -> Report:
    return lambda index, message: ScriptError(f"{place}, column {offset + index + 1}: {message}")
