"""Letters: those that a font has, and what stands in for the others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope import lettering
from mutoscope.lettering import Lettering


@pytest.fixture
def bare(monkeypatch):
    """A system without fonts."""
    monkeypatch.setattr(lettering, "_SYSTEM", ())


def test_english_stays_as_it_is(bare):
    assert Lettering(["a fox, 0.5"], 14).legible("a fox, 0.5") == "a fox, 0.5"


def test_accents_go_where_the_font_has_none(bare):
    assert Lettering(["café"], 14).legible("café à Žižkov") == "cafe a Zizkov"


@pytest.mark.parametrize("text", ["夜の空", "🦊", "\x00", ""])
def test_what_cannot_be_read_is_nothing(bare, text):
    assert Lettering([text], 14).legible(text) == ""


def test_what_can_be_read_of_it_stays(bare):
    assert Lettering(["夜 fox"], 14).legible("夜 fox") == "? fox"


def test_a_system_font_is_taken_for_letters_that_ours_lacks():
    letters = Lettering(["Ω"], 14)
    if not letters.name:
        pytest.skip("this system has no font with Greek letters")
    assert letters.legible("Ω") == "Ω"


def test_lines_fit_and_hold_all_words():
    letters = Lettering(["words"], 14)
    text = "a very long label of many short words"
    lines = letters.wrapped(text, 90, 10)
    assert " ".join(lines) == text
    assert all(letters.width(line) <= 90 for line in lines)
    assert len(lines) > 2


def test_what_does_not_fit_ends_in_an_ellipsis():
    letters = Lettering(["words"], 14)
    lines = letters.wrapped("a very long label of many short words", 90, 2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert letters.wrapped("unbreakable" * 9, 90, 3)[0].endswith("…")
    assert letters.wrapped("", 90, 3) == []


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60))
def test_no_text_is_too_strange(text):
    letters = Lettering([text], 12)
    for line in letters.wrapped(letters.legible(text), 80, 3):
        assert letters.width(line) <= 80 or line == "…"
