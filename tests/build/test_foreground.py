import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.build.foreground import foreground
from mutoscope.errors import MediaError


@pytest.fixture
def mask(tmp_path):
    pixels = np.zeros((6, 8), np.uint8)
    pixels[:, 4:] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")


def moving(toy, weight, **changes):
    film = {"animation_mode": "Video Source", "video_path": "a.mp4"}
    return foreground(toy(**film, flow_stabilization_weight=weight, **changes))


@pytest.mark.parametrize("weight", ["", "0", "5", "0_[mask.png]"])
def test_without_weight_or_mask_all_of_it_may_move(toy, mask, weight):
    assert moving(toy, weight) is None


def test_a_picture_says_what_moves_and_may_be_turned_round(toy, mask):
    shown = moving(toy, "5_[mask.png]")()(3)
    assert shown.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]] * 6
    assert torch.equal(moving(toy, "5_[-mask.png]")()(0), 1 - shown)


def test_each_reader_of_a_film_has_a_place_of_its_own(toy, shoot):
    shoot("mask.mp4", [0.1, 0.3, 0.5, 0.7, 0.9])
    make = moving(toy, "5_[mask.mp4]", frame_stride=2)
    ahead, behind = make(), make()
    for number, level in enumerate([0.1, 0.5, 0.9]):
        assert float(ahead(number)[:, -1].mean()) == pytest.approx(level, abs=0.05)
        assert float(behind(max(0, number - 1))[:, -1].mean()) <= level + 0.05


def test_a_mask_that_is_not_there_is_refused(toy):
    with pytest.raises(MediaError, match=r"mask\.png"):
        moving(toy, "5_[mask.png]")
