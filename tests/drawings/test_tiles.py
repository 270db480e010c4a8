"""Tiles cut on the fly: where from, how, and always the same ones."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mutoscope.drawings.cutting import Place, cut, reach
from mutoscope.drawings.grid import Box, Grid
from mutoscope.drawings.sheets import Sheet
from mutoscope.drawings.tiles import Blobs, Tiles, Turned, numbers_of, turned
from mutoscope.errors import MediaError, SettingsError


def sheet(pixels, box=None, *, name="01", scale=1.0):
    box = box or Box(0, 0, pixels.shape[1], pixels.shape[0])
    return Sheet(name, Path(f"{name}.png"), f"digest of {name}", pixels, 300, scale, Grid(), box)


def noise(height=200, width=240, *, seed=0, channels=1):
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


# --- cutting ---


def test_an_upright_tile_is_the_pages_own_pixels():
    page = noise()
    assert np.array_equal(cut(page, Place(0, 100, 80, 64), 64), page[48:112, 68:132])


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_quarter_turns_and_mirrors_are_exact(quarters, mirror):
    page = noise(channels=3)
    tile = cut(page, Place(0, 100, 80, 64, 90 * quarters, mirror), 64)
    own = np.rot90(page[48:112, 68:132], quarters)
    assert np.array_equal(tile, own[:, ::-1] if mirror else own)


@pytest.mark.parametrize("angle", [17.0, 123.4, 301.0])
def test_any_angle_agrees_with_turning_a_smooth_picture_by_its_formula(angle):
    ys, xs = np.mgrid[:200, :240] + 0.5
    page = (128 + 60 * np.sin(xs / 15) + 60 * np.cos(ys / 11)).round().astype(np.uint8)
    place = Place(0, 118.3, 97.7, 80, angle)
    tile = cut(page, place, 80).astype(float)
    j, i = np.mgrid[:80, :80] - 39.5
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = place.x + c * i - s * j, place.y + s * i + c * j
    assert np.abs(tile - (128 + 60 * np.sin(x / 15) + 60 * np.cos(y / 11))).max() < 3


def test_beyond_the_page_there_is_white():
    page = np.zeros((100, 100), np.uint8)
    tile = cut(page, Place(0, 0, 50, 40), 40)
    assert (tile[:, :18] == 255).all()
    assert (tile[:, 22:] == 0).all()
    assert (cut(page, Place(0, -500, 900, 40, 30), 40) == 255).all()
    colour = np.zeros((100, 100, 3), np.uint8)
    assert (cut(colour, Place(0, -500, 900, 40, 30), 40) == 255).all()


def test_a_tile_that_touches_the_edge_does_not_mix_in_white():
    page = np.full((64, 64), 90, np.uint8)
    assert (cut(page, Place(0, 32, 32, 64), 64) == 90).all()
    assert (cut(page, Place(0, 32, 32, 50, 180), 64) == 90).all()


def test_lines_that_are_shrunk_are_averaged_and_not_dropped():
    page = np.full((512, 512), 255, np.uint8)
    page[:, ::8] = 0
    tile = cut(page, Place(0, 256, 256, 400), 50)
    assert abs(tile.mean() - page.mean()) < 3
    assert tile.std() < 40  # single samples would be black or white: 84


def test_reach_is_the_upright_square_around_a_turned_one():
    assert reach(10, 0) == reach(10, 90) == 5
    assert reach(10, 45) == pytest.approx(5 * math.sqrt(2))


# --- blobs ---


def test_no_crop_leaves_the_box_at_360_angles():
    """The box is white and all around it is black, right up to its edge."""
    page = np.zeros((300, 340), np.uint8)
    box = Box(40, 50, 40 + 220, 50 + 200)
    page[box.top : box.bottom, box.left : box.right] = 255
    places = Blobs([sheet(page, box)], 128)
    corners = [(0.0, 0.0), (1 - 2**-53, 0.0), (0.0, 1 - 2**-53), (1 - 2**-53, 1 - 2**-53)]
    for degrees in range(360):
        for x, y in corners:
            place = places([0.0, degrees / 360, 0.5, 0.2, x, y, 0, 0])
            half = reach(place.side, place.angle)
            assert box.left <= place.x - half + 1e-9
            assert place.x + half <= box.right + 1e-9
            tile = cut(page, place, 128)
            # The cubic's taps reach over the box's edge where a corner touches it, no pixel does.
            assert tile.min() > 160
    whole = np.full((200, 200), 255, np.uint8)
    places = Blobs([sheet(whole)], 128, jitter=1.1)
    for degrees in range(360):
        for x, y in corners:
            tile = cut(whole, places([0.0, degrees / 360, 0.9, 0.7, x, y, 0, 0]), 128)
            assert (tile == 255).all()


def test_half_are_mirrored_and_angles_and_places_are_even():
    sheets = [sheet(noise(), name="a"), sheet(noise(400, 480), name="b")]
    tiles = Tiles(Blobs(sheets, 32, jitter=1.5), 32, workers=1)
    count = 4000
    places = [tiles.place(index) for index in range(count)]
    three = 3 * math.sqrt(0.25 / count)
    assert abs(np.mean([place.mirror for place in places]) - 0.5) < three
    for quarter in range(4):
        share = np.mean([quarter <= place.angle / 90 < quarter + 1 for place in places])
        assert abs(share - 0.25) < 3 * math.sqrt(0.25 * 0.75 / count)
    # Every part of the paper is as likely: the second page has four times the area.
    assert abs(np.mean([place.page for place in places]) - 0.8) < 3 * math.sqrt(0.16 / count)
    sides = np.array([place.side for place in places]) / 32
    assert sides.min() >= 1 / 1.5
    assert sides.max() <= 1.5
    assert abs(np.log(sides).mean()) < 0.02


def test_what_is_not_wanted_is_not_done():
    places = Blobs([sheet(noise())], 64, turn=False, mirror=False)
    page = noise()
    for index in range(50):
        place = places(numbers_of(0, index))
        assert (place.angle, place.mirror, place.side) == (0, False, 64)
        left, top = round(place.x - 32), round(place.y - 32)
        own = page[top : top + 64, left : left + 64]
        assert np.array_equal(cut(page, place, 64), own)


def test_a_page_smaller_than_a_tile_is_left_out_or_refused(caplog):
    sheets = [sheet(noise(80, 80), name="small"), sheet(noise(), name="large")]
    assert [each.name for each in Blobs(sheets, 64).sheets] == ["large"]
    assert "1 of 2 pages are left out, since a tile of 64 needs 91 pixels" in caplog.text
    assert len(Blobs(sheets, 64, turn=False).sheets) == 2
    with pytest.raises(MediaError, match=r"no page is large enough.* a tile of 256 needs 362"):
        Blobs(sheets, 256)


@pytest.mark.parametrize("jitter", [0.9, 5, float("nan")])
def test_a_jitter_out_of_range_is_refused(jitter):
    with pytest.raises(SettingsError, match="jitter"):
        Blobs([sheet(noise())], 32, jitter=jitter)


# --- specimens ---


def test_a_specimen_comes_in_eight_turns():
    page = noise()
    place = Place(0, 100, 90, 40)
    own = page[70:110, 80:120]
    seen = {cut(page, turned(place, turn), 40).tobytes() for turn in range(8)}
    wanted = {
        np.ascontiguousarray(np.rot90(each, q)).tobytes()
        for each in (own, own[:, ::-1])
        for q in range(4)
    }
    assert seen == wanted
    assert len(seen) == 8
    assert turned(place, 0) == place


def test_specimens_and_their_turns_are_drawn_evenly():
    picked = [Place(0, 50, 60, 40), Place(0, 150, 90, 60, 10.0, mirror=True)]
    tiles = Tiles(Turned([sheet(noise())], picked), 32, workers=1)
    places = [tiles.place(index) for index in range(1600)]
    counts = {place: places.count(place) for place in places}
    assert len(counts) == 16
    assert min(counts.values()) > 60
    with pytest.raises(MediaError, match="none is picked"):
        Turned([sheet(noise())], [])


# --- sequences ---


def test_a_tile_is_made_of_the_seed_and_its_number_alone():
    sheets = [sheet(noise(seed=page), name=str(page)) for page in range(3)]
    with Tiles(Blobs(sheets, 32), 32, seed=5, workers=2) as tiles:
        batch = tiles.crops(range(12))
        assert batch.shape == (12, 1, 32, 32)
        assert batch.dtype == np.uint8
        assert np.array_equal(tiles.crops(range(7, 12)), batch[7:])  # resumed
    alone = Tiles(Blobs(sheets, 32), 32, seed=5, workers=1)
    assert np.array_equal(alone.crops([11, 3]), batch[[11, 3]])
    other = Tiles(Blobs(sheets, 32), 32, seed=6, workers=1)
    assert not np.array_equal(other.crops(range(12)), batch)
    assert len({tile.tobytes() for tile in batch}) == 12
    assert len({alone.place(index).page for index in range(12)}) == 3


def test_the_numbers_are_the_same_on_every_machine():
    # A run that is resumed on another machine or version must find its tiles again.
    assert [round(number, 12) for number in numbers_of(7, 12345)[:3]] == [
        0.301435706348,
        0.125542007559,
        0.239423893342,
    ]
    drawn = np.array([numbers_of(1, index) for index in range(4000)])
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert np.abs(drawn.mean(0) - 0.5).max() < 3.5 * math.sqrt(1 / 12 / 4000)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(8)).max() < 0.08


def test_a_batch_is_numbers_from_0_to_1_in_grey_or_colour():
    tiles = Tiles(Blobs([sheet(noise(channels=3))], 32), 32)
    batch = tiles.batch(range(5))
    assert batch.shape == (5, 3, 32, 32)
    assert batch.dtype == torch.float32
    assert 0 <= batch.min() < 0.1
    assert 0.9 < batch.max() <= 1
    assert torch.equal((batch * 255).round().byte(), torch.from_numpy(tiles.crops(range(5))))
    tiles.close()
    assert torch.equal(tiles.batch(range(5)), batch)


def test_a_generator_may_draw_them():
    tiles = Tiles(Blobs([sheet(noise())], 32), 32, workers=1)
    first = tiles.batch(torch.Generator().manual_seed(3), 4)
    assert torch.equal(tiles.batch(torch.Generator().manual_seed(3), 4), first)
    assert not torch.equal(tiles.batch(torch.Generator().manual_seed(4), 4), first)
    with pytest.raises(ValueError, match="how many"):
        tiles.batch(torch.Generator())


def test_another_size_shows_the_same_place():
    ys, xs = np.mgrid[:200, :240]
    page = (128 + 100 * np.sin(xs / 20) * np.cos(ys / 20)).astype(np.uint8)
    tiles = Tiles(Blobs([sheet(page)], 64), 64, workers=1)
    large, small = tiles.crops([3])[0, 0], tiles.crops([3], size=32)[0, 0]
    shrunk = cv2.resize(large, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - shrunk).max() < 6


@pytest.mark.parametrize("size", [0, 3, 4096])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(SettingsError, match="allowed are 4–2048 pixels"):
        Tiles(Blobs([sheet(noise())], 32), size)


def test_the_origin_is_told_in_the_scans_pixels():
    tiles = Tiles(Blobs([sheet(noise(), name="fox", scale=0.5)], 32), 32, workers=1)
    origin, place = tiles.origin(9), tiles.place(9)
    assert (origin.page, origin.digest) == ("fox", "digest of fox")
    assert (origin.x, origin.y, origin.side) == (2 * place.x, 2 * place.y, 64)
    assert (origin.angle, origin.mirror) == (place.angle, place.mirror)


def test_what_fails_in_a_thread_names_the_page():
    broken = sheet(np.zeros((0, 0), np.uint8), Box(0, 0, 200, 200), name="broken")
    with (
        Tiles(Blobs([broken], 32), 32, workers=2) as tiles,
        pytest.raises(MediaError, match=r"broken\.png: a tile can't be cut"),
    ):
        tiles.crops(range(4))
