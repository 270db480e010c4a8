"""Every recipe loads, is written back equal, and runs two frames small."""

from pathlib import Path

import pytest

from mutoscope.build import build
from mutoscope.settings import load_settings, presets
from mutoscope.settings.load import PRESETS

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
SMALL = ["perceptors=tiny", "width=32", "height=32", "cutouts=2", "seed=1"]
SHORT = ["steps_per_scene=4", "pre_animation_steps=2", "steps_per_frame=2", "save_every=2",
         "interpolation_steps=2"]  # fmt: skip


def small(path, tmp_path):
    """Its settings, made small; a preset may leave the words to whoever uses it."""
    words = [] if "\nscenes:" in path.read_text() else ["scenes=a fox"]
    return load_settings(path, [*SMALL, *SHORT, *words], base=tmp_path)


def test_there_are_recipes():
    assert len(RECIPES) >= 3
    assert "still" in presets()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_loads_and_is_written_back_equal(path, tmp_path):
    settings = load_settings(path, ["seed=1"])
    again = tmp_path / "again.yaml"
    again.write_text(settings.to_yaml(), encoding="utf-8")
    assert load_settings(again) == settings


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_has_nothing_without_effect(path, caplog):
    with caplog.at_level("INFO", "mutoscope"):
        load_settings(path)
    assert caplog.messages == []


@pytest.mark.parametrize(
    "path", [*RECIPES, *sorted(PRESETS.glob("*.yaml"))], ids=lambda path: path.stem
)
def test_a_recipe_runs_two_frames_small(path, tmp_path, single_thread):
    frames = build(small(path, tmp_path)).animate()
    numbers = []
    for frame in frames:
        assert frame.image.isfinite().all()
        if frame.number is not None:
            numbers.append(frame.number)
        if len(numbers) == 2:
            break
    assert numbers == [1, 2]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_says_how_to_run_it(path):
    command = f"mutoscope render {path.relative_to(ROOT)}"
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert any(command in line for line in comments)
