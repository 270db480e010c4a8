import math
import pickle

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mutoscope.errors import ScriptError, SettingsError
from mutoscope.settings import Settings, load_settings
from mutoscope.settings.reading import CURVES
from mutoscope.tokens import quote

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def written(draw):
    """Settings of many kinds, with text that is hard to write."""
    return {
        "scenes": quote("x" + draw(TEXTS)) + "${a} \\${b} \\",
        "scene_suffix": quote("y" + draw(TEXTS)),
        "init_image": draw(st.sampled_from(["", "a b.png", "C:\\x: #.png", "~/é.png", "no", "1"])),
        "translate_x": draw(st.sampled_from(["0", "-2.50", "4*sin(t)", "1e3", "0:(1), 30:(2)"])),
        "width": draw(st.integers(16, 16384)),
        "cut_pow": draw(st.floats(1e-9, 100)),
        "learning_rate": draw(st.none() | st.floats(1e-12, 100)),
        "backups": draw(st.integers(0, 10**9) | st.just("all")),
        "seed": draw(st.integers(-(2**63), 2**64 - 1)),
        "ViTB16": draw(st.sampled_from([None, True, False])),
        "film": draw(st.booleans()),
        "mmc_models": draw(
            st.sampled_from([[], [{"id": "RN50", "publisher": "off", "architecture": "12"}]])
        ),
        "file_namespace": draw(st.sampled_from(["default", "off", "007", "é, a", "x ${width}"])),
    }


@hypothesis_settings(deadline=None, max_examples=40)
@given(values=written(), full=st.booleans())
def test_what_is_written_loads_back_equal(tmp_path_factory, values, full):
    settings = load_settings(values)
    path = tmp_path_factory.mktemp("s") / "a.yaml"
    path.write_text(settings.to_yaml(full=full), encoding="utf-8")
    assert load_settings(path) == settings
    assert load_settings(settings.to_dict(full=full)) == settings


def test_only_what_differs_is_written():
    settings = load_settings({"scenes": "a", "seed": 3, "width": 512, "translate_x": "0.0"})
    assert settings.to_dict(portable=True) == {"scenes": "a", "seed": 3}
    assert set(settings.to_dict()) == {"scenes", "seed", "paths_from"}
    assert set(settings.to_dict(full=True)) == set(Settings.model_fields)


def test_the_file_is_in_groups_a_person_can_read():
    text = load_settings(
        {"scenes": "a fox | b:2", "image_model": "Fourier", "perceptors": "labels", "seed": 3}
        | {"animation_mode": "2D", "translate_x": -2, "learning_rate": 0.5, "gamma": 2}
    ).to_yaml(portable=True)
    assert text == (
        "# @package _global_\n\n# What the picture shows\n"
        'scenes: "a fox | b:2"\n\n'
        "# Picture\nimage_model: Fourier\n\n"
        "# Limited Palette\ngamma: 2\n\n"
        "# Steps\nlearning_rate: 0.5\nseed: 3\n\n"
        "# Perceptors\nperceptors: labels\n\n"
        '# Film\nanimation_mode: "2D"\n\n'
        "# Motion\ntranslate_x: -2\n"
    )


def test_settings_are_frozen_and_travel():
    settings = load_settings({"scenes": "a | b"})
    with pytest.raises(ValidationError):
        settings.width = 3
    assert len(settings.script.scenes[0].prompts) == 2
    again = pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own
    assert again == settings
    assert again.script == settings.script


def test_replace_checks_again():
    settings = load_settings({"scenes": "a", "seed": 5})
    assert settings.replace(perceptors="labels").perceptor_names == ("labels",)
    assert settings.replace(width=64).seed == 5
    with pytest.raises(SettingsError, match="widht: is no setting; did you mean 'width'"):
        settings.replace(widht=64)
    with pytest.raises(SettingsError, match="width: 3 is not allowed"):
        settings.replace(width=3)


def test_the_constructor_refuses_in_the_same_words():
    assert Settings(scenes="a").width == 512
    with pytest.raises(SettingsError, match=r"width: 'x' is not allowed.*; cutouts: 0 is not"):
        Settings(scenes="a", width="x", cutouts=0)


def test_readings():
    settings = load_settings(
        {"scenes": "a:t", "translate_x": "2*t", "rotate_3d": "[1, 0, 0, 0]", "init_image": "i.png",
         "direct_init_weight": "0.5_-m.png:0.2", "semantic_init_weight": "0",
         "direct_image_prompts": "p.png:3 | q.png"}
    )  # fmt: skip
    assert settings.curve("translate_x")({"t": 3.0}) == 6
    assert settings.curve("smoothing_weight").constant == 0.02
    assert settings.rotation.constant == (1, 0, 0, 0)
    weight = settings.weight("direct_init_weight")
    assert (weight.weight.constant, weight.stop.constant) == (0.5, 0.2)
    assert (weight.mask.kind, weight.mask.value, weight.mask.inverted) == ("image", "m.png", True)
    assert settings.weight("semantic_init_weight") is None
    assert [prompt.path for prompt in settings.direct_prompts] == ["p.png", "q.png"]
    with pytest.raises(SettingsError, match="did you mean 'translate_x'"):
        settings.curve("translatex")
    with pytest.raises(SettingsError, match="direct_init: is no weight"):
        settings.weight("direct_init")


@pytest.mark.parametrize("text", ["1/(t-1)", "log(0*t)", "inf*t", "1/(frame-6)", "bad", "bad_prev"])
@pytest.mark.parametrize("key", CURVES)
def test_a_number_over_time_that_has_no_value_is_told_with_key_and_time(key, text):
    settings = load_settings(
        {"scenes": "a fox", "curves": {"bad": "1"}, "animation_mode": "2D", key: text}
    )
    moment = {"t": 1.0, "frame": 6.0, "step": 60.0, "bad": math.nan, "bad_prev": math.inf}
    with pytest.raises(ScriptError, match=rf"^{key}: '.*' has no value at .*\bt=1\b") as error:
        settings.curve(key)(moment)
    assert "\n" not in str(error.value)
