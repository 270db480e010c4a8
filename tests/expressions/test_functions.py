import math

import pytest

from mutoscope.expressions import CONSTANTS, FUNCTIONS, NUMPY, compile_expression

# What `math` offers on every Python from 3.11 on.
MATH = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist erf erfc "
    "exp exp2 expm1 fabs factorial floor fmod frexp fsum gamma gcd hypot isclose isfinite isinf "
    "isnan isqrt lcm ldexp lgamma log log10 log1p log2 modf nextafter perm pow prod radians "
    "remainder sin sinh sqrt tan tanh trunc ulp"
)


def value(text):
    return compile_expression(text, names=(), report=lambda i, m: ValueError(m)).run({})


def test_all_of_math_is_offered_with_what_pytti_added():
    assert set(MATH.split()) <= FUNCTIONS.keys()
    assert {"abs", "max", "min", "round"} <= FUNCTIONS.keys()
    assert CONSTANTS.keys() == {"pi", "tau", "e", "inf", "nan"}


def arguments(function):
    """Some arguments of each kind that the function takes."""
    kinds = function.takes.kinds.split("|")[0].replace("+", "").replace("n?", "")
    lists = iter(((1.0, 2.0), (3.0, 4.0)))
    number = 0.0 if function.call is math.atanh else 1.0
    return [number if kind == "n" else next(lists) for kind in kinds]


@pytest.mark.parametrize(
    "function",
    [*FUNCTIONS.values(), *NUMPY.values()],
    ids=[*FUNCTIONS, *(f"np.{name}" for name in NUMPY)],
)
def test_every_function_gives_floats(function):
    result = function.call(*arguments(function))
    numbers = result if function.size else (result,)
    assert len(numbers) == (function.size or 1)
    assert all(type(number) is float for number in numbers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max(1, 5, 3)", 5),
        ("max([1, 5, 3])", 5),
        ("min(2, -1)", -1),
        ("round(2.567, 2)", 2.57),
        ("round(2.5)", 2),
        ("gcd(12, 18)", 6),
        ("dist([0, 0], [3, 4])", 5),
        ("hypot(2, 3, 6)", 7),
        ("modf(2.25)[0]", 0.25),
        ("frexp(8)[1]", 4),
        ("factorial(5)", 120),
        ("comb(5, 2)", 10),
        ("log(8, 2)", 3),
        ("pow(2, 10)", 1024),
        ("clamp(7, 0, 1)", 1),
        ("lerp(10, 20, 0.25)", 12.5),
        ("smoothstep(0.5)", 0.5),
        ("smoothstep(2, 4, 3.5)", 0.84375),
        ("sign(-3)", -1),
        ("int(-2.7)", -2),
        ("np.sin(np.pi / 2)", 1),
        ("np.clip(5, 0, 2)", 2),
        ("np.interp(1.5, [0, 1, 2], [0, 10, 30])", 20),
        ("np.interp(9, [0, 1, 2], [0, 10, 30])", 30),
        ("np.interp(-9, [0, 1, 2], [5, 10, 30])", 5),
        ("np.mod(-1, 3)", 2),
        ("np.remainder(5, 3)", 2),
        ("remainder(5, 3)", -1),
        ("np.where(1 > 2, 3, 4)", 4),
        ("np.maximum(1, 2)", 2),
        ("np.max([1, 2])", 2),
        ("np.mean([1, 2, 6])", 3),
        ("np.sinc(0)", 1),
        ("np.heaviside(0, 0.5)", 0.5),
        ("numpy.deg2rad(180)", math.pi),
    ],
)
def test_functions_compute_what_they_say(text, expected):
    assert value(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "factorial(171)",
        "factorial(2.5)",
        "comb(1e6, 5e5)",
        "perm(1e9, 1e9)",
        "ldexp(1, 1e300)",
        "gcd(0.5, 2)",
        "round(1.5, 0.5)",
        "np.interp(1, [2, 1], [0, 1])",
        "np.interp(1, [1, 2], [0])",
        "dist([1], [1, 2])",
        "smoothstep(1, 1, 1)",
        "sqrt(-1)",
    ],
)
def test_what_cannot_be_computed_is_refused_at_once(text):
    with pytest.raises(ValueError, match="whatever the time"):
        value(text)
