"""What one picture looks like."""

import numpy as np
import pytest

from mutoscope.quality.sight import LONGEST, oklab, shrunk, sight, srgb


def plain(*colour, size=(40, 40)):
    return np.broadcast_to(np.array(colour, np.float32), (*size[::-1], 3)).copy()


@pytest.mark.parametrize(
    ("colour", "lab"),
    [  # from the article's reference implementation
        ((1, 1, 1), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_known_colours_of_oklab(colour, lab):
    assert oklab(np.array(colour, np.float32)) == pytest.approx(lab, abs=2e-4)


def test_srgb_undoes_oklab():
    colours = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    assert srgb(oklab(colours)) == pytest.approx(colours, abs=1e-3)


@pytest.mark.parametrize(
    ("colour", "blank"),
    [
        ((0, 0, 0), "black"),
        ((0.02, 0.02, 0.02), "black"),
        ((1, 1, 1), "white"),
        ((0.4, 0.1, 0.1), "one colour"),
    ],
)
def test_blank_pictures(colour, blank):
    assert sight(plain(*colour)).blank == blank


def test_a_picture_that_shows_something_is_not_blank(pan):
    assert sight(pan(1)[0]).blank == ""
    dark = plain(0, 0, 0)
    dark[15:20, 15:25] = 0.5  # a lamp at night
    assert sight(dark).blank == ""


def test_shares_and_contrast():
    half = plain(0, 0, 0)
    half[:, 20:] = 1
    seen = sight(half)
    assert (seen.black, seen.white) == pytest.approx((0.5, 0.5))
    assert seen.lightness == pytest.approx(0.5, abs=1e-3)
    assert seen.contrast == pytest.approx(0.5, abs=1e-3)
    assert seen.colourfulness == pytest.approx(0, abs=1e-3)


def test_how_far_colours_are_apart():
    red, white = sight(plain(1, 0, 0)), sight(plain(1, 1, 1))
    assert red.apart(white) == pytest.approx(
        100 * np.hypot(0.37204, np.hypot(0.22486, 0.12585)), 1e-3
    )
    assert red.apart(red) == 0


def test_large_pictures_are_averaged_down_and_small_ones_left(picture):
    large = np.random.default_rng(0).random((512, 1024, 3)).astype(np.float32)
    small = shrunk(picture(large))
    assert small.shape == (LONGEST // 2, LONGEST, 3)
    assert small.mean() == pytest.approx(large.mean(), abs=1e-4)
    kept = large[:100, :200]
    assert np.array_equal(shrunk(picture(kept)), kept)
    assert shrunk(picture(large[:8, :8])).shape == (32, 32, 3)
