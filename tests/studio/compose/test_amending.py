"""Changing one key of a settings file's text."""

import pytest
import yaml

from mutoscope.errors import SettingsError
from mutoscope.settings import load_settings, presets
from mutoscope.settings.load import PRESETS
from mutoscope.studio.compose.amending import parsed, typed_of, value_of, with_value, without

FILM = """\
# A film.
scenes: "a ship || a lighthouse"  # two

width: 256
# nobody chose it
seed:
curves:
  pulse: sin(t)
  # inner
  other: "2"
# flat
animation_mode: 2D   # no depth
film: true
"""


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("scenes", "a clock: 12", 'scenes: "a clock: 12"  # two'),
        ("width", 384, "width: 384"),
        ("seed", 7, "seed: 7"),
        ("animation_mode", "off", 'animation_mode: "off"   # no depth'),
        ("curves", {"a": "2*t"}, 'curves: {a: "2*t"}'),
        ("film", "${loop}", 'film: "${loop}"'),
        ("height", 300, "height: 300"),
    ],
)
def test_a_key_changes_and_the_rest_stays(key, value, line):
    after = with_value(FILM, key, value)
    assert line in after.splitlines()
    assert parsed(after).values == {**parsed(FILM).values, key: value}
    comments = [part for part in FILM.splitlines() if part.lstrip().startswith("#")]
    kept = [comment for comment in comments if key != "curves" or "inner" not in comment]
    assert [part for part in after.splitlines() if part.lstrip().startswith("#")] == kept


def test_a_new_key_comes_to_stand_with_its_group():
    lines = with_value(FILM, "height", 300).splitlines()
    assert lines.index("height: 300") == lines.index("width: 256") + 1
    lines = with_value(FILM, "backups", 5).splitlines()  # nothing of its group is there
    assert lines[-1] == "backups: 5"


@pytest.mark.parametrize("key", list(parsed(FILM).values))
def test_a_key_goes_and_the_rest_stays(key):
    after = without(FILM, key)
    assert key not in parsed(after).values
    assert len(parsed(after).values) == len(parsed(FILM).values) - 1
    assert "# A film." in after
    assert "# flat" in after


def test_text_of_several_lines_stays_legible():
    after = with_value(FILM, "scenes", "a ship:2\n|| a lighthouse # 3")
    assert "scenes: |-\n  a ship:2\n  || a lighthouse # 3\n" in after
    assert parsed(after).values["scenes"] == "a ship:2\n|| a lighthouse # 3"
    assert "# two\n" in after
    back = with_value(after, "scenes", "a ship")
    assert "scenes: a ship\n" in back
    assert parsed(back).values == {**parsed(FILM).values, "scenes": "a ship"}


@pytest.mark.parametrize(
    "text",
    [
        "{width: 32, height: 16}",
        "width: 32\nheight: &h 16\nlearning_rate: *h",
        "---\nwidth: 32\n...\n",
        "",
        "width: 32",
        "# only words\n",
        "scenes: >-\n  a\n  b\n\n# after\nwidth: 32",
        "width:\n  # below\n  32\n",
        "'width': 32\r\nheight: 16\r\n",
        "perceptors:\n- a\n- b\nwidth: 32\n",
    ],
)
@pytest.mark.parametrize(
    ("key", "value"),
    [("width", 64), ("height", 8), ("scenes", 'a "b"\\: c\n|| d'), ("perceptors", ["x", "1"])],
)
def test_what_comes_out_says_what_was_meant(text, key, value):
    before = dict(parsed(text).values)
    assert dict(parsed(with_value(text, key, value)).values) == {**before, key: value}
    gone = parsed(without(text, key)).values
    assert dict(gone) == {name: kept for name, kept in before.items() if name != key}


@pytest.mark.parametrize("name", presets())
def test_a_preset_survives_each_of_its_keys_being_written_anew(name):
    text = before = (PRESETS / f"{name}.yaml").read_text(encoding="utf-8")
    for key, value in parsed(text).values.items():
        text = with_value(text, key, value)
    assert parsed(text).values == parsed(before).values
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in before.splitlines() if line.startswith("#")
    ]


def test_a_misspelt_key_is_changed_where_it_stands():
    after = with_value("target_pallete: a.png # old\n", "target_palette", "b.png")
    assert after == "target_pallete: b.png # old\n"


@pytest.mark.parametrize("text", ["a: &a [1]\nb: *a", "width: [1", "- 3", "!!python/name:os.x"])
def test_what_the_loader_refuses_is_not_touched(text):
    with pytest.raises(SettingsError):
        with_value(text, "width", 64)


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("width", "384", 384),
        ("width", "${height}", "${height}"),
        ("width", "[1", "[1"),
        ("learning_rate", "1e-3", 0.001),
        ("scenes", "12:30", "12:30"),
        ("film", "false", False),
        ("perceptors", "[a, b]", ["a", "b"]),
        ("zoom_x_2d", "3", "3"),
    ],
)
def test_what_is_typed_is_what_yaml_would_have(key, typed, value):
    got = value_of(key, typed)
    assert got == value
    assert type(got) is type(value)
    written = parsed(with_value("", key, got)).values[key]
    assert value_of(key, typed_of(key, written)) == value


def test_numbers_in_fields_load_as_numbers():
    text = with_value(with_value("scenes: x", "width", value_of("width", "64")), "seed", 3)
    settings = load_settings(yaml.safe_load(text))
    assert (settings.width, settings.seed) == (64, 3)
