"""Which drawing a picture is from."""

import logging

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.atlas.drawn import open_drawings
from mutoscope.atlas.likeness import Likeness
from mutoscope.atlas.nearest import Finder
from mutoscope.errors import MediaError


def finder_of(drawings):
    return Finder(drawings, Likeness(drawings.pictures, None))


def test_a_tile_is_found_where_it_was_cut(run, renderer):
    finder = finder_of(open_drawings(run, renderer.generator.shape, count=300))
    matches = finder.nearest(finder.drawings.pictures[:20])
    inked = [k for k in range(20) if finder.drawings.pictures[k].float().std() > 20]
    assert len(inked) > 10
    for k in inked:
        origin = finder.drawings.tiles.origin(k)
        assert (matches[k].origin.page, matches[k].likeness > 0.95) == (origin.page, True)
        assert abs(matches[k].origin.x - origin.x) + abs(matches[k].origin.y - origin.y) < 1.5
        assert matches[k].where == f"page {origin.page}.png at {origin.x:.0f}, {origin.y:.0f}"


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_planted_piece_is_found_to_the_pixel_anywhere(run, renderer, pages, page):
    lights = np.asarray(Image.open(pages / f"0{page}.png"))
    spots = [(x, y) for x in range(61, 250, 23) for y in range(67, 330, 29)]
    x, y = max(spots, key=lambda at: lights[at[1] - 16 : at[1] + 16, at[0] - 16 : at[0] + 16].std())
    piece = torch.from_numpy(lights[y - 16 : y + 16, x - 16 : x + 16].copy())[None]
    finder = finder_of(open_drawings(run, renderer.generator.shape, count=64))
    match = finder.anywhere(piece)
    assert match.origin.page == f"0{page}"
    assert abs(match.origin.x - x) <= 1
    assert abs(match.origin.y - y) <= 1
    assert match.likeness > 0.95
    assert (match.crop.float() - piece.float()).abs().mean() < 12


def test_a_piece_that_lies_aslant_and_mirrored_is_found(run, renderer, pages):
    settings = run / "settings.json"
    settings.write_text(settings.read_text().replace('"turn": "no"', '"turn": "yes"'))
    drawings = open_drawings(run, renderer.generator.shape, count=64)
    lights = np.asarray(Image.open(pages / "02.png"))
    aslant = cv2.getRotationMatrix2D((150, 220), 45, 1)
    turned = cv2.warpAffine(lights, aslant, (320, 400), flags=cv2.INTER_CUBIC, borderValue=255)
    piece = torch.from_numpy(turned[204:236, 134:166][:, ::-1].copy())[None]
    match = finder_of(drawings).anywhere(piece)
    assert match.origin.page == "02"
    assert abs(match.origin.x - 150) + abs(match.origin.y - 220) < 4
    assert match.origin.mirror
    assert "mirrored" in match.where
    assert match.likeness > 0.9


def test_what_is_blank_is_like_a_tile_and_no_crash(run, renderer):
    finder = finder_of(open_drawings(run, renderer.generator.shape, count=64))
    match = finder.anywhere(torch.ones(1, 32, 32))
    assert match.likeness == 0
    assert match.where.startswith("page 0")


def test_ready_tiles_are_named_by_their_files(run, renderer, tmp_path):
    folder = tmp_path / "tiles"
    folder.mkdir()
    pictures = open_drawings(run, renderer.generator.shape, count=40).pictures
    for k, picture in enumerate(pictures):
        Image.fromarray(picture[0].numpy()).save(folder / f"{k:02}.png")
    (run / "settings.json").unlink()
    drawings = open_drawings(run, renderer.generator.shape, folder)
    assert len(drawings.pictures) == 40
    match = finder_of(drawings).nearest(pictures[7:8])[0]
    assert (match.where, match.origin) == ("07.png", None)


def test_drawings_that_are_gone_are_left_out_and_those_named_are_refused(
    run, renderer, pages, tmp_path, caplog
):
    shape = renderer.generator.shape
    pages.rename(tmp_path / "moved")
    with caplog.at_level(logging.WARNING, "mutoscope"):
        assert open_drawings(run, shape) is None
    assert "without the drawings" in caplog.text
    assert open_drawings(run, shape, tmp_path / "moved", count=8).pictures.shape == (8, 1, 32, 32)
    with pytest.raises(MediaError, match="nowhere"):
        open_drawings(run, shape, tmp_path / "nowhere")
    (run / "settings.json").write_text("{")
    assert open_drawings(run, shape) is None
