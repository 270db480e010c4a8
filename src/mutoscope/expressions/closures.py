"""The pieces an expression is made of: small closures from the variables' values to a number."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, float]
# A closure gives a float or, for a list, a tuple of floats; ``Compiled.size`` says which.
Run: TypeAlias = Callable[[Values], Any]


def _power(base: float, exponent: float) -> float:
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("a negative number to a fractional power")
    return float(result)


BINARY: dict[type[ast.operator], Callable[[Run, Run], Run]] = {
    ast.Add: lambda a, b: lambda v: a(v) + b(v),
    ast.Sub: lambda a, b: lambda v: a(v) - b(v),
    ast.Mult: lambda a, b: lambda v: a(v) * b(v),
    ast.Div: lambda a, b: lambda v: a(v) / b(v),
    ast.FloorDiv: lambda a, b: lambda v: a(v) // b(v),
    ast.Mod: lambda a, b: lambda v: a(v) % b(v),
    ast.Pow: lambda a, b: lambda v: _power(a(v), b(v)),
}
UNARY: dict[type[ast.unaryop], Callable[[Run], Run]] = {
    ast.UAdd: lambda a: a,
    ast.USub: lambda a: lambda v: -a(v),
    ast.Not: lambda a: lambda v: float(not a(v)),
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def variable(name: str) -> Run:
    """The value of one variable, as a float."""
    # float() keeps integers out: they could grow without bounds.
    return lambda v: float(v[name])


def listed(runs: list[Run]) -> Run:
    """Several numbers, as a tuple."""
    return lambda v: tuple([run(v) for run in runs])


def joined(op: ast.boolop, runs: list[Run]) -> Run:
    """``and`` gives its first false operand or the last, ``or`` its first true one or the last."""
    *firsts, last = runs
    stop = isinstance(op, ast.Or)

    def run(v: Values) -> Any:
        for first in firsts:
            value = first(v)
            if bool(value) is stop:
                return value
        return last(v)

    return run


def compared(first: Run, tests: list[tuple[Callable[[Any, Any], bool], Run]]) -> Run:
    """Comparisons in a chain, ``a < b <= c``: 1 if all hold; 0 at the first that fails."""

    def run(v: Values) -> float:
        left = first(v)
        for holds, other in tests:
            right = other(v)
            if not holds(left, right):
                return 0.0
            left = right
        return 1.0

    return run


def chosen(test: Run, yes: Run, no: Run) -> Run:
    """``yes if test else no``; the branch not taken is not computed."""
    return lambda v: yes(v) if test(v) else no(v)


def picked(whole: Run, index: Run, size: int) -> Run:
    """One item of a list; the index must be whole and inside, counted from the end if negative."""

    def run(v: Values) -> Any:
        at = index(v)
        if not (float(at).is_integer() and -size <= at < size):
            raise ValueError(f"index {at:g} of a list of {size}; floor(…) % {size} stays inside")
        return whole(v)[int(at)]

    return run


def called(call: Callable[..., Any], runs: list[Run]) -> Run:
    """A function of the arguments' values."""
    if len(runs) == 1:
        (a,) = runs
        return lambda v: call(a(v))
    if len(runs) == 2:
        a, b = runs
        return lambda v: call(a(v), b(v))
    return lambda v: call(*[run(v) for run in runs])
