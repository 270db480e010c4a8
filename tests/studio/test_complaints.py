"""Errors as a page may show them."""

import logging

import pytest

from mutoscope.errors import MediaError
from mutoscope.studio.complaints import UNKNOWN, cleaned, told
from mutoscope.studio.place import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ROOT/images_out/a b/c.png: is damaged", "images_out/a b/c.png: is damaged"),
        ("ROOT: is full", ".: is full"),
        ("/etc/ssl/private.pem: can't be read", "private.pem: can't be read"),
        ("'/home/me/x.yaml':3: no", "'x.yaml':3: no"),
        ("see ~/.cache/mutoscope/x", "see x"),
        ("C:\\Users\\me\\x.yaml: no", "x.yaml: no"),
        ("https://example.org/a/b.png: answers 404", "https://example.org/a/b.png: answers 404"),
        ("and/or 1/2 of A/B", "and/or 1/2 of A/B"),
        ("with hf_abcdefghijkl and ?token=abc&x", "with … and ?token=…&x"),
        ("two\nlines\x1b[31m", "two lines�[31m"),
    ],
)
def test_a_message_has_no_path_and_no_token(place, text, shown):
    assert cleaned(text.replace("ROOT", str(place.root)), place) == shown


def test_a_long_one_is_cut(place):
    assert len(cleaned("x " * 5000, place)) <= 600


def test_errors_of_ours_are_told_and_others_are_logged(place, caplog):
    assert told(MediaError(f"{place.root}/a.png: no"), place) == "a.png: no"
    with caplog.at_level(logging.ERROR, logger="mutoscope"):
        assert told(ValueError(f"{place.root} secret"), place) == UNKNOWN
    assert "secret" in caplog.text


def test_a_division_is_no_path(place):
    assert cleaned("zoom: '2*sin(t) + t /2' ends", place) == "zoom: '2*sin(t) + t /2' ends"
    assert cleaned("/root: is not there", place) == "root: is not there"
