"""Tones of drawings."""

import numpy as np
import pytest
from PIL import Image

from mutoscope.errors import SettingsError
from mutoscope.finish.process import Tone, to_grey

ALL = np.arange(256, dtype=np.uint8)


def test_inverted_and_lifted_it_is_what_third_study_made():
    values = np.array([[0, 128, 255]], np.uint8)
    assert Tone(invert=True, min_value=32)(values).tolist() == [[255, 143, 32]]
    assert Tone(invert=True, min_value=32, threshold=128)(values).tolist() == [[255, 255, 32]]


@pytest.mark.parametrize("least", [0, 1, 32, 128, 254, 255])
def test_inversion_and_lift_follow_the_formula_for_every_value(least):
    expected = [int(((255 - v) * (255 - least) + 255 * least) // 255) for v in range(256)]
    assert Tone(invert=True, min_value=least)(ALL).tolist() == expected


def test_inversion_undoes_itself_and_nothing_asked_for_is_nothing_done():
    invert = Tone(invert=True)
    assert np.array_equal(invert(invert(ALL)), ALL)
    assert np.array_equal(Tone()(ALL), ALL)


@pytest.mark.parametrize("threshold", [0, 128, 254])
def test_a_bitmap_is_white_above_its_threshold_and_black_at_it(threshold):
    made = Tone(threshold=threshold)(ALL)
    assert np.array_equal(made == 255, threshold < ALL)
    assert set(made.tolist()) == {0, 255}


def test_lifting_keeps_white_and_the_order_of_greys():
    made = Tone(min_value=40)(ALL).astype(int)
    assert made[0] == 40
    assert made[255] == 255
    assert (np.diff(made) >= 0).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"min_value": 256}, "--min-value: 256"),
        ({"min_value": -1}, "--min-value: -1"),
        ({"threshold": 255}, "--threshold: 255"),
        ({"threshold": -1}, "--threshold: -1"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, said):
    with pytest.raises(SettingsError, match=said):
        Tone(**wrong)


def test_grey_is_pillows_and_keeps_grey():
    pixels = np.random.default_rng(0).integers(0, 256, (31, 17, 3)).astype(np.uint8)
    assert np.array_equal(to_grey(pixels), np.asarray(Image.fromarray(pixels).convert("L")))
    assert np.array_equal(to_grey(np.repeat(ALL[None, :, None], 3, axis=2)), ALL[None])
