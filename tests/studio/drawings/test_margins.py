"""Margins go from the page into the file and back, and the overlay is the crop box."""

import numpy as np
import pytest
from PIL import Image

from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.grid import Box, Grid, overlay
from mutoscope.drawings.margins import read_margins, write_margins
from mutoscope.drawings.scans import pages_of
from mutoscope.errors import SettingsError
from mutoscope.studio.drawings.margins import Margins, box_of


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "scans"
    found.mkdir()
    for number, left in ((1, 60), (2, 120)):
        page = np.full((440, 340), 255, np.uint8)
        page[90:300, left : left + 120 : 12] = 0
        page[90:300:12, left : left + 120] = 0
        Image.fromarray(page).save(found / f"{number}.png", dpi=(100, 100))
    return found


@pytest.fixture
def margins(folder, tmp_path):
    return Margins(folder, pages_of(folder), PageCache(tmp_path / "cache"))


def test_a_box_is_kept_and_read_as_it_was_set(folder, margins, tmp_path):
    box = Box(33, 47, 211, 309)
    assert margins.set_box(0, box).box == box
    again = Margins(folder, pages_of(folder), PageCache(tmp_path / "cache"))
    assert again.of(0).box == box
    grids = read_margins(folder / "adj_xy.json", ["1", "2"])
    assert grids[0].box(100) == box


def test_what_is_drawn_is_what_tiles_are_cut_from(folder, margins, tmp_path):
    from mutoscope.drawings.sheets import lay_out

    marked = margins.set_box(1, Box(50, 60, 250, 305))
    sheets = lay_out(
        pages_of(folder), PageCache(tmp_path / "cache"), channels=1,
        margins=folder / "adj_xy.json",
    )  # fmt: skip
    assert sheets[1].box == marked.box
    across, down = marked.lines()
    blank = np.full((440, 340), 255, np.uint8)
    drawn = overlay(blank, marked.grid, 100, thickness=1)
    red = (drawn != 255).any(axis=2)
    assert [x for x in range(340) if red[marked.box.top : marked.box.bottom, x].all()] == across
    assert [y for y in range(440) if red[y, marked.box.left : marked.box.right].all()] == down


def test_pages_that_nobody_touched_keep_what_is_proposed(folder, margins):
    proposed = margins.of(1).box
    assert not margins.kept
    margins.set_box(0, Box(10, 10, 200, 200))
    assert margins.kept
    assert margins.of(1).box == proposed
    assert read_margins(folder / "adj_xy.json", ["1", "2"])[1].box(100) == proposed


def test_proposing_surrounds_the_ink_and_is_kept(margins):
    margins.set_box(0, Box(0, 0, 300, 400))
    found = margins.propose([0, 1])
    for index, left in ((0, 60), (1, 120)):
        box = found[index].box
        assert box.left <= left + 12
        assert box.right >= left + 108
        assert box.width < 200
        assert margins.of(index).box == box


def test_a_file_written_elsewhere_is_taken_over(folder, margins):
    margins.set_box(0, Box(10, 10, 200, 200))
    write_margins(folder / "adj_xy.json", {"1": Grid(0, 0, 2, 3), "2": Grid(1, 1, 2, 2)})
    assert margins.of(0).grid == Grid(0, 0, 2, 3)


def test_boxes_are_cut_at_the_page_and_small_ones_refused(margins):
    assert margins.set_box(0, Box(-50, -50, 9000, 9000)).box == Box(0, 0, 340, 440)
    for box in (Box(10, 10, 12, 300), Box(200, 200, 100, 100), Box(900, 900, 999, 999)):
        with pytest.raises(SettingsError, match="margins"):
            margins.set_box(0, box)
    assert margins.of(0).box == Box(0, 0, 340, 440)
    with pytest.raises(SettingsError, match="page"):
        margins.of(2)


@pytest.mark.parametrize("value", [None, "3", True, float("nan"), 1e9])
def test_what_a_page_sends_is_looked_at(value):
    good = {"left": 1, "top": 2, "right": 30.4, "bottom": 40}
    assert box_of(good) == Box(1, 2, 30, 40)
    with pytest.raises(SettingsError, match="right"):
        box_of({**good, "right": value})
