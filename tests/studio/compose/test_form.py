"""What the form is made of: the one table of settings."""

import pytest

pytest.importorskip("nicegui", reason="nicegui is not installed")

from mutoscope.errors import SettingsError
from mutoscope.settings import key_names, load_settings
from mutoscope.settings.keys import GROUPS
from mutoscope.studio.compose.amending import parsed, value_of, with_value
from mutoscope.studio.compose.form import FIRST, entries, found
from mutoscope.studio.compose.scenes_form import KEYS


def test_every_key_has_its_field_or_its_rows():
    assert {*entries(), *KEYS} == set(key_names())
    assert {entry.group for entry in entries().values()} <= GROUPS.keys()
    assert set(FIRST) <= entries().keys()
    assert all(entry.help and entry.default for entry in entries().values())


@pytest.mark.parametrize("key", [e.key for e in entries().values() if e.choices or e.switch])
def test_every_choice_can_be_written(key):
    entry = entries()[key]
    for word in entry.choices or ("true", "false"):
        text = with_value("scenes: x\n", key, value_of(key, word))
        kept = parsed(text).values[key]
        assert str(kept).lower() == word.lower()
        refused = ""
        try:
            settings = load_settings({**parsed(text).values}, quiet=True)
        except SettingsError as error:  # it may need another key beside it
            refused = str(error)
        assert "is not allowed; give one of" not in refused
        assert refused or str(getattr(settings, key)).lower() == word.lower()


def test_a_search_finds_names_first_then_help():
    assert found("width")[0] == "width"
    assert "zoom_x_2d" in found("zoom x")
    assert set(found("Stabilisation")) >= {"flow_stabilization_weight"}
    assert "seed" in found("RANDOMNESS")
    assert found("no such thing at all") == []
