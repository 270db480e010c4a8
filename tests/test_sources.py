"""Where settings come from."""

import shlex

import pytest

from mutoscope import sources
from mutoscope.errors import MediaError, SettingsError
from mutoscope.run import check_namespace
from mutoscope.settings import load_settings

FILM = {
    "animation_mode": "2D",
    "steps_per_scene": 6,
    "pre_animation_steps": 2,
    "steps_per_frame": 2,
    "save_every": 2,
    "zoom_x_2d": 1,
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def words(small):
    """The small keys without the prompt."""
    return {key: value for key, value in small.items() if key != "scenes"}


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a red fox in the snow", "a-red-fox-in-the-snow"),
        ("A Fox:2 | snow:-1", "a-fox"),
        ("", "picture"),
        ("???", "picture"),
        ("con", "picture-con"),
        ("[photo.png]", "photo-png"),
        ("ein Fuchs über Bäumen", "ein-fuchs-über-bäumen"),
        ("x" * 200, "x" * 48),
    ],
)
def test_a_run_is_named_after_its_prompt(prompt, name):
    assert sources.name_of(prompt) == name


@pytest.mark.parametrize("prompt", ["狐" * 60, "🦊 fox", "a\nb\tc", "../../etc", "nul", "-", "😀"])
def test_every_prompt_gives_a_name_for_a_folder(prompt):
    check_namespace(sources.name_of(prompt))


@pytest.mark.parametrize(
    ("prompt", "changes"),
    [
        ("a fox", {}),
        ('a fox\'s | snow:-1_l:-.5 || a "boat" $HOME `x` \\', {}),
        ("-a fox", {"seed": 0}),
        ("a fox ${seed}", {}),
        ("a fox\nin two lines", {}),
        ("a fox", {"learning_rate": 0.001, "smoothing_weight": "sin(t)*2"}),
        ("a fox", {"image_model": "Limited Palette", "palettes": 3, "smoothing_weight": "0.02"}),
        ("a fox", {"learning_rate": None, "cut_pow": 2.0, "save_every": 2}),
        ("a fox", {**FILM, "translate_x": "2*t"}),
        ("", {"direct_image_prompts": "start.png:2"}),
        ("a fox", {"init_image": "start.png", "scene_suffix": "| text:-1:-.9"}),
    ],
)
def test_the_command_for_a_recipe_makes_the_settings_again(words, draw, prompt, changes):
    draw("start.png")
    settings = load_settings({**words, **changes, "scenes": prompt}, preset="still")
    command = shlex.split(sources.command_for({"settings": settings.to_dict(portable=True)}))
    assert command[:2] == ["mutoscope", "image"]
    rest = command[3:] if command[2] == "--" else command[2:]
    again = sources.still_settings(rest[0], rest[1:])
    assert again.replace(file_namespace="x") == settings.replace(file_namespace="x")


def test_settings_of_another_version_have_no_command():
    with pytest.raises(SettingsError, match="unheard_of"):
        sources.command_for({"settings": {"scenes": "a fox", "unheard_of": 1}})


def test_the_folder_of_models(here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    assert sources.models_folder() == here / ".cache"
    assert sources.models_folder(here / "m") == here / "m"


def test_a_folder_that_is_closed_to_us_is_refused(here, monkeypatch):
    monkeypatch.setattr(sources.os, "access", lambda _path, _mode: False)
    with pytest.raises(MediaError, match="nothing may be written in"):
        sources.refuse_taken(here / "fox.png")
