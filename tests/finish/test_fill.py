"""Regions of drawings, and how they are painted."""

import time
from collections import deque

import cv2
import numpy as np
import pytest

from mutoscope.errors import SettingsError
from mutoscope.finish.fill import Shapes, flood, grown, painted, regions_of
from mutoscope.finish.region_colours import PaletteColours

EXACT = Shapes(smallest=1, gap=0)
RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def canvas(size=(60, 40), lines=(), width=3):
    """White paper with black lines from point to point."""
    paper = np.full((size[1], size[0]), 255, np.uint8)
    for start, end in lines:
        cv2.line(paper, start, end, 0, width)
    return paper


def flooded(paper):
    """The regions as a queue finds them, pixel by pixel, row by row."""
    labels = np.zeros(paper.shape, int)
    count = 0
    for y, x in np.argwhere(paper):
        if labels[y, x]:
            continue
        count += 1
        labels[y, x] = count
        queue = deque([(y, x)])
        while queue:
            row, column = queue.popleft()
            for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                r, c = row + down, column + right
                inside = 0 <= r < paper.shape[0] and 0 <= c < paper.shape[1]
                if inside and paper[r, c] and not labels[r, c]:
                    labels[r, c] = count
                    queue.append((r, c))
    return labels, count


def filled(grey, shapes=EXACT, palette=(RED, GREEN, BLUE)):
    regions = regions_of(grey, shapes)
    return painted(grey, regions, PaletteColours(palette)(regions), shapes)


# ── regions ──


@pytest.mark.parametrize("density", [0.3, 0.5, 0.6, 0.7])
def test_regions_are_those_of_a_flood_fill(density):
    rng = np.random.default_rng(int(density * 10))
    grey = np.where(rng.random((48, 65)) < density, 255, 0).astype(np.uint8)
    labels, count = flooded(grey > 160)
    ours = regions_of(grey, EXACT)
    assert ours.count == count
    assert np.array_equal(ours.found, labels)


def test_the_threshold_is_where_paper_begins():
    grey = np.array([[160, 161, 200, 100]], np.uint8)
    assert regions_of(grey, EXACT).found.tolist() == [[0, 1, 1, 0]]
    assert regions_of(grey, Shapes(threshold=90, smallest=1, gap=0)).found.tolist() == [
        [1, 1, 1, 1]
    ]


@pytest.mark.parametrize("value", [0, 255])
def test_one_tone_all_over_ends(value):
    grey = np.full((30, 20), value, np.uint8)
    made = filled(grey, Shapes())
    assert len(np.unique(made.reshape(-1, 3), axis=0)) == 1
    assert (made == 0).all() == (value == 0)
    assert (filled(grey, Shapes(gap=5, keep_lines=True)) == made).all()


def test_one_pixel_is_a_picture():
    assert filled(np.full((1, 1), 255, np.uint8)).shape == (1, 1, 3)


def test_no_pixel_is_left_without_a_region_and_paper_keeps_its_own():
    rng = np.random.default_rng(4)
    grey = np.where(rng.random((90, 120)) < 0.55, 255, 0).astype(np.uint8)
    regions = regions_of(grey, EXACT)
    assert regions.grown.min() == 1
    known = regions.found > 0
    assert np.array_equal(regions.grown[known], regions.found[known])
    assert regions.areas().sum() == grey.size


def test_two_regions_meet_in_the_middle_of_the_line():
    grey = canvas((60, 40), [((30, 0), (30, 39))], width=9)
    regions = regions_of(grey, EXACT)
    assert regions.count == 2
    across = np.diff(regions.grown, axis=1) != 0
    assert (np.argwhere(across)[:, 1] >= 28).all()
    assert (np.argwhere(across)[:, 1] <= 31).all()
    assert across.sum() == 40


def test_the_nearest_region_takes_a_pixel():
    found = np.zeros((40, 60), np.int32)
    seeds = [(5, 5), (30, 12), (20, 50)]
    for number, (y, x) in enumerate(seeds, 1):
        found[y, x] = number
    rows, columns = np.mgrid[:40, :60]
    away = np.stack([np.hypot(rows - y, columns - x) for y, x in seeds])
    ours = grown(found, 3)
    # Near where two are as far, the vote and the two-pass distance may say either.
    clear = np.diff(np.sort(away, axis=0)[:2], axis=0)[0] > 5
    assert clear.mean() > 0.5
    assert np.array_equal(ours[clear], away.argmin(axis=0)[clear] + 1)


