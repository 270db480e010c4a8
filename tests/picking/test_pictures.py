"""Tiles show the scan's own pixels, at every level where they lie on it."""

import io

import numpy as np
import pytest
from PIL import Image

from mutoscope.errors import SettingsError
from mutoscope.picking.pictures import THUMB, TILE, Pictures


def pixels(data):
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "JPEG"
        return np.asarray(picture).astype(float)


@pytest.fixture
def pictures(book, cache):
    return Pictures(book.pages, cache)


def test_the_tiles_of_a_level_make_the_page(pictures, book):
    page = book.pages[0].pixels(channels=1)
    assert pictures.levels(0) == 3  # 1800 → 900 → 450
    for level in range(3):
        across, down = (-(-side // (TILE << level)) for side in book.pages[0].size)
        whole = np.vstack(
            [
                np.hstack([pixels(pictures.tile(0, level, c, r)) for c in range(across)])
                for r in range(down)
            ]
        )
        size = [-(-side // 2**level) for side in page.shape]
        assert list(whole.shape) == size
        small = np.asarray(Image.fromarray(page).resize(size[::-1], Image.Resampling.BOX))
        assert np.abs(whole - small).mean() < 1


def test_colour_stays_colour(tmp_path, cache):
    from mutoscope.drawings.scans import pages_of

    Image.new("RGB", (40, 30), (200, 40, 20)).save(tmp_path / "red.png")
    pictures = Pictures(pages_of(tmp_path), cache)
    assert pictures.levels(0) == 1
    assert np.abs(pixels(pictures.tile(0, 0, 0, 0)).mean((0, 1)) - (200, 40, 20)).max() < 4


def test_thumbnails_are_small_and_whole(pictures):
    small = pixels(pictures.thumbnail(1))
    assert max(small.shape) == max(THUMB)
    assert small.min() < 60


def test_proposals_are_in_the_scan_s_pixels(pictures):
    found = pictures.proposed(0)
    assert len(found) == 3
    assert found[0].x == pytest.approx(310.5, abs=2)
    assert pictures.proposed(2) == []


@pytest.mark.parametrize("tile", [(9, 0, 0, 0), (0, 3, 0, 0), (0, -1, 0, 0), (0, 0, 4, 0),
                                  (0, 0, 0, 3), (0, 0, -1, 0)])  # fmt: skip
def test_what_is_not_there_is_refused(pictures, tile):
    with pytest.raises(SettingsError):
        pictures.tile(*tile)
