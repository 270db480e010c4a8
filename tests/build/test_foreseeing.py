import pytest

from mutoscope.build import build
from mutoscope.errors import ScriptError

FILM = {
    "animation_mode": "2D", "pre_animation_steps": 3, "steps_per_frame": 3, "save_every": 3,
    "steps_per_scene": 24,
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "text", "when"),
    [
        ("zoom_x_2d", "1/(frame-5)", "frame=5, t=0.333333"),
        ("rotate_2d", "log(3-frame)", "frame=3"),
        ("scenes", "a fox:1/(step-20)", "step=20"),
        ("scenes", "a fox | a boat:1:sqrt(0.3-t)", "t="),
        ("scenes", "a fox || a boat:1_letters:1/(step-30)", "step=30"),
        ("smoothing_weight", "exp(9000*t)", "t="),
        ("edge_stabilization_weight", "1/(frame-4)", "frame=4"),
    ],
)
def test_a_number_without_value_is_refused_before_anything_is_painted(toy, key, text, when):
    with pytest.raises(ScriptError, match=key) as told:
        build(toy(**{**FILM, key: text}))
    assert when in str(told.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"rotate_2d": "1/(frame-5)", "animation_mode": "off"},  # nothing moves in a still
        {"zoom_x_2d": "1/(frame-50)"},  # there is no such frame
        {"zoom_x_2d": "1/frame"},  # the first move leads into frame 1
        {"scenes": "a fox || a boat:1/(step-5)"},  # that scene begins later
        {"scenes": "a fox:1/(step-24) || a boat"},  # and that one is over by then
        {"vignette_weight": "1/(step-5)"},  # there is no colour for it
        {"animation_mode": "3D", "translate_z_3d": "1/(r-r)", "depth_model": "flat"},
    ],
)
def test_a_number_that_is_never_asked_may_have_none(toy, changes):
    build(toy(**{**FILM, **changes}))
