"""The helpers that scripts for vqgan-clip-generator import."""

import numpy as np
import pytest
from PIL import Image

from mutoscope import _functional as helpers
from mutoscope.errors import MediaError
from mutoscope.images import load_image, save_image
from mutoscope.provenance import read_recipe

RECIPE = {"program": "mutoscope", "version": "0", "settings": {"scenes": "a fox", "seed": 5}}


@pytest.mark.parametrize("names", [("a.png", "b.jpg"), ("a.jpg", "b.png"), ("a.png", "b.webp")])
def test_metadata_go_from_picture_to_picture(tmp_path, draw, names):
    one, other = (tmp_path / name for name in names)
    save_image(load_image(draw("plain.png")), one, recipe=RECIPE)
    draw(other.name)
    pixels = load_image(other)
    helpers.copy_image_metadata(str(one), str(other))
    assert read_recipe(other)["settings"] == RECIPE["settings"]
    assert load_image(other).equal(pixels)


def test_metadata_go_from_folder_to_folder(tmp_path, draw):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    for n in (1, 2):
        recipe = {**RECIPE, "frame": n}
        save_image(load_image(draw("plain.png")), tmp_path / f"one/f{n}.png", recipe=recipe)
        draw(f"two/f{n}.jpg")
    helpers.copy_image_metadata(tmp_path / "one", tmp_path / "two")
    assert [read_recipe(tmp_path / f"two/f{n}.jpg")["frame"] for n in (1, 2)] == [1, 2]
    (tmp_path / "two/f2.jpg").unlink()
    with pytest.raises(MediaError, match="no picture called f2"):
        helpers.copy_image_metadata(tmp_path / "one", tmp_path / "two")
    for arguments in ((tmp_path / "one", tmp_path / "none"), (tmp_path / "x.png", tmp_path / "y")):
        with pytest.raises(ValueError, match="copy_image_metadata"):
            helpers.copy_image_metadata(*arguments)


@pytest.mark.parametrize(
    ("size", "wanted", "found"),
    [
        ((1435, 1050), (128, 128), (148, 109)),
        ((900, 838), (128, 128), (132, 123)),
        ((1920, 1080), (684, 384), (682, 384)),
    ],
)
def test_sizes_of_a_picture_s_shape(draw, size, wanted, found):
    path = draw("a.png", size, colour=(1, 2, 3))
    assert helpers.filesize_matching_aspect_ratio(path, *wanted) == found


def test_a_picture_that_is_missing():
    with pytest.raises(ValueError, match="file_name not found"):
        helpers.filesize_matching_aspect_ratio("none.png", 1, 1)


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("a", ("a", 1, -np.inf)), ("a:2", ("a", 2, -np.inf)), ("a:2:0.3", ("a", 2, 0.3)),
        ("a: 0.5 ", ("a", 0.5, -np.inf)), ("a:-0.5", ("a", -0.5, -np.inf)),
        ("Star Wars: x", ("Star Wars: x", 1, -np.inf)), ("a:b:2", ("a:b", 2, -np.inf)),
    ],
)  # fmt: skip
def test_prompts_are_split(prompt, read):
    assert helpers.split_prompt(prompt) == read


def test_stories_are_parsed_without_blanks():
    assert helpers.parse_story_prompts("a | b:0.5 ^ c|") == [["a", "b:0.5"], ["c"]]
    assert helpers.parse_all_prompts("a", "x.png:2", None) == ([["a"]], [["x.png:2"]], [])


def test_zoom_grows_about_a_place():
    pixels = np.full((40, 40, 3), 255, np.uint8)
    pixels[18:22, 18:22] = 0
    zoomed = np.asarray(helpers.zoom_at(Image.fromarray(pixels), 20, 20, 2))
    assert (zoomed[17:23, 17:23] < 10).all()
    assert (zoomed[:14] > 245).all()
    outward = np.asarray(helpers.zoom_at(Image.fromarray(pixels), 20, 20, 0.5))
    assert (outward[0] == 0).all()
    assert outward[12, 12, 0] == 255
