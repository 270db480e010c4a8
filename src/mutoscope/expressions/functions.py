"""What an expression may call: the one list of functions and constants, each made for floats.

The names are those of Python's ``math`` with ``abs``, ``max``, ``min`` and ``round`` (what PyTTI
offered), a few of our own (``clamp``, ``lerp``, ``smoothstep``, ``sign``), and the commonest of
numpy behind ``np.``. Every function takes floats, or tuples of floats where ``Takes`` says so, and
returns a float, or a tuple of ``size`` floats. What can't be computed raises ``ValueError`` or an
``ArithmeticError``; nothing here gives NaN where numpy would. Whole-number functions are bounded,
so that none can take long.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple


class Takes(NamedTuple):
    """Which arguments a function takes: a pattern over ``n`` (number) and ``v`` (list)."""

    kinds: str
    words: str


ONE = Takes("n", "one number")
ONE_OR_TWO = Takes("nn?", "one or two numbers")
TWO = Takes("nn", "two numbers")
THREE = Takes("nnn", "three numbers")
SOME = Takes("n+", "one or more numbers")
MANY = Takes("nn+|v", "two or more numbers, or one list")
LIST = Takes("v", "one list of numbers")
LISTS = Takes("vv", "two lists of the same length")
RAMP = Takes("nvv", "a number and two lists of the same length")
STEP = Takes("n|nnn", "one number, or two edges and a number")


@dataclass(frozen=True, slots=True)
class Function:
    """One callable, the arguments it takes, and the length of its list (``None``: a number)."""

    call: Callable[..., Any]
    takes: Takes
    size: int | None = None


def _whole(value: float, most: float = math.inf) -> int:
    """The number as an integer; raises ``ValueError`` if it has a fraction or is too large."""
    if not value.is_integer():
        raise ValueError(f"{value:g} is not a whole number")
    if abs(value) > most:
        raise ValueError(f"{value:g} is larger than {most:g}")
    return int(value)


def _of_whole(function: Callable[..., float], most: float = math.inf) -> Callable[..., float]:
    return lambda *values: float(function(*(_whole(value, most) for value in values)))


def _as_float(function: Callable[..., float]) -> Callable[..., float]:
    return lambda *values: float(function(*values))


def _round(value: float, digits: float = 0.0) -> float:
    return float(round(value, _whole(digits)))


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _lerp(a: float, b: float, x: float) -> float:
    return a + (b - a) * x


def _smoothstep(first: float, second: float | None = None, x: float = 0.0) -> float:
    """0 below the first edge, 1 above the second, 3u² − 2u³ between; one number: edges 0 and 1."""
    u = first if second is None else (x - first) / (second - first)
    u = _clamp(u, 0.0, 1.0)
    return u * u * (3.0 - 2.0 * u)


def _sign(value: float) -> float:
    return value if math.isnan(value) else float((value > 0) - (value < 0))


def _sumprod(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _modulo(a: float, b: float) -> float:
    return a % b


def _square(value: float) -> float:
    return value * value


def _sinc(value: float) -> float:
    return math.sin(math.pi * value) / (math.pi * value) if value else 1.0


def _heaviside(value: float, at_zero: float) -> float:
    return at_zero if value == 0 else float(value > 0)


def _where(condition: float, yes: float, no: float) -> float:
    return yes if condition else no


def _interp(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """The line through the points (xs, ys), held beyond its ends; the xs must rise."""
    if len(xs) != len(ys) or any(a >= b for a, b in pairwise(xs)):
        raise ValueError("the first list must rise, and the second be as long")
    if x <= xs[0]:
        return ys[0]
    for i in range(1, len(xs)):
        if x <= xs[i]:
            return _lerp(ys[i - 1], ys[i], (x - xs[i - 1]) / (xs[i] - xs[i - 1]))
    return ys[-1]


CONSTANTS: dict[str, float] = {
    "pi": math.pi,
    "tau": math.tau,
    "e": math.e,
    "inf": math.inf,
    "nan": math.nan,
}

_PLAIN = (
    "acos acosh asin asinh atan atanh cbrt cos cosh degrees erf erfc exp exp2 expm1 fabs gamma "
    "lgamma log10 log1p log2 radians sin sinh sqrt tan tanh ulp"
)

FUNCTIONS: dict[str, Function] = {
    **{name: Function(getattr(math, name), ONE) for name in _PLAIN.split()},
    **{name: Function(_as_float(getattr(math, name)), ONE) for name in ("ceil", "floor", "trunc")},
    **{
        name: Function(_as_float(getattr(math, name)), ONE)
        for name in ("isfinite", "isinf", "isnan")
    },
    **{
        name: Function(getattr(math, name), TWO)
        for name in ("atan2", "copysign", "fmod", "nextafter", "pow", "remainder")
    },
    "isclose": Function(_as_float(math.isclose), TWO),
    "log": Function(math.log, ONE_OR_TWO),
    "ldexp": Function(lambda x, i: math.ldexp(x, _whole(i)), TWO),
    "hypot": Function(math.hypot, SOME),
    "dist": Function(math.dist, LISTS),
    "sumprod": Function(_sumprod, LISTS),
    "fsum": Function(math.fsum, LIST),
    "prod": Function(math.prod, LIST),
    "modf": Function(math.modf, ONE, 2),
    "frexp": Function(lambda x: tuple(map(float, math.frexp(x))), ONE, 2),
    # A factorial above 170! is no float, and large arguments of the others only take time.
    "factorial": Function(_of_whole(math.factorial, 170), ONE),
    "comb": Function(_of_whole(math.comb, 1000), TWO),
    "perm": Function(_of_whole(math.perm, 1000), TWO),
    "gcd": Function(_of_whole(math.gcd), SOME),
    "lcm": Function(_of_whole(math.lcm), SOME),
    "isqrt": Function(_of_whole(math.isqrt), ONE),
    "abs": Function(abs, ONE),
    "max": Function(max, MANY),
    "min": Function(min, MANY),
    "round": Function(_round, ONE_OR_TWO),
    "int": Function(_as_float(math.trunc), ONE),
    "float": Function(float, ONE),
    "clamp": Function(_clamp, THREE),
    "lerp": Function(_lerp, THREE),
    "smoothstep": Function(_smoothstep, STEP),
    "sign": Function(_sign, ONE),
}

_RENAMED = {
    "absolute": "abs",
    "amax": "max",
    "amin": "min",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "around": "round",
    "clip": "clamp",
    "deg2rad": "radians",
    "fix": "trunc",
    "float_power": "pow",
    "power": "pow",
    "prod": "prod",
    "rad2deg": "degrees",
    "rint": "round",
    "sum": "fsum",
}
_SAME = (
    "abs cbrt ceil copysign cos cosh degrees exp exp2 expm1 fabs floor fmod gcd hypot isfinite "
    "isinf isnan lcm log log10 log1p log2 max min radians round sign sin sinh sqrt tan tanh trunc"
)

NUMPY: dict[str, Function] = {
    **{name: FUNCTIONS[name] for name in _SAME.split()},
    **{name: FUNCTIONS[ours] for name, ours in _RENAMED.items()},
    "log": Function(math.log, ONE),
    "hypot": Function(math.hypot, TWO),
    "rint": Function(_round, ONE),
    "max": Function(max, LIST),
    "min": Function(min, LIST),
    "amax": Function(max, LIST),
    "amin": Function(min, LIST),
    "maximum": Function(max, TWO),
    "minimum": Function(min, TWO),
    "mean": Function(_mean, LIST),
    "dot": Function(_sumprod, LISTS),
    # numpy's remainder takes the sign of the divisor, as % does; math's is the IEEE one.
    "mod": Function(_modulo, TWO),
    "remainder": Function(_modulo, TWO),
    "square": Function(_square, ONE),
    "sinc": Function(_sinc, ONE),
    "heaviside": Function(_heaviside, TWO),
    "where": Function(_where, THREE),
    "interp": Function(_interp, RAMP),
}
