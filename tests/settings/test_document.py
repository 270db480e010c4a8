import math
import os

import pytest

from mutoscope.errors import SettingsError
from mutoscope.settings.document import MAX_BYTES, parse_document, parse_value, read_text


def parsed(text, raw=()):
    return parse_document(text, name="x.yaml", raw=lambda key: key in raw)


def refusal(text, raw=()):
    with pytest.raises(SettingsError) as caught:
        parsed(text, raw)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_values_and_lines():
    document = parsed("# @package _global_\na: 1\nb: [1.5, x, null]\n\nc: {d: true}\n")
    assert document.values == {"a": 1, "b": [1.5, "x", None], "c": {"d": True}}
    assert document.lines == {"a": 2, "b": 3, "c": 5}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_nothing_is_an_empty_document(text):
    assert parsed(text).values == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0123", 123),
        ("0x1f", 31),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("off", False),
        ("Yes", True),
        ("~", None),
        ("", None),
        ("'off'", "off"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("a::b", "a::b"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
    ],
)
def test_scalars(text, value):
    found = parse_value(text, place="key")
    assert found == value
    assert type(found) is type(value)


def test_raw_keys_keep_their_text():
    text = "a: off\nb: 007\nc: 2024-01-01\nd: 1e3\ne:\nf: [1, off]\ng: 'it''s'\n"
    values = parsed(text, raw="abcdefg").values
    assert values == {
        "a": "off",
        "b": "007",
        "c": "2024-01-01",
        "d": "1e3",
        "e": None,
        "f": ["1", "off"],
        "g": "it's",
    }


def test_an_alias_repeats_a_single_value_only():
    assert parsed("a: &x 5\nb: *x\n").values == {"a": 5, "b": 5}
    assert refusal("a: &x [1]\nb: *x\n").startswith("x.yaml:2: an alias may only repeat")
    assert refusal("a: &x [*x]\n").startswith("x.yaml:1: an alias may only repeat")


def test_a_bomb_of_aliases_is_refused():
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    assert "alias" in refusal("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3: 'a' stands here and on line 1; keep one"),
        ("- a\n- b\n", "x.yaml:1: holds a list; settings are lines of the form 'key: value'"),
        ("only words", "x.yaml:1: holds only 'only words'; settings are lines of the form"),
        ("a: 1\n\tb: 2\n", "x.yaml:2: a tab stands where YAML wants spaces"),
        ("a: b: c\n", "a second ': ' in 'a: b: c' makes this a mapping in a mapping"),
        ("a: 1\nb: [1, 2\n", "is not YAML"),
        ("a: 'open\n", "is not YAML"),
        ("? [a]\n: 1\n", "x.yaml:1: a list stands as a key; write a word"),
        ("a: !!python/object/apply:os.system ['true']\n", "the tag "),
        ("a: !mine 3\n", "the tag '!mine' is not allowed"),
        ("a: !!int abc\n", "x.yaml:1: a: 'abc' can't be read"),
        ("a: !!bool maybe\n", "x.yaml:1: a: 'maybe' can't be read"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2: a second document begins here"),
        ("a: \x07\n", "x.yaml:1: the character U+0007 is not allowed"),
        ("a: {b: 1, b: 2}\n", "x.yaml:1: a: 'b' stands twice"),
        ("a: *nothing\n", "found undefined alias"),
        ("a: " + "[" * 500, "is nested too deeply"),
        ("a: [" + "1," * 6000 + "]", "holds over 5000 values"),
        ("a: " + "9" * 5000, "can't be read"),
    ],
)
def test_refused(text, message):
    assert message in refusal(text)


def test_text_is_read_as_utf8_with_or_without_a_mark(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("﻿scenes: é\n".encode())
    assert read_text(path) == "scenes: é\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: 1\nb: \xff\n", ":2: the byte 0xff is not UTF-8; save the file as UTF-8 text"),
        (b"\x89PNG\r\n\0\0", ": is a binary file; give a YAML file with settings"),
        (b"a" * (MAX_BYTES + 1), ": is larger than the 256 KiB that settings may have"),
    ],
)
def test_unreadable_files(tmp_path, data, message):
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(SettingsError) as caught:
        read_text(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_what_is_no_file(tmp_path):
    with pytest.raises(SettingsError, match="does not exist; give the path"):
        read_text(tmp_path / "none.yaml")
    with pytest.raises(SettingsError, match="is a folder; give the path"):
        read_text(tmp_path)
    with pytest.raises(SettingsError, match="give the path"):
        read_text(tmp_path / ("x" * 5000))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="is no ordinary file"):
        read_text(tmp_path / "pipe")
