"""Colours of regions, and how they last through a film."""

import cv2
import numpy as np
import pytest

from mutoscope.errors import SettingsError
from mutoscope.finish.fill import Shapes, regions_of
from mutoscope.finish.region_colours import By, PaletteColours, PictureColours, Steady

SHAPES = Shapes(smallest=1, gap=0)
PALETTE = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, 1.0))


def drawn(*lines, size=(120, 90), circles=()):
    paper = np.full((size[1], size[0]), 255, np.uint8)
    for start, end in lines:
        cv2.line(paper, start, end, 0, 3)
    for middle, radius in circles:
        cv2.circle(paper, middle, radius, 0, 3)
    return regions_of(paper, SHAPES)


def crowd(seed=0):
    rng = np.random.default_rng(seed)
    return drawn(*(tuple(map(tuple, rng.integers(0, 120, (2, 2)).tolist())) for _ in range(14)))


def at(regions, colours, x, y):
    return colours[regions.grown[y, x]]


# ── one picture ──


@pytest.mark.parametrize("by", By)
def test_each_region_has_a_colour_of_the_palette_range(by):
    regions = crowd()
    colours = PaletteColours(PALETTE, by)(regions)
    assert colours.shape == (regions.count + 1, 3)
    assert colours.min() >= 0
    assert colours.max() <= 1
    if by is not By.PLACE:  # which goes from colour to colour without a step
        known = {tuple(colour) for colour in PALETTE}
        assert {tuple(colour) for colour in colours[1:].tolist()} <= known
        assert len({tuple(colour) for colour in colours[1:].tolist()}) == len(PALETTE)


@pytest.mark.parametrize("seed", range(4))
def test_by_chance_neighbours_differ(seed):
    regions = crowd(seed)
    colours = PaletteColours(PALETTE, seed=seed)(regions)
    grown = regions.grown
    across = grown[:, :-1] != grown[:, 1:]
    left, right = colours[grown[:, :-1][across]], colours[grown[:, 1:][across]]
    assert across.sum() > 200
    assert (left != right).any(axis=1).mean() > 0.97  # blind lots would make it four fifths


def test_the_seed_decides_and_nothing_else():
    regions = crowd()
    same = [PaletteColours(PALETTE, seed=7)(regions) for _ in range(2)]
    assert np.array_equal(*same)
    assert not np.array_equal(same[0], PaletteColours(PALETTE, seed=8)(regions))


def test_by_area_the_largest_come_first():
    regions = drawn(((80, 0), (80, 89)), ((80, 30), (119, 30)))
    colours = PaletteColours(PALETTE, By.AREA)(regions)
    assert at(regions, colours, 10, 10).tolist() == [1, 0, 0]
    assert at(regions, colours, 110, 60).tolist() == [0, 1, 0]
    assert at(regions, colours, 110, 10).tolist() == [0, 0, 1]


