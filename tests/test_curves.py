import copy
import math
import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.curves import TIME_NAMES, known_names, parse_curve, parse_vector
from mutoscope.errors import ScriptError


def curve(text, **kwargs):
    return parse_curve(text, place="translate_x", **kwargs)


def at(frame, t=0.0, **more):
    return {"t": t, "frame": frame, "step": 0, **more}


def refusal(text, **kwargs):
    with pytest.raises(ScriptError) as caught:
        curve(text, **kwargs)
    return str(caught.value)


def test_numbers_are_curves_that_never_vary():
    for number in (2, 0.5, -3, 1e-7):
        assert curve(number).constant == number
        assert curve(number)({}) == number
    assert curve("2*3").constant == 6
    assert curve(2) == curve("2")
    assert curve("sin(t)").constant is None


def test_a_curve_knows_its_variables_and_its_text():
    made = curve(" 10*fLo + t ", names=known_names(["fLo", "fHi"]))
    assert made.text == "10*fLo + t"
    assert made.names == {"fLo", "t"}
    assert made({"fLo": 0.5, "t": 1.0, "unasked": 3.0}) == 6.0


def test_curves_are_equal_if_written_alike():
    assert curve("sin(t)") == curve("sin(t)", names=("t",))
    assert curve("sin(t)") != curve("sin( t)")
    assert len({curve("t"), curve("t"), curve("t+0")}) == 2


@pytest.mark.parametrize("text", ["sin(t)", "0:(1), 30:(2*t)", "5", "0:(1), 3:(1)", "-inf"])
def test_curves_travel_between_processes(text):
    made = curve(text, infinite=True)
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):  # noqa: S301
        assert again == made
        assert again.names == made.names
        assert again(at(7, 2.0)) == made(at(7, 2.0))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "True is no number over time"),
        (None, "None is no number over time"),
        ([1], "no number over time"),
        ("", "column 1: an empty expression"),
        ("nan", "a finite number is needed"),
        ("inf", "a finite number is needed"),
        (math.nan, "a finite number is needed"),
        ("[1, 2]", "is a list of 2"),
        ("2 + speed", "column 5: unknown name 'speed'"),
    ],
)
def test_what_is_no_number_over_time_is_refused(value, words):
    message = refusal(value)
    assert message.startswith("translate_x")
    assert words in message


def test_infinity_is_allowed_where_it_is_asked_for_but_never_nan():
    assert curve("-inf", infinite=True).constant == -math.inf
    assert "nan" in refusal("nan", infinite=True)
    with pytest.raises(ScriptError, match="nan"):
        curve("inf*t", infinite=True)({"t": 0.0})


def test_the_offset_moves_the_column():
    assert "column 15: unknown name" in refusal("2 + speed", offset=10)


@pytest.mark.parametrize(
    ("text", "t", "words"),
    [
        ("1/t", 0, "'1/t' has no value at t=0 (division by zero)"),
        ("log(t)", -1, "at t=-1"),
        ("t**0.5", -2, "a negative number to a fractional power"),
        ("exp(t)", 1e4, "at t=10000 (a number too large to hold)"),
        ("1e308*t", 10, "it is inf, and a finite number is needed"),
        ("[1, 2][t]", 2, "index 2 of a list of 2"),
    ],
)
def test_a_value_that_does_not_exist_is_an_error_with_place_and_moment(text, t, words):
    with pytest.raises(ScriptError) as caught:
        curve(text)({"t": t})
    message = str(caught.value)
    assert message.startswith("translate_x: ")
    assert words in message
    assert "\n" not in message


def test_a_variable_without_value_is_named():
    with pytest.raises(ScriptError, match=r"translate_x: 't\*frame' needs 'frame'"):
        curve("t*frame")({"t": 1.0})


def test_a_curve_is_fast():
    made = curve("10*fLo", names=known_names(["fLo"]))
    values = at(1, fLo=0.5)
    start = time.process_time()
    for _ in range(20_000):
        made(values)
    # About 0.3 µs on a quiet machine.
    assert time.process_time() - start < 1


def test_a_vector_is_written_as_a_list_or_given_as_one():
    text = "[cos(radians(1.5)), 0, -sin(radians(1.5))/sqrt(2), sin(radians(1.5))/sqrt(2)]"
    made = parse_vector(text, size=4, place="rotate_3d")
    assert made.constant is not None
    assert math.hypot(*made.constant) == pytest.approx(1)
    assert parse_vector([1, 0, 0, 0], size=4, place="rotate_3d").constant == (1, 0, 0, 0)
    assert parse_vector("1, t, 0", size=3, place="p")(at(0, 4.0)) == (1, 4, 0)


def test_a_vector_may_have_keyframes_outside_or_inside():
    outside = parse_vector("0:([1, 0]), 10:([0, t])", size=2, place="p")
    inside = parse_vector(["0:(1), 10:(0)", "0:(0), 10:(t)"], size=2, place="p")
    assert outside(at(5, 4.0)) == inside(at(5, 4.0)) == (0.5, 2.0)
    assert outside.names == inside.names == {"frame", "t"}
    for made in (outside, inside):
        again = pickle.loads(pickle.dumps(made))  # noqa: S301
        assert again == made
        assert again(at(3, 1.0)) == made(at(3, 1.0))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[1, 2]", "is a list of 2; 4 numbers"),
        ("1", "is one number; 4 numbers"),
        ([1, 2], "4 numbers in a list"),
        (None, "4 numbers in a list"),
        ([1, 2, 3, "x"], r"rotate_3d[3], column 1: unknown name 'x'"),
        ([1, 2, 3, True], "rotate_3d[3]: True"),
        ("[1, 2, 3, inf]", "a finite number is needed"),
    ],
)
def test_what_is_no_vector_is_refused(value, words):
    with pytest.raises(ScriptError) as caught:
        parse_vector(value, size=4, place="rotate_3d")
    assert words in str(caught.value)


def test_a_vector_without_value_is_an_error():
    made = parse_vector("[1/t, 1e308*t]", size=2, place="rotate_3d")
    for t in (0.0, 10.0):
        with pytest.raises(ScriptError, match=r"rotate_3d: .* has no value"):
            made({"t": t})


def test_bands_are_known_with_their_value_a_frame_ago():
    assert known_names() == TIME_NAMES
    assert known_names(["fLo"]) == (*TIME_NAMES, "fLo", "fLo_prev")


@pytest.mark.parametrize("bands", [["t"], ["pi"], ["np"], ["a b"], ["if"], [""], ["x", "x"], [3],
                                   ["x", "x_prev"]])  # fmt: skip
def test_bands_with_impossible_names_are_refused(bands):
    with pytest.raises(ScriptError, match="input_audio_filters"):
        known_names(bands)


@settings(deadline=None, max_examples=300, database=None)
@given(st.text(alphabet="0123456789:(),.+-*t \nif[]x_") | st.text())
def test_any_text_is_a_curve_or_an_error(text):
    message = ""
    try:
        made = curve(text)
        made(at(3, 1.0))
    except ScriptError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("text", ["1/(t-1)", "log(0*t)", "inf*t", "inf*t - inf*t", "1/(frame-6)"])
def test_a_value_that_is_none_is_told_with_key_and_time(text):
    curve = parse_curve(text, place="zoom_x_2d")
    with pytest.raises(ScriptError, match=r"^zoom_x_2d: .* has no value at .*\bt=1\b"):
        curve({"t": 1.0, "frame": 6.0, "step": 60.0})
