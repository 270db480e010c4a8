"""Fewer blank tiles: what is taken for inked has ink, and tile k stays tile k."""

from pathlib import Path

import numpy as np
import pytest

from mutoscope.drawings.cutting import cut
from mutoscope.drawings.grid import Box, Grid
from mutoscope.drawings.inked import Inked
from mutoscope.drawings.sheets import Sheet
from mutoscope.drawings.tiles import Blobs, numbers_of
from mutoscope.errors import SettingsError


@pytest.fixture
def sheets():
    """Two pages with a few strokes."""
    made = []
    for number, rows in enumerate(((150, 700), (420,))):
        pixels = np.full((900, 700), 255, np.uint8)
        for row in rows:
            pixels[row : row + 5, 80:620] = 0
        box = Box(0, 0, 700, 900)
        made.append(
            Sheet(f"{number}", Path(f"{number}.png"), "digest", pixels, 150, 1.0, Grid(), box)
        )
    return made


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("size", [32, 128])
def test_what_is_taken_for_inked_has_ink(sheets, size, turn):
    places = Inked(Blobs(sheets, size, turn=turn, jitter=1.3), blank=0)
    for index in range(300):
        place = places(numbers_of(0, index))
        tile = cut(sheets[place.page].pixels, place, size)
        assert places.has_ink(place) <= bool((tile < 225).any())
    inked = [places.has_ink(places(numbers_of(1, index))) for index in range(300)]
    assert np.mean(inked) > 0.85


def test_a_tile_is_drawn_again_the_same_way_and_one_with_ink_not_at_all(sheets):
    blobs = Blobs(sheets, 64)
    places, again = Inked(blobs, blank=0), Inked(blobs, blank=0)
    for index in range(200):
        numbers = numbers_of(5, index)
        assert places(numbers) == again(numbers)
        if places.has_ink(blobs(numbers)):
            assert places(numbers) == blobs(numbers)


def test_all_blank_tiles_stay_where_that_is_wanted(sheets):
    blobs = Blobs(sheets, 64)
    places = Inked(blobs, blank=1)
    assert all(places(numbers_of(0, k)) == blobs(numbers_of(0, k)) for k in range(100))
    assert places.sheets is blobs.sheets


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(sheets, share):
    with pytest.raises(SettingsError, match=r"blank: .* is not allowed; allowed are 0"):
        Inked(Blobs(sheets, 64), blank=share)
