import json
from pathlib import Path

import pytest

from mutoscope.errors import SettingsError
from mutoscope.settings import describe, json_schema, key_names, load_settings, overview, reference
from mutoscope.settings.keys import GROUPS, Keys
from mutoscope.settings.rules import facts
from mutoscope.settings.wording import allowed, type_name

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_what_the_table_says():
    assert DOCS.read_text(encoding="utf-8") == reference(), "run: make docs"


def test_every_key_has_its_row_and_its_line():
    page, lines = reference(), overview()
    for name in key_names():
        assert page.count(f"\n| `{name}` | ") == 1
        assert f"\n  {name} " in lines
    assert "`restore` |" not in page
    for title in GROUPS.values():
        assert f"## {title}\n" in page
        assert f"{title}\n" in lines


def test_rows_have_five_cells():
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    for row in rows:
        assert row.replace("\\|", "").count("|") == 6, row


@pytest.mark.parametrize("name", Keys.model_fields)
def test_every_key_can_be_described(name):
    field = Keys.model_fields[name]
    assert facts(name)["group"] in GROUPS
    assert field.description.rstrip().endswith(".")
    assert type_name(field) != "list" or name.endswith(("models", "filters"))
    assert allowed(field)
    text = describe(name)
    assert text.startswith(f"{name}\n  {field.description}\n")
    for word in ("type:", "default:", "allowed:", "group:"):
        assert f"\n  {word}" in text


def test_descriptions_say_what_is_special():
    assert "PyTTI:      has no such key" in describe("film_quality")
    assert "works with: animation_mode: 2D" in describe("zoom_x_2d")
    assert "allowed:    a number above 0 to 1\n" in describe("learning_rate_decay")
    assert "(target_pallete is the same, misspelt)" in describe("target_pallete")
    with pytest.raises(SettingsError, match="did you mean 'cut_pow'"):
        describe("cutpow")


def test_examples_load(tmp_path):
    for name in key_names():
        example = facts(name).get("example")
        if not example:
            continue
        path = tmp_path / "a.yaml"
        lines = [example, "image_model: Limited Palette", "init_image: a.png"]
        if not example.startswith("scenes:"):
            lines.append("scenes: a")
        if name == "mmc_models":
            lines.append("use_mmc: true")
        path.write_text("\n".join(lines))
        assert load_settings(path)


def test_the_example_of_the_page_loads(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(reference().split("```yaml\n")[1].split("```")[0])
    assert load_settings(path).save_every == 50


def test_the_schema_is_json_with_groups():
    schema = json.loads(json.dumps(json_schema()))
    assert set(schema["properties"]) == set(Keys.model_fields)
    assert schema["properties"]["cutouts"]["maximum"] == 4096
    assert schema["properties"]["cutouts"]["group"] == "cutouts"
    assert schema["additionalProperties"] is False
