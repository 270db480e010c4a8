"""settings, models, doctor: the commands that tell."""

import json

import pytest

from mutoscope.settings.keys import Keys


def test_the_overview_names_every_key(call):
    code, out, err = call("settings")
    assert (code, err) == (0, [])
    text = "\n".join(out)
    for name, field in Keys.model_fields.items():
        assert (name in text) is not bool((field.json_schema_extra or {}).get("hidden")), name


def test_one_key(call, refused):
    code, out, _ = call("settings", "cut_pow")
    assert code == 0
    assert out[0].startswith("cut_pow")
    assert "did you mean 'cut_pow'" in refused("settings", "cut_pov")


def test_markdown_and_json(call):
    assert call("settings", "--markdown")[1][0].startswith("# ")
    schema = json.loads("\n".join(call("settings", "--json")[1]))
    assert "cut_pow" in schema["properties"]


def test_models_lists_what_there_is(call, here):
    code, out, err = call("models")
    assert (code, err) == (0, [])
    rows = [line.split()[:2] for line in out]
    assert ["labels", "embedded"] in rows
    assert ["ViT-B/32::openai", "obtainable"] in rows or ["ViT-B/32", "obtainable"] in rows
    assert str(here / "home/.cache") in out[-2]
    assert str(here / "m") in call("models", "--folder", here / "m")[1][-2]


@pytest.mark.parametrize("name", ["labels", "tiny"])
def test_what_is_embedded_need_not_be_fetched(call, name):
    assert call("models", "fetch", name) == (
        0, [f"{name} is embedded: there is nothing to fetch"], []
    )  # fmt: skip


@pytest.mark.parametrize("name", ["ViT-B/32", "RN50", "nothing", "auto", "missing.pt"])
def test_what_cannot_be_fetched_is_one_line(refused, name):
    refused("models", "fetch", name)


def test_doctor(call):
    code, out, err = call("doctor")
    assert (code, err) == (0, [])
    assert [line.split()[1] for line in out if line.startswith(("ok", "-"))][:3] == [
        "python", "cpu", "gpu",
    ]  # fmt: skip
    assert not [line for line in out if line.startswith("MISSING")]


def test_doctor_says_2_where_something_is_missing(call, monkeypatch):
    from mutoscope import doctor

    monkeypatch.setattr(
        doctor, "examine", lambda: [doctor.Finding("film", "missing", "no libx264", "get it")]
    )
    assert call("doctor") == (2, ["MISSING  film  no libx264", "               → get it"], [])
