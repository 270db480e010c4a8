from fractions import Fraction

import pytest

from mutoscope.errors import MediaError
from mutoscope.frames import as_rate


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        (12, Fraction(12)),
        (23.976, Fraction(2997, 125)),
        ("30000/1001", Fraction(30000, 1001)),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_rates_are_exact_fractions(given, rate):
    assert as_rate(given) == rate


@pytest.mark.parametrize(
    "rate", [0, -1, 1001, float("nan"), float("inf"), "fast", "1/0", None, "3e4001001"]
)
def test_impossible_rates_are_refused(rate):
    with pytest.raises(MediaError, match="rate: "):
        as_rate(rate)
