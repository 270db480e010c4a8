"""A VQGAN as the settings ask for it: sizes, sharing, what holds it, and what is refused."""

import shutil

import pytest
import torch

from mutoscope.build import build
from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.errors import WeightsError
from mutoscope.terms.latent import HoldLatent, NearStart


@pytest.fixture
def drawn(toy, small_vqgan):
    """Makes settings of a small run on a VQGAN of f = 4."""

    def settings(**changes):
        return toy(**{"image_model": "VQGAN", "vqgan_model": str(small_vqgan), **changes})

    return settings


def terms(parts):
    (shot,) = parts.schedule.shots()
    return {type(term) for term in parts.ask(shot)}


def test_sizes_are_rounded_to_the_nearest_and_that_is_said_once(drawn, caplog):
    with caplog.at_level("INFO", logger="mutoscope"):
        parts = build(drawn(width=41, height=30))
    assert parts.sizes == ((40, 32),) == (parts.canvas.size,)
    said = [record.getMessage() for record in caplog.records if "f = 4" in record.getMessage()]
    assert said == [
        "a VQGAN of f = 4 draws in squares of that many pixels: the picture is 40 x 32 instead of "
        "41 x 30"
    ]
    *_, frame = parts.animate()
    assert frame.image.shape == (1, 3, 32, 40)


def test_pixel_size_enlarges_what_is_generated(drawn):
    assert build(drawn(width=20, height=18, pixel_size=2)).canvas.size == (40, 36)


@pytest.mark.parametrize("named", ["", "model.yaml", "model.ckpt"])
def test_a_pair_is_named_by_its_folder_or_either_file(toy, small_vqgan, tmp_path, named):
    shutil.copytree(small_vqgan, tmp_path / "mine")
    path = f"mine/{named}"  # from the settings' own folder
    assert isinstance(build(toy(image_model="VQGAN", vqgan_model=path)).canvas, VqganCanvas)


def test_its_keys_reach_it(drawn, draw):
    draw("start.png")
    parts = build(drawn(clamp_latent=True, tile="both", init_weight=1, init_image="start.png",
                        direct_init_weight="1"))  # fmt: skip
    assert parts.canvas.clamp_codes
    assert parts.canvas.model.wrap == (True, True)
    assert {HoldLatent, NearStart} <= terms(parts)
    assert build(drawn()).canvas.model.wrap == (False, False)


def test_builds_that_share_a_shelf_load_it_once(drawn):
    shelf = {}
    one, two = (build(drawn(seed=seed), shelf=shelf).canvas for seed in (1, 2))
    assert one.model is two.model
    assert not torch.equal(one.latent, two.latent)


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("model.ckpt", b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        ("model.yaml", b"model:\n  target: taming.models.vqgan.VQSegmentationModel\n", "VQModel"),
        ("model.yaml", b"<html></html>", "web page"),
        ("model.ckpt", None, "model.ckpt"),
    ],
)
def test_what_is_no_pair_is_refused(toy, small_vqgan, tmp_path, file, content, told):
    shutil.copytree(small_vqgan, tmp_path / "mine")
    whole = (tmp_path / "mine" / file).read_bytes()
    (tmp_path / "mine" / file).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(WeightsError) as caught:
        build(toy(image_model="VQGAN", vqgan_model="mine"))
    text = str(caught.value)
    assert told in text
    assert file in text
    assert "\n" not in text
