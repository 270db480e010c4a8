import json

import pytest

from mutoscope.errors import RunError, SettingsError
from mutoscope.train_gan.presets import PRESETS, find_preset
from mutoscope.train_gan.recipe import (
    KEYS,
    LATER,
    Recipe,
    Settings,
    checked,
    parse_overrides,
)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_allowed_and_can_be_built(name):
    settings = find_preset(name).settings
    values = {key: getattr(settings, key) for key in KEYS}
    assert Settings().with_values(values) == settings
    assert settings.settled().gamma > 0


def test_values_are_of_their_type():
    values = parse_overrides(["size=64", "rate=1e-3", "images=2e6", "loss=rp", "gamma=auto"])
    assert values == {"size": 64, "rate": 0.001, "images": 2_000_000, "loss": "rp", "gamma": None}
    assert parse_overrides(["seed=9007199254740993"]) == {"seed": 9007199254740993}


@pytest.mark.parametrize("value", ["", "x", "1e999", "nan", "-1", "0.5", True, None])
def test_what_is_no_number_of_images_is_refused(value):
    with pytest.raises(SettingsError, match="images"):
        checked("images", value)


def test_recipes_are_written_and_read_again():
    recipe = Recipe("pages", "abc", "smoke", PRESETS["smoke"].settings.settled())
    assert Recipe.from_json(recipe.to_json(), "x") == recipe
    for text in ("", "[]", "{}", '{"kind": "mutoscope train"}', "[" * 100_000):
        with pytest.raises(RunError, match="x: is damaged"):
            Recipe.from_json(text, "x")
    with pytest.raises(RunError, match="size"):
        Recipe.from_json(recipe.to_json().replace('"size": 32', '"size": "32x"'), "x")


def test_only_images_and_keep_may_change():
    recipe = Recipe("pages", "abc", "smoke", PRESETS["smoke"].settings.settled())
    assert recipe.differing("smoke", {"images": 5, "keep": 9, "size": 32, "gamma": None}) == []
    assert recipe.differing("tiny", {"z": 9}) == [
        "--preset tiny (begun with smoke)", "z=9 (begun with 64)"
    ]  # fmt: skip
    assert recipe.going_on({"images": 5000}).settings.images == 5000


def test_a_training_begun_before_a_key_was_there_goes_on_as_it_was():
    settings = PRESETS["smoke"].settings.settled()
    told = json.loads(Recipe("p", "m", "smoke", settings).to_json())
    for name in LATER:
        del told[name]
    read = Recipe.from_json(json.dumps(told), "settings.json")
    assert {name: getattr(read.settings, name) for name in LATER} == dict(LATER)
    assert read.settings.blank == 1
    del told["size"]
    with pytest.raises(RunError, match="size is missing"):
        Recipe.from_json(json.dumps(told), "settings.json")
