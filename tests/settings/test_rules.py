import logging

import pytest

from mutoscope.errors import SettingsError
from mutoscope.settings import load_settings
from mutoscope.settings.keys import Keys
from mutoscope.settings.rules import facts


def refusal(**values):
    with pytest.raises(SettingsError) as caught:
        load_settings({"scenes": "a", **values})
    return str(caught.value)


def test_following_a_film_needs_one():
    assert "video_path names none" in refusal(animation_mode="Video Source")
    assert load_settings({"scenes": "a", "animation_mode": "Video Source", "video_path": "a.mp4"})


def test_sizes():
    assert "can't both be -1" in refusal(width=-1, height=-1, init_image="a.png")
    assert refusal(height=-1).startswith("height: -1 follows the shape of init_image")
    settings = load_settings({"scenes": "a", "width": -1, "height": 100, "init_image": "a.png"})
    assert settings.size((640, 480)) == (133, 100)
    settings = settings.replace(width=100, height=-1)
    assert settings.size((640, 480)) == (100, 75)
    assert settings.replace(width=64, height=32).size((640, 480)) == (64, 32)


def test_chunks_are_no_more_than_cutouts():
    assert "3 parts can't be made of 2 cutouts" in refusal(gradient_accumulation_steps=3, cutouts=2)
    assert load_settings({"scenes": "a", "gradient_accumulation_steps": 3, "cutouts": 40})


def test_palettes_need_their_model():
    assert "take image_model: Limited Palette" in refusal(lock_palette=True)
    assert "target_palette: there are no palettes with" in refusal(target_palette="a.png")
    assert load_settings({"scenes": "a", "image_model": "Limited Palette", "lock_palette": True})


def test_scenes_must_be_long_enough_to_fade():
    message = refusal(scenes="a || b", interpolation_steps=101)
    assert "interpolation_steps: 101 steps don't fit into a scene of 100" in message
    # With a single scene there is nothing to fade from.
    assert load_settings({"scenes": "a", "interpolation_steps": 101})


@pytest.mark.parametrize("scenes", ["", "  ", "|", "||", " || | "])
def test_no_prompt(scenes):
    assert "scenes: there is no prompt, so nothing would be drawn" in refusal(scenes=scenes)


def test_prompts_of_no_weight():
    assert "every prompt has the weight 0" in refusal(scenes="a:0 | b:0.0")
    assert load_settings({"scenes": "a:0 | b:sin(t)"})
    assert load_settings({"scenes": "a:1 | b:-1"})


@pytest.mark.parametrize(
    "guide",
    [
        {"direct_image_prompts": "a.png"},
        {"init_image": "a.png", "direct_init_weight": 1},
        {"init_image": "a.png", "semantic_init_weight": "1:0.8"},
        {"scene_prefix": "a fox"},
    ],
)
def test_pictures_may_guide_without_words(guide):
    assert len(load_settings(guide).script.scenes) == 1


@pytest.mark.parametrize(
    "guide",
    [
        {"init_image": "a.png"},
        {"init_image": "a.png", "direct_init_weight": "0"},
        {"direct_init_weight": 1},
        {"direct_image_prompts": "a.png:0"},
    ],
)
def test_what_guides_nothing(guide):
    with pytest.raises(SettingsError, match="nothing would be drawn"):
        load_settings(guide)


def test_a_scene_may_be_without_prompts_if_another_has_some():
    assert len(load_settings({"scenes": "a || "}).script.scenes) == 2


def test_keys_without_effect_load_with_a_notice(caplog):
    with caplog.at_level(logging.INFO, "mutoscope"):
        load_settings(
            {"scenes": "a", "translate_x": 3, "zoom_x_2d": "t", "palettes": 3, "film_quality": 20}
            | {"direct_init_weight": 1, "use_mmc": False, "mmc_models": [{"id": "RN50"}]}
        )
    assert sorted(record.getMessage() for record in caplog.records) == [
        "direct_init_weight has no effect without init_image",
        "film_quality, translate_x, zoom_x_2d have no effect with animation_mode: off",
        "mmc_models has no effect without use_mmc: true",
        "palettes has no effect with image_model: Unlimited Palette",
    ]


def test_what_a_preset_says_raises_no_notice(caplog):
    with caplog.at_level(logging.INFO, "mutoscope"):
        load_settings({"scenes": "a"}, ["image_model=Limited Palette"], preset="still")
        load_settings({"scenes": "a", "palettes": 3}, quiet=True)
    assert not caplog.records


def test_keys_at_their_defaults_raise_no_notice(caplog):
    with caplog.at_level(logging.INFO, "mutoscope"):
        load_settings({"scenes": "a", "translate_x": "0.0", "palettes": 20, "zoom_x_2d": 0})
    assert not caplog.records


def test_every_condition_names_a_key_and_values_of_it():
    for name in Keys.model_fields:
        for other, values in facts(name).get("only", {}).items():
            assert set(values) < set(Keys.model_fields[other].annotation.__args__)


def test_names_of_bands():
    band = {"variable_name": "t", "f_center": 1, "f_width": 1}
    assert "'t' already has a meaning" in refusal(input_audio_filters=[band])


def test_depths_are_variables_of_a_flight_only():
    assert "mu" in refusal(animation_mode="2D", translate_x="mu")
    assert load_settings({"scenes": "a", "animation_mode": "3D", "translate_x": "mu - r"})
    assert load_settings({"scenes": "a", "translate_x": "mu"})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"depth_model": "flat"}, "without animation_mode: 3D or depth_stabilization_weight"),
        ({"depth_model": "flat", "depth_stabilization_weight": "1"}, "to which all is equally far"),
        ({"depth_model": "relief", "depth_stabilization_weight": "1"}, None),
        ({"depth_model": "flat", "animation_mode": "3D"}, None),
        ({"flow_stabilization_weight": "1"}, "no effect with animation_mode: off"),
        ({"flow_stabilization_weight": "1", "animation_mode": "2D"}, None),
        ({"flow_stabilization_weight": "1", "animation_mode": "3D"}, None),
    ],
)
def test_what_holds_frames_is_said_to_have_no_effect_only_where_it_has_none(caplog, written, said):
    with caplog.at_level(logging.INFO, "mutoscope"):
        load_settings({"scenes": "a", **written})
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == (said is not None)
    assert said is None or said in messages[0]
