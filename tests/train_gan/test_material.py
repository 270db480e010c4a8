import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.drawings.cache import PageCache
from mutoscope.train_gan.material import Ready, Scans, ahead_of, look_for, usual_dpi


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    for index in range(2):
        pixels = np.full((300, 240), 255, np.uint8)
        pixels[20:280:9, 20:220] = 0
        Image.fromarray(pixels).save(folder / f"{index}.png", dpi=(30, 30))
    return folder


def test_a_folder_says_what_it_holds(tiles, pages):
    assert look_for(tiles, "auto").kind == "tiles"
    assert look_for(pages, "auto").kind == "scans"
    assert look_for(tiles, "scans").kind == "scans"
    assert look_for(tiles, "auto").mark != look_for(pages, "auto").mark


def test_ready_tiles_all_come_once_in_each_round_and_always_the_same(tiles, toy_settings):
    paths = look_for(tiles, "tiles").paths
    ready = Ready(paths, toy_settings())
    rounds = [ready.batch(6 * turn, 6) for turn in range(4)]
    seen = [sorted(tile.flatten().tolist() for tile in one) for one in rounds]
    assert all(one == seen[0] for one in seen)
    assert any(not torch.equal(one, rounds[0]) for one in rounds)
    # Whatever was asked before, and however little is remembered.
    again = Ready(paths, toy_settings(), cache_bytes=0)
    assert torch.equal(again.batch(15, 4), ready.batch(15, 4))
    assert rounds[0].shape == (6, 1, 32, 32)
    assert Ready(paths, toy_settings(channels=3)).batch(0, 2).shape == (2, 3, 32, 32)


def test_scans_are_cut_by_number(pages, tmp_path, toy_settings):
    scans = Scans(pages, toy_settings(dpi=30), cache=PageCache(tmp_path / "cache"))
    tiles = scans.batch(5, 3)
    assert tiles.shape == (3, 1, 32, 32)
    assert torch.equal(scans.batch(6, 1), tiles[1:2])
    assert 0 <= float(tiles.min()) < 0.3 < 0.9 < float(tiles.max()) <= 1


def test_small_pictures_show_less_paper_but_not_in_proportion():
    assert usual_dpi(300, 512) == 300
    assert usual_dpi(600, 32) == 75
    assert usual_dpi(50, 32) == 50


def test_working_ahead_changes_nothing(bars):
    with ahead_of(bars, 4) as ahead:
        for step in (0, 1, 7, 2):
            assert torch.equal(ahead(step), bars.batch(4 * step, 4))
