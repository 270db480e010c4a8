import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.errors import ScriptError
from mutoscope.tokens import PATH_ESCAPES, TEXT_ESCAPES, quote, scan


def parts(text, mark="|", **kwargs):
    return [piece.text for piece in scan(text, place="here", **kwargs).split(mark)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", ["a", "b"]),
        (r"a\|b", ["a|b"]),
        (r"a\\|b", ["a\\", "b"]),
        (r"a\\\|b", ["a\\|b"]),
        (r"\a\b", [r"\a\b"]),
        ("end\\", ["end\\"]),
        (r"a\\b", [r"a\b"]),
        ("[a|b]|c", ["[a|b]", "c"]),
        ("[a[|]|b]|c", ["[a[|]|b]", "c"]),
        ("a [ b|c", ["a [ b", "c"]),
        ("a ] b|c", ["a ] b", "c"]),
        (r"a \[ b|c ] d", ["a [ b", "c ] d"]),
        ("a [ b|[c|d]", ["a [ b", "[c|d]"]),
        ('"a|b"|c', ["a|b", "c"]),
        ('say "a|b" now|c', ['say "a|b" now', "c"]),
        ('"a" and "b|c"', ['"a" and "b|c"']),
        ("it's|don't", ["it's", "don't"]),
        ('5" nail|3" screw', ['5" nail', '3" screw']),
        ('5"x7" print|b', ['5"x7" print', "b"]),
        ('a " b|c " d', ['a " b', 'c " d']),
        (r"\"a|b\"", ['"a', 'b"']),
        (r'"a\"|b"', ['a"|b']),
        (r'"a\\"|b', ["a\\", "b"]),
        (r'"\\host\x"', [r"\\host\x"]),
        ('" a "|b', [" a ", "b"]),
        (' "a" ', ["a"]),
        ('["a]|b"]|c', ['["a]|b"]', "c"]),
        ('a|""|b', ["a", "", "b"]),
        (r"[C:\_x\|\new]|b", [r"[C:\_x\|\new]", "b"]),
        (r"[\\host\x]", [r"[\\host\x]"]),
        (r"[a\]|b]|c", ["[a]|b]", "c"]),
        ("", [""]),
    ],
)
def test_what_cuts(text, expected):
    assert parts(text) == expected


def test_paths_keep_their_backslashes():
    assert parts(r"\\host\_x\a.png|C:\\b", escapes=PATH_ESCAPES) == [r"\\host\_x\a.png", r"C:\\b"]
    assert parts(r"a\|b", escapes=PATH_ESCAPES) == ["a|b"]


def test_brackets_may_be_plain():
    assert parts("[a|b]", brackets=False) == ["[a", "b]"]


def test_a_cut_can_be_limited():
    assert parts("a:b:c:d", ":") == ["a", "b", "c", "d"]
    pieces = scan("a:b:c:d", place="here").split(":", 2)
    assert [piece.raw for piece in pieces] == ["a", "b", "c:d"]


def test_only_whole_brackets_are_brackets():
    def inside(text):
        piece = scan(text, place="here").bracketed
        return None if piece is None else piece.text

    assert inside(" [ a[1].png ] ") == "a[1].png"
    assert inside('["a]b"]') == "a]b"
    assert inside("[a] and [b]") is None
    assert inside('"[a]"') is None
    assert inside("[a") is None
    assert inside("") is None


def test_a_quote_that_stays_open_is_an_error():
    with pytest.raises(ScriptError) as caught:
        scan('a | "b | c', place="here")
    assert str(caught.value).startswith("here, column 5: a quote")


def test_positions_have_lines_only_where_there_are_several():
    source = scan("ab\ncd\n\nef", place="here").source
    assert source.where(0) == "here, line 1, column 1"
    assert source.where(4) == "here, line 2, column 2"
    assert source.where(8) == "here, line 4, column 2"
    assert scan("abc", place="here").source.where(2) == "here, column 3"


def test_a_text_beyond_all_measure_is_refused():
    with pytest.raises(ScriptError, match="at most"):
        scan("a" * 100_001, place="here")


@pytest.mark.parametrize("unit", ["[", "]", '"', "\\", '\\"', "a|", "[|", '["', "_:"])
def test_long_hostile_texts_are_quick(unit):
    start = time.process_time()
    with suppress(ScriptError):
        scan(unit * (100_000 // len(unit)), place="here").split("|")
    assert time.process_time() - start < 2


def test_plain_words_need_no_quotes():
    assert quote("a red fox, isn't it?") == "a red fox, isn't it?"
    assert quote("l ") == '"l "'
    assert quote("l") == '"l"'
    assert quote('5" nail\\') == r'"5\" nail\\"'


@settings(deadline=None, max_examples=500, database=None)
@given(
    st.text() | st.text(alphabet='ab1 "\\|:_^[]\n'),
    st.sampled_from([TEXT_ESCAPES, PATH_ESCAPES]),
    st.booleans(),
)
def test_quoting_keeps_any_text(text, escapes, brackets):
    kwargs = {"place": "here", "escapes": escapes, "brackets": brackets}
    assert scan(quote(text), **kwargs).text == text
    for mark in "|:_^":
        row = scan(f"{quote(text)} {mark} {quote(text)}", **kwargs)
        assert [piece.text for piece in row.split(mark)] == [text, text]


@settings(deadline=None, max_examples=300, database=None)
@given(st.text(alphabet='ab1 "\\|:_^[]\n'))
def test_no_letter_is_lost_or_made_up(text):
    try:
        piece = scan(text, place="here")
    except ScriptError:
        return
    assert len(piece.marks) == len(piece.letters) == len(text)
    for written, mark, letter in zip(text, piece.marks, piece.letters, strict=True):
        assert mark in (written, "\0")
        assert letter in ((written, "") if written == "\\" else (written,))
