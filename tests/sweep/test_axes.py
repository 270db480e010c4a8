"""What a sweep tries: values between commas, quotes, brackets, and numbers that are counted out."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.errors import SettingsError
from mutoscope.sweep.axes import MOST_VALUES, read_axes, read_values, split, unquoted


def quoted(value):
    return '"' + value.replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2,3", ["1", "2", "3"]),
        (" 1 , 2 ", ["1", "2"]),
        ("range(3)", ["0", "1", "2"]),
        ("range(8, 2, -3)", ["8", "5"]),
        ("range(1,9,2),20", ["1", "3", "5", "7", "20"]),
        ("range(1)", ["0"]),
        ("linspace(0.1,1,4)", ["0.1", "0.4", "0.7", "1"]),
        ("geomspace(0.01, 1, 3)", ["0.01", "0.1", "1"]),
        ('"a fox, red",a crow', ["a fox, red", "a crow"]),
        ("it's dawn,it's night", ["it's dawn", "it's night"]),
        ("'it''s, dawn',night", ["it's, dawn", "night"]),
        ("[a,b],(c,d),{e,f}", ["[a,b]", "(c,d)", "{e,f}"]),
        ("max(t,1),sin(t)", ["max(t,1)", "sin(t)"]),
        ('a,""', ["a", ""]),
    ],
)
def test_values_as_they_are_written(text, values):
    assert read_values(text, "key") == tuple(values)


@pytest.mark.parametrize("text", ["7", "", "sin(t)", "0:(1.0)", "[a,b]", '"a, b"', "a fox :("])
def test_one_value_is_no_axis_and_stays_as_it_is(text):
    assert read_axes([f"key={text}"]) == ((), (f"key={text}",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,,2", "empty value"),
        ("1,2,1", "'1' stands twice"),
        ("range(3),1", "'1' stands twice"),
        ("[a,b", "column 1: [ opens here"),
        ('a,"b', 'column 3: " opens here'),
        ("range()", "write range(8)"),
        ("range(a)", "write range(8)"),
        ("range(1.5)", "write range(8)"),
        ("range(1,2,3,4)", "write range(8)"),
        ("range(0)", "holds 0 numbers"),
        ("range(1,9,0)", "step 0"),
        ("range(999999999999)", f"allowed are 1 to {MOST_VALUES}"),
        ("linspace(0,1,1e9)", "write linspace"),
        ("linspace(0,1,99999)", "holds 99999 numbers"),
        ("linspace(0,__import__,2)", "write linspace"),
        ("geomspace(0,1,3)", "above 0"),
        ("logspace(0,1,3)", "geomspace(0.01, 1, 3) takes"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(text, says):
    with pytest.raises(SettingsError, match=r"^key") as refused:
        read_values(text, "key")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("texts", "says"), [
    (["seed"], "no KEY=VALUES"), (["=3"], "no KEY=VALUES"),
    (["seed=1", "seed=2,3"], "seed: stands twice"),
])  # fmt: skip
def test_texts_that_are_none_are_refused(texts, says):
    with pytest.raises(SettingsError, match=says):
        read_axes(texts)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_quoted_values_come_back_whatever_they_hold(values):
    pieces = split(",".join(map(quoted, values)))
    assert [unquoted(piece) for piece in pieces] == values


@given(st.text(alphabet="ab1.,()[]{}\"' :range", max_size=30))
def test_any_text_is_read_or_refused_in_a_line(text):
    try:
        values = read_values(text, "key")
    except SettingsError as error:
        values = (str(error).removeprefix("key"),)
        assert values[0] != str(error)  # noqa: PT017 - most texts are fine
    assert values is None or len(set(values)) == len(values) >= 1


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9).filter(bool))
def test_range_is_pythons(first, last, step):
    expected = [str(n) for n in range(first, last, step)]
    text = f"range({first},{last},{step})"
    if expected:
        assert read_values(text, "key") == tuple(expected)
    else:
        with pytest.raises(SettingsError):
            read_values(text, "key")


@given(st.floats(0.001, 999).map(lambda x: round(x, 3)), st.integers(2, 9))
def test_steps_are_equal_and_ratios_are(first, count):
    last = first + 7
    lines = [float(v) for v in read_values(f"linspace({first},{last},{count})", "key")]
    ratios = [float(v) for v in read_values(f"geomspace({first},{last},{count})", "key")]
    assert (lines[0], lines[-1]) == (ratios[0], ratios[-1]) == (first, round(last, 6))
    steps = [b - a for a, b in itertools.pairwise(lines)]
    assert all(math.isclose(step, 7 / (count - 1), rel_tol=1e-5) for step in steps)
    shares = [b / a for a, b in itertools.pairwise(ratios)]
    assert all(math.isclose(share, shares[0], rel_tol=1e-5) for share in shares)
