"""The language of braces: what it offers, and what it refuses with a place."""

import contextlib
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.errors import ScriptError
from mutoscope.explore import MOST, explore, looks_explored, plain, read_pattern


def prompts(text):
    return [variant.prompt for variant in explore(text).variants]


def labels(text):
    return list(explore(text).axes)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("sky at {dawn, noon ,night}", ["sky at dawn", "sky at noon", "sky at night"]),
        ("{a,b} {c,d}", ["a c", "a d", "b c", "b d"]),
        ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]),
        ("fox | snow:{0.2,0.5,1}", [f"fox | snow:{weight}" for weight in ("0.2", "0.5", "1")]),
        ("{a  b,c}", ["a  b", "c"]),
        ("  {a,b}  ", ["  a  ", "  b  "]),
        # an empty alternative
        ("{,stormy }sea", ["sea", "stormy sea"]),
        ("a {,stormy} sea", ["a sea", "a stormy sea"]),
        ("a {, stormy } sea", ["a sea", "a stormy sea"]),
        ("{,stormy} sea", ["sea", "stormy sea"]),
        ("a fox{, in the snow}", ["a fox", "a fox in the snow"]),
        ("a fox {,in the snow}", ["a fox", "a fox in the snow"]),
        ("{,big }{,red }fox", ["fox", "red fox", "big fox", "big red fox"]),
        ("{a,}", ["a", ""]),
        # ranges
        ("{1..4}", ["1", "2", "3", "4"]),
        ("{3..1}", ["3", "2", "1"]),
        ("{-1..1}", ["-1", "0", "1"]),
        ("{1..6..2}", ["1", "3", "5"]),
        ("{0.2..1..0.4}", ["0.2", "0.6", "1.0"]),
        ("{0.1..0.3}", ["0.1", "0.2", "0.3"]),
        ("{1..0..0.5}", ["1.0", "0.5", "0.0"]),
        ("{0, 2..4 ,many}", ["0", "2", "3", "4", "many"]),
        ("{1..x,2}", ["1..x", "2"]),
        # escapes
        (r"\{a\} {b,c}", ["{a} b", "{a} c"]),
        (r"{a\, b,c}", ["a, b", "c"]),
        (r"{\{,\}}", ["{", "}"]),
        (r"[C:\img\\{a,b}.png]", [r"[C:\img\a.png]", r"[C:\img\b.png]"]),
        (r"\\\{a {b,c}", [r"\{a b", r"\{a c"]),
        (r"a\|b \n {c,d}", [r"a\|b \n c", r"a\|b \n d"]),
        ("${a} {b,c}", ["${a} b", "${a} c"]),
        ("{${a},c}", ["${a}", "c"]),
    ],
)
def test_what_is_meant(text, meant):
    assert prompts(text) == meant


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sky at {dawn,noon}, {oil,ink}", [("dawn", "noon"), ("oil", "ink")]),
        ("fox | snow:{0.2,1}", [("snow:0.2", "snow:1")]),
        ("a {red,blue}ish fox", [("redish", "blueish")]),
        ("{,stormy }sea", [("sea", "stormy sea")]),
        ("a {,stormy} sea", [("(nothing)", "stormy")]),
        ("[{a,b}.png]", [("a.png", "b.png")]),
        ("x:{.5,-1}", [("x:.5", "x:-1")]),
        (f"{'long' * 9}{{a,b}}", [("a", "b")]),
    ],
)
def test_labels_say_the_whole_word(text, shown):
    assert labels(text) == shown


def test_settings_are_axes_after_those_of_the_prompt():
    found = explore("{a,b}", ["width=64", "learning_rate={0.1,0.2}", "image_model={x y, z}"])
    assert found.axes == (
        ("a", "b"),
        ("learning_rate=0.1", "learning_rate=0.2"),
        ("image_model=x y", "image_model=z"),
    )
    assert [(v.prompt, *v.overrides) for v in found.variants] == [
        (prompt, "width=64", f"learning_rate={rate}", f"image_model={model}")
        for prompt, rate, model in itertools.product("ab", ("0.1", "0.2"), ("x y", "z"))
    ]
    for variant in found.variants:
        assert variant.labels[0] == variant.prompt
        assert variant.labels[1:] == variant.overrides[1:]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a {b,c", r"prompt, column 3: a brace opens here and is never closed (a →{b,c)"),
        ("a b} {c,d}", "prompt, column 4: a brace closes here that was never opened (a b→}"),
        ("a {b,{c,d}}", "prompt, column 6: braces can't stand inside braces"),
        ("one\nab {b", "prompt, line 2, column 4: "),
        ("a {b}", "less than two alternatives (a →{b})"),
        ("a {}", "less than two alternatives"),
        ("{1..1}", "less than two alternatives"),
        ("{a,b, a}", "'a' stands twice"),
        ("{1..5..0}", "step 0"),
        ("{1..999}", "999 numbers, allowed are 256"),
        ("{0..999999999999..0.000000000001}", "numbers, allowed are 256"),
        ("{" + ",".join(map(str, range(300))) + "}", "over 256 alternatives"),
        ("{1..16} {1..17}", "16 × 17 = 272 pictures; at most 256"),
        ("{1,2}" * 40, "at most 256"),
        ("a fox", "nothing in braces"),
        ("", "nothing in braces"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(text, says):
    with pytest.raises(ScriptError) as refused:
        explore(text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_setting_is_refused_with_its_key():
    with pytest.raises(ScriptError, match=r"^learning_rate, column 1: a brace opens"):
        explore("{a,b}", ["learning_rate={0.1"])


def test_so_many_are_allowed():
    assert len(explore("{1..16} {1..16}").variants) == MOST


@given(st.text(alphabet="ab {},\\.$1", max_size=30))
def test_plain_text_means_itself(text):
    pattern = read_pattern(plain(text), place="x")
    assert not pattern.axes
    assert pattern.filled([]) == text


@given(st.text(alphabet="ab {},\\.$1", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        found = explore(text)
    except ScriptError:
        return
    assert len({variant.labels for variant in found.variants}) <= len(found.variants)
    assert all(len(variant.labels) == len(found.axes) for variant in found.variants)


@pytest.mark.parametrize(
    ("text", "looks"),
    [("{a,b}", True), ("x {1..3} y", True), ("{a}", False), (r"\{a,b}", False), ("a, b", False),
     ("${a,b}", False)],
)  # fmt: skip
def test_a_glance_tells_what_may_be_meant(text, looks):
    assert looks_explored(text) is looks


@pytest.mark.parametrize("text", ["{" + "9" * 200_000, "${" * 100_000, "{" + "," * 200_000])
def test_long_texts_take_time_in_proportion(text):
    begun = time.process_time()
    with contextlib.suppress(ScriptError):
        read_pattern(text, place="prompt")
    assert not looks_explored("{" + "x,x" * 100_000)
    assert time.process_time() - begun < 3  # it was minutes


def test_a_number_beyond_words_is_refused_in_one_line():
    with pytest.raises(ScriptError, match="countless pictures; at most"):
        explore("a " + "{b,c}" * 20_000, [])
