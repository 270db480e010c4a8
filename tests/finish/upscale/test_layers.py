"""Transparency is kept, and colours do not bleed from where nothing can be seen."""

import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.finish.upscale.layers import Layers, read_layers, write_layers
from mutoscope.provenance import read_recipe

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}


@pytest.fixture
def cutout(tmp_path):
    """A red square on transparent green, with a half transparent rim."""
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[..., 1] = 255
    pixels[4:12, 4:12] = (255, 0, 0, 255)
    pixels[4:12, 4] = (255, 0, 0, 128)
    Image.fromarray(pixels).save(tmp_path / "cutout.png")
    return tmp_path / "cutout.png"


def test_colour_and_opacity_are_read_apart(cutout, caplog):
    with caplog.at_level("INFO", "mutoscope"):
        layers = read_layers(cutout)
    assert caplog.messages == []  # nothing is laid on white
    assert layers.alpha.shape == (1, 1, 16, 16)
    assert sorted({round(float(v) * 255) for v in layers.alpha.unique()}) == [0, 128, 255]
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    torch.testing.assert_close(layers.colour, red, atol=2e-3, rtol=0)


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_what_is_written_is_as_transparent(cutout, tmp_path, ending):
    path = tmp_path / f"out{ending}"
    write_layers(read_layers(cutout), path, recipe=RECIPE, quality=100)
    assert read_recipe(path) == RECIPE
    with Image.open(path) as before, Image.open(cutout) as after:
        assert before.mode == "RGBA"
        assert (np.asarray(before)[..., 3] == np.asarray(after)[..., 3]).all()


def test_jpeg_is_laid_on_white_and_that_is_said(cutout, tmp_path, caplog):
    write_layers(read_layers(cutout), tmp_path / "out.jpg")
    assert "laid on white" in caplog.text
    with Image.open(tmp_path / "out.jpg") as picture:
        assert min(picture.getpixel((0, 0))) > 240


def test_both_are_enlarged(cutout):
    made = read_layers(cutout).enlarged(
        lambda image: image.repeat_interleave(2, -1).repeat_interleave(2, -2)
    )
    assert made.colour.shape == (1, 3, 32, 32)
    assert made.alpha.shape == (1, 1, 32, 32)
    assert made.alpha[0, 0, 16, 16] == 1
    assert made.alpha[0, 0, 0, 0] == 0


@pytest.mark.parametrize(("mode", "fill"), [("RGB", (9, 9, 9)), ("RGBA", (9, 9, 9, 255)), ("L", 9)])
def test_a_solid_picture_has_no_opacity(tmp_path, mode, fill):
    Image.new(mode, (8, 8), fill).save(tmp_path / "solid.png")
    assert read_layers(tmp_path / "solid.png").alpha is None


def test_a_wholly_transparent_picture_stays_so(tmp_path):
    Image.new("RGBA", (8, 8), (1, 2, 3, 0)).save(tmp_path / "none.png")
    layers = read_layers(tmp_path / "none.png")
    assert layers.alpha.max() == 0
    assert torch.isfinite(layers.colour).all()


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "no.png").write_bytes(b"no")
    for path in (tmp_path / "no.png", tmp_path / "none.png"):
        with pytest.raises(MediaError):
            read_layers(path)
    with pytest.raises(MediaError, match="can't be written"):
        write_layers(Layers(torch.zeros(1, 3, 4, 4)), tmp_path / "none/out.png")