def test_small_regions_go_to_their_neighbours_unless_there_is_no_other():
    grey = canvas((60, 40), [((30, 0), (30, 39))])
    cv2.rectangle(grey, (8, 8), (14, 14), 0, 2)  # a box with 4 × 4 pixels inside, or so
    inside = regions_of(grey, EXACT)
    assert inside.count == 3
    fewer = regions_of(grey, Shapes(smallest=60))
    assert fewer.count == 2
    assert fewer.grown[11, 11] == fewer.grown[2, 2]
    assert regions_of(grey, Shapes(smallest=100_000)).count == 3


def test_a_gap_divides_only_when_it_may_be_closed():
    grey = canvas((80, 60), [((40, 0), (40, 26)), ((40, 32), (40, 59))])
    assert regions_of(grey, EXACT).count == 1
    divided = regions_of(grey, Shapes(gap=8))
    assert divided.count == 2
    assert (divided.grown[:, :36] == divided.grown[0, 0]).all()
    assert (divided.grown[:, 45:] == divided.grown[0, -1]).all()


def test_closing_gaps_changes_nothing_where_there_are_none_and_keeps_narrow_regions():
    grey = canvas((80, 60), [((40, 0), (40, 59)), ((46, 0), (46, 59)), ((0, 30), (39, 30))])
    regions, closed = regions_of(grey, EXACT), regions_of(grey, Shapes(smallest=1, gap=9))
    assert regions.count == closed.count == 4  # one of them is three pixels wide
    pairs = np.unique(np.stack([regions.found.ravel(), closed.found.ravel()]), axis=1)
    assert (pairs[0] == 0).sum() == (pairs[1] == 0).sum() == 1
    assert pairs.shape[1] == 5


def test_the_count_is_told_of_an_empty_map():
    labels, count = flood(np.zeros((4, 5), np.uint8))
    assert count == 0
    assert not labels.any()


# ── painting ──


def test_regions_are_flat_and_lines_are_gone():
    grey = canvas((80, 60), [((40, 0), (40, 59)), ((0, 30), (79, 30))])
    hard = filled(grey, Shapes(smallest=1, blend=0))
    kinds = {tuple(colour) for colour in hard.reshape(-1, 3).tolist()}
    assert kinds <= {(255, 0, 0), (0, 255, 0), (0, 0, 255)}
    soft = filled(grey, Shapes(smallest=1, blend=2))
    assert (soft == hard).all(axis=2).mean() > 0.8
    assert np.array_equal(soft[:20, :30], hard[:20, :30])


def test_edges_are_as_soft_as_asked_for():
    grey = canvas((80, 60), [((40, 0), (40, 59))])
    widths = []
    for blend in (0, 2, 6):
        row = filled(grey, Shapes(blend=blend), (RED, BLUE))[30, :, 0].astype(int)
        lows = (row > 25) & (row < 230)
        widths.append(int(lows.sum()))
    assert widths[0] == 0
    assert 1 <= widths[1] <= 3
    assert 5 <= widths[2] <= 7


def test_lines_may_stay_soft_as_they_are():
    grey = cv2.GaussianBlur(canvas((80, 60), [((40, 0), (40, 59))], 5), (0, 0), 1.0)
    grey = (grey * 0.9).astype(np.uint8)  # paper that is not quite white
    made = filled(grey, Shapes(keep_lines=True, blend=0), ((1.0, 1.0, 1.0),))
    assert (made[:, :30] == 255).all()
    assert (made[:, 40] < 40).all()
    ramp = made[30, 30:41, 0].astype(int)
    assert (np.diff(ramp) <= 0).all()
    assert len(set(ramp.tolist())) > 3


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 255}, {"smallest": 0}, {"gap": -1}, {"gap": 101}, {"blend": -1.0},
     {"blend": float("nan")}],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(SettingsError, match=f"--{name}: "):
        Shapes(**wrong)


def test_a_megapixel_takes_less_than_a_second():
    rng = np.random.default_rng(1)
    grey = np.full((1024, 1024), 255, np.uint8)
    for _ in range(60):
        points = rng.integers(0, 1024, (2, 2)).tolist()
        cv2.line(grey, *map(tuple, points), 0, 4)
    start = time.process_time()
    filled(grey, Shapes())
    assert time.process_time() - start < 1
