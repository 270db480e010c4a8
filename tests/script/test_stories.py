import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.errors import ScriptError
from mutoscope.script import parse_story, quote


def texts(story, **kwargs):
    return [[prompt.text for prompt in group] for group in parse_story(story, **kwargs)]


@pytest.mark.parametrize(
    ("text", "subject", "weight", "stop"),
    [
        ("a", "a", 1, -math.inf),
        ("a:2", "a", 2, -math.inf),
        ("a:2:0.3", "a", 2, 0.3),
        ("a:-0.5", "a", -0.5, -math.inf),
        ("a: 0.5 ", "a", 0.5, -math.inf),
        ("a:1e-1:-INF", "a", 0.1, -math.inf),
        ("a:007:.5", "a", 7, 0.5),
        ("a:2:inf", "a", 2, math.inf),
        # From here on vqgan-clip-generator raises ValueError: only a number is a weight here.
        ("a:", "a:", 1, -math.inf),
        ("Star Wars: x", "Star Wars: x", 1, -math.inf),
        ("a:b:2", "a:b", 2, -math.inf),
        ("http://x/y.png", "http://x/y.png", 1, -math.inf),
        ("http://x/y.png:2", "http://x/y.png", 2, -math.inf),
        ("https://h:8080/y.png:2:0.5", "https://h:8080/y.png", 2, 0.5),
        (r"C:\x.png:0.5", r"C:\x.png", 0.5, -math.inf),
        ("1:2:3:4", "1:2", 3, 4),
        ("a:2:b", "a:2:b", 1, -math.inf),
        ("to:inf", "to:inf", 1, -math.inf),
        ("a:t", "a:t", 1, -math.inf),
        ("2", "2", 1, -math.inf),
        # Quotes and escapes are new, brackets and underscores mean nothing.
        (r"at 10\:30", "at 10:30", 1, -math.inf),
        ('"at 10:30":2', "at 10:30", 2, -math.inf),
        ('5" nail:2', '5" nail', 2, -math.inf),
        ("[a_l.png]:2", "[a_l.png]", 2, -math.inf),
        ("a\N{ARABIC-INDIC DIGIT TWO}:\N{ARABIC-INDIC DIGIT TWO}", "a٢:٢", 1, -math.inf),
    ],
)
def test_only_numbers_at_the_end_are_weight_and_stop(text, subject, weight, stop):
    ((read,),) = parse_story(text)
    assert (read.text, read.kind) == (subject, "text")
    assert (read.weight.constant, read.stop.constant) == (weight, stop)
    assert read.mask.kind == "all"


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("a^b^c", [["a"], ["b"], ["c"]]),
        # vqgan-clip-generator keeps the blanks and the empty prompts.
        (" a | b:0.5 ^ c|", [["a", "b"], ["c"]]),
        ("a^", [["a"], []]),
        ("^a", [[], ["a"]]),
        ("", []),
        (" | ^ ", []),
        (r"a\^b|c\|d", [["a^b", "c|d"]]),
        ('"a^b|c"', [["a^b|c"]]),
        ("[a|b]", [["[a", "b]"]]),
        # Lists are new.
        (["a", "b:2|c"], [["a", "b", "c"]]),
        ([["a", "b"], ["c"]], [["a", "b"], ["c"]]),
        ((("a",), ()), [["a"], []]),
        ([], []),
        (["it's 5^2".replace("^", r"\^")], [["it's 5^2"]]),
    ],
)
def test_groups_follow_each_other(story, expected):
    assert texts(story) == expected


def test_kinds_and_labels():
    (first, second) = parse_story("a.png:2 | a.png ^ a.png", kind="image")
    assert [p.kind for p in first] == ["image", "image"]
    assert [p.label for p in (*first, *second)] == ["a.png", "a.png (2)", "a.png (3)"]
    assert texts(r"\\host\_x\a.png|C:\b^c.png".replace("^", r"\^"), kind="image") == [
        [r"\\host\_x\a.png", r"C:\b^c.png"]
    ]
    assert texts("123:0.5 | -7", kind="noise") == [["123", "-7"]]


@pytest.mark.parametrize(
    ("story", "kind", "words"),
    [
        (":2", "text", "text_prompts, column 1: ':2' has no text"),
        ("a | ''|\"\"", "text", "text_prompts, column 8: '\"\"' has no text"),
        ("a:1e999", "text", "a finite number is needed"),
        ('a | "b', "text", "text_prompts, column 5: a quote"),
        ("fox", "noise", "'fox' is no seed"),
        ("1.5", "noise", "is no seed"),
        (str(2**64), "noise", "is no seed"),
        (["a^b"], "text", "text_prompts[0], column 2: '^' has no meaning in a list"),
        ([["a"], ["b", ":1"]], "text", "text_prompts[1][1], column 1"),
        ([3], "text", "text_prompts[0]: 3 is no text"),
        (["a", ["b"]], "text", "text_prompts[1]: ['b'] is no text"),
        (3, "text", "neither a text nor a list"),
        (None, "text", "neither a text nor a list"),
    ],
)
def test_what_cannot_be_meant_is_refused(story, kind, words):
    with pytest.raises(ScriptError) as caught:
        parse_story(story, kind=kind)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=200, database=None)
@given(st.lists(st.text().filter(str.strip), min_size=1, max_size=4))
def test_any_texts_quoted_come_back(words):
    story = " ^ ".join(f"{quote(text)} | {quote(text)}:2" for text in words)
    assert texts(story) == [[text, text] for text in words]


@settings(deadline=None, max_examples=200, database=None)
@given(
    st.text(alphabet='al1. "\\|:_^[]-inf') | st.text(), st.sampled_from(["text", "image", "noise"])
)
def test_any_text_is_read_or_refused(text, kind):
    message = ""
    try:
        parse_story(text, kind=kind)
    except ScriptError as error:
        message = str(error)
    assert "\n" not in message


def test_very_many_digits_are_read_once():
    many = "1" * 90_000  # read in as many ways, they would take minutes
    [[prompt]] = parse_story(f"a fox:{many}x")
    assert prompt.text.endswith("1x")
