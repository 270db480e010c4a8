import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.curves import parse_curve
from mutoscope.errors import ScriptError


def curve(text, **kwargs):
    return parse_curve(text, place="translate_x", **kwargs)


def at(frame, t=0.0):
    return {"t": t, "frame": frame, "step": 0}


def refusal(text, **kwargs):
    with pytest.raises(ScriptError) as caught:
        curve(text, **kwargs)
    return str(caught.value)


def test_keyframes_run_straight_between_what_their_expressions_give():
    made = curve("0:(1.0), 30:(2*t)")
    assert made.names == {"frame", "t"}
    assert made(at(0, 5.0)) == 1.0
    assert made(at(30, 5.0)) == 10.0
    assert made(at(15, 5.0)) == 5.5
    assert made(at(10, 2.0)) == 2.0


def test_keyframes_are_held_before_the_first_and_after_the_last():
    made = curve("10:(1), 20:(t)")
    assert made(at(-3)) == made(at(9)) == 1.0
    assert made(at(400, 7.0)) == 7.0


def test_keyframes_may_be_unsorted_negative_spaced_and_end_with_a_comma():
    made = curve(" 30 : ( 3 ) ,\n -10:(max(1, (2)))\n, 0:(0), ")
    assert [made(at(frame)) for frame in (-10, -5, 0, 15, 30)] == [2, 1, 0, 1.5, 3]


def test_one_key_and_equal_keys_never_vary():
    assert curve("0:(1.5)").constant == 1.5
    assert curve("0:(2), 30:(2.0)").constant == 2.0
    assert curve("5:(t)").names == {"t"}


def test_infinity_holds_until_the_next_key():
    made = curve("0:(-inf), 10:(0.5), 20:(inf)", infinite=True)
    assert [made(at(frame)) for frame in (0, 9, 10, 19, 20)] == [
        -math.inf,
        -math.inf,
        0.5,
        0.5,
        math.inf,
    ]


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("0:(1), 0:(2)", 11, "keyframe 0 is given twice"),
        ("0:1", 3, "a '(' is missing"),
        ("0:(1) 3:(2)", 7, "a ',' is missing"),
        ("0:(1), 3:((2)", 10, "never closed"),
        ("0:(1), x", 8, "a whole frame number"),
        ("1.5:(2)", 1, "a whole frame number"),
        ("0:(1), 30:(2*speed)", 14, "unknown name 'speed'"),
        ("0:(1), 30:()", 12, "an empty expression"),
        ("0:(1), 30:(1/0)", 12, "division by zero"),
        ("0:(1), 30:([1, 2])", 12, "not as long as the first"),
        ("0:(0:(1))", 5, "':'"),
    ],
)
def test_wrong_keyframes_are_refused_where_they_stand(text, column, words):
    message = refusal(text)
    assert message.startswith(f"translate_x, column {column}: "), message
    assert words in message


def test_keyframes_need_the_frame():
    assert "keyframes" in refusal("0:(1), 3:(2)", names=("t",))


def test_thousands_of_keyframes_are_quick():
    text = ", ".join(f"{i}:({i % 7})" for i in range(5000))
    start = time.process_time()
    made = curve(text)
    assert made(at(2500.5)) == pytest.approx((2500 % 7 + 2501 % 7) / 2)
    assert time.process_time() - start < 3
    assert len(refusal(text + " x")) < 200


def test_hostile_keyframes_are_refused_quickly():
    start = time.process_time()
    for text in ("0:(" * 30_000, "0:" + "(" * 90_000, "0:(1)," * 30_000):
        assert len(refusal(text)) < 300
    assert time.process_time() - start < 2


@settings(deadline=None, max_examples=200, database=None)
@given(
    st.dictionaries(st.integers(-500, 500), st.floats(-1e6, 1e6), min_size=1, max_size=8),
    st.floats(-600, 600),
)
def test_keyframes_stay_between_their_neighbours(keys, frame):
    made = curve(", ".join(f"{key}:({value!r})" for key, value in keys.items()))
    assert min(keys.values()) - 1e-6 <= made(at(frame)) <= max(keys.values()) + 1e-6
    for key, value in keys.items():
        assert made(at(key)) == value
