"""What holds frames, through `build`, as users have it."""

import pytest
import torch

from mutoscope.build import build
from mutoscope.motion.carried import Carrying

pytestmark = pytest.mark.usefixtures("single_thread")

STEADY = {
    "steps_per_scene": 12, "pre_animation_steps": 4, "steps_per_frame": 4, "save_every": 4,
    "width": 48, "height": 40, "display_every": 1, "cutouts": 4,
}  # fmt: skip
HELD = {
    "flow_stabilization_weight": "5",
    "depth_stabilization_weight": "3",
    "depth_model": "relief",
}
CAMERAS = {
    "2D": {"animation_mode": "2D", "translate_x": "3"},
    "3D": {"animation_mode": "3D", "translate_z_3d": "200"},
}


@pytest.mark.parametrize("model", ["Unlimited Palette", "Limited Palette", "Fourier"])
@pytest.mark.parametrize("camera", CAMERAS)
def test_under_a_camera_depth_and_flow_hold_and_resume_within_a_frame(toy, camera, model):
    settings = toy(**STEADY, **CAMERAS[camera], **HELD, image_model=model)
    whole = list(build(settings).animate())
    assert {"stabilisation (flow)", "stabilisation (depth)"} <= set(whole[-1].records[-1])
    assert whole[-1].records[-1]["stabilisation (flow)"] > 0
    for stop in (4, 6, 9):
        again = next(build(settings).animate(resume=whole[stop].state))
        assert torch.equal(again.image, whole[stop + 1].image)
        assert again.records == whole[stop + 1].records


def test_a_vqgan_is_held_and_resumes_within_a_frame(toy, small_vqgan):
    size = {**STEADY, "width": 64, "height": 64}
    settings = toy(
        **size, **CAMERAS["2D"], **HELD, image_model="VQGAN", vqgan_model=str(small_vqgan)
    )
    whole = list(build(settings).animate())
    again = next(build(settings).animate(resume=whole[6].state))
    assert torch.equal(again.image, whole[7].image)


def test_what_stands_still_in_a_film_is_held_by_its_mask(toy, shoot, draw):
    draw("nothing.png", colour=(0, 0, 0))
    shoot("clip.mp4", [0.2, 0.4, 0.5, 0.9, 0.3, 0.6], size=(48, 40))
    parts = build(toy(
        **STEADY, animation_mode="Video Source", video_path="clip.mp4", reencode_each_frame=False,
        flow_stabilization_weight="5_[nothing.png]", depth_stabilization_weight="3_[nothing.png]",
    ))  # fmt: skip
    frames = list(parts.animate())
    assert parts.settings.depth_model == "relief"
    step = parts.motion.step(2)
    assert step.still
    assert step.reliable.all()
    assert frames[-1].records[-1]["stabilisation (depth)"] == 0


def test_a_still_is_held_to_the_depth_of_its_init_image(toy, draw):
    settings = toy(
        init_image=str(draw("a.png", (32, 32))), depth_stabilization_weight="3:0.001",
        depth_model="relief",
    )  # fmt: skip
    *_, last = build(settings).animate()
    assert last.records[-1]["stabilisation (depth)"] > 0


def test_without_a_weight_nothing_is_wrapped_or_held(toy):
    parts = build(toy(**STEADY, animation_mode="2D"))
    assert not isinstance(parts.motion, Carrying)
    assert parts.hold is None
