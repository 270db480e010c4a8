"""Where the picture goes, as settings say it."""

from pathlib import Path
from typing import get_args

import pytest

from mutoscope import depth
from mutoscope.build import build
from mutoscope.errors import MutoscopeError
from mutoscope.settings import load_settings
from mutoscope.settings.keys import Keys


def test_a_zoom_that_leaves_nothing_is_refused_before_the_run(toy):
    with pytest.raises(MutoscopeError, match="zoom_x_2d"):
        build(toy(animation_mode="2D", zoom_x_2d=32))


def test_a_users_flight_runs_as_written(small, small_vqgan):
    """Depth, a quaternion of expressions, blank prompts, a VQGAN: its own but for the size."""
    written = Path(__file__).parents[1] / "settings" / "fixtures" / "user-3d.yaml"
    tiny = {key: small[key] for key in ("perceptors", "width", "height", "cutouts", "seed")}
    steps = {"steps_per_scene": 7, "pre_animation_steps": 3, "steps_per_frame": 2, "save_every": 2}
    settings = load_settings(
        {**load_settings(written).to_dict(), **tiny, **steps, "vqgan_model": str(small_vqgan)}
    )
    parts = build(settings)
    assert parts.settings.depth_model == "relief"  # what auto came to is written down
    frames = list(parts.animate())
    assert [frame.number for frame in frames if frame.number] == [1, 2, 3]


def test_the_depths_that_settings_know_are_those_there_are():
    assert set(get_args(Keys.model_fields["depth_model"].annotation)) == set(depth.NAMES)