def test_by_place_it_goes_down_the_palette():
    regions = drawn(*(((0, y), (119, y)) for y in (30, 60)))
    colours = PaletteColours(((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), By.PLACE)(regions)
    shades = [float(at(regions, colours, 50, y)[0]) for y in (10, 45, 80)]
    assert shades == pytest.approx([1 / 6, 0.5, 5 / 6], abs=0.02)


def test_a_single_colour_is_enough_and_none_is_not():
    regions = crowd()
    for by in By:
        assert (PaletteColours(PALETTE[:1], by)(regions)[1:] == [1, 0, 0]).all()
    with pytest.raises(SettingsError, match="no colour"):
        PaletteColours(())


def test_a_picture_gives_its_mean_under_each_region():
    regions = drawn(((60, 0), (60, 89)))
    under = np.zeros((90, 120, 3), np.uint8)
    under[:45, :, 0] = 200  # the upper half
    under[:, 60:, 2] = 100  # the right half
    asked = []
    colours = PictureColours(lambda size: asked.append(size) or under)(regions)
    assert asked == [(120, 90)]
    assert at(regions, colours, 10, 10) == pytest.approx([100 / 255, 0, 0], abs=0.01)
    assert at(regions, colours, 110, 10) == pytest.approx([100 / 255, 0, 100 / 255], abs=0.01)


# ── a film ──


def film(frames, *, fade=4, chooser=None):
    """The colours of each frame."""
    steady = Steady(chooser or PaletteColours(PALETTE), fade)
    shown = []
    for regions in frames:
        colours, steady = steady.after(regions)
        shown.append(colours)
    return shown


def test_a_region_that_moves_keeps_its_colour():
    frames = [drawn(circles=[((30 + 2 * n, 45), 20)]) for n in range(30)]
    shown = film(frames)
    inside = [at(regions, colours, 30 + 2 * n, 45) for n, (regions, colours) in
              enumerate(zip(frames, shown, strict=True))]  # fmt: skip
    outside = [at(regions, colours, 3, 3) for regions, colours in zip(frames, shown, strict=True)]
    assert (np.array(inside) == inside[0]).all()
    assert (np.array(outside) == outside[0]).all()
    # Each by itself would have changed: this film shows what the memory is for.
    lots = [PaletteColours(PALETTE)(each) for each in frames]
    alone = [at(frames[n], lots[n], 30 + 2 * n, 45) for n in range(30)]
    assert (np.array(alone) != alone[0]).any()


@pytest.mark.parametrize("other", [(35, 0), (35, 60)])
def test_what_parts_fades_from_what_it_was(other):
    one = drawn()
    two = drawn(((other[0], 0), (other[0], 89)))
    shown = film([one, one, *[two] * 30], fade=6)
    old = at(one, shown[1], 100, 40)
    small = np.array([at(two, colours, 10, 40) for colours in shown[2:]])
    large = np.array([at(two, colours, 100, 40) for colours in shown[2:]])
    assert (large == old).all()
    assert np.abs(small[0] - old).max() < 0.5
    assert np.abs(small[-1] - old).max() == 1  # another colour of the palette
    away = np.abs(small - small[-1]).max(axis=1)
    assert (np.diff(away) <= 0).all()
    assert away[6] < 0.06
    assert away[-1] == 0


def test_what_flows_together_goes_on_as_the_larger_from_the_mean():
    two, one = drawn(((40, 0), (40, 89))), drawn()
    shown = film([two, *[one] * 30], fade=6)
    small, large = at(two, shown[0], 10, 40), at(two, shown[0], 100, 40)
    first, last = at(one, shown[1], 60, 40), at(one, shown[-1], 60, 40)
    assert np.array_equal(last, large)
    left = 0.05 ** (1 / 6)
    expected = large + left * (small - large) * 40 / 120
    assert first == pytest.approx(expected, abs=0.02)


def test_without_a_fade_colours_change_at_once():
    two, one = drawn(((40, 0), (40, 89))), drawn()
    shown = film([two, one], fade=0)
    assert np.array_equal(at(one, shown[1], 60, 40), at(two, shown[0], 100, 40))
    with pytest.raises(SettingsError, match="--fade: -1"):
        Steady(PaletteColours(PALETTE), -1)


def test_a_black_frame_or_another_size_begins_anew():
    black = regions_of(np.zeros((90, 120), np.uint8), SHAPES)
    small, usual = drawn(size=(40, 30)), drawn()
    shown = film([usual, black, usual, small, usual])
    assert shown[1].shape == (1, 3)
    for number, regions in ((2, usual), (3, small), (4, usual)):
        assert np.array_equal(shown[number], PaletteColours(PALETTE)(regions))


def test_the_memory_is_a_value():
    one, two = drawn(), drawn(((40, 0), (40, 89)))
    first, after = Steady(PaletteColours(PALETTE)).after(two)
    again = [after.after(one)[0] for _ in range(2)]
    assert np.array_equal(*again)
    assert np.array_equal(Steady(PaletteColours(PALETTE)).after(two)[0], first)
