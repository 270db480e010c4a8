"""The grid in numbers: units, boxes, the raster of tiles, the file of margins, the overlay."""

import json

import cv2
import numpy as np
import pytest

from mutoscope.drawings.grid import (
    Box,
    Grid,
    cell_pixels,
    centres,
    inset,
    overlay,
    pixels_of,
)  # fmt: skip
from mutoscope.drawings.ink import find_ink, propose
from mutoscope.drawings.margins import read_margins, write_margins
from mutoscope.errors import MediaError, SettingsError


@pytest.mark.parametrize(
    ("dpi", "cell"), [(150, 128), (200, 170), (300, 256), (299.9994, 256), (450, 384), (1200, 1024)]
)
def test_a_cell_is_256_of_300_inch(dpi, cell):
    assert cell_pixels(dpi) == cell


@pytest.mark.parametrize("dpi", [0, -300, float("nan"), float("inf"), 20_000])
def test_what_is_no_resolution_is_refused(dpi):
    with pytest.raises(SettingsError, match="allowed are 10–9600"):
        cell_pixels(dpi)


# dpi, size, steps, tiles across, tiles down: counted by the older programs.
COUNTS = [
    (300, 256, 1, 17, 11),
    (300, 256, 16, 266, 170),
    (300, 512, 1, 16, 10),
    (300, 512, 2, 31, 19),
    (300, 512, 16, 243, 147),
    (300, 1024, 2, 25, 13),
    (600, 1024, 2, 31, 19),
    (1200, 1024, 2, 34, 22),
]


@pytest.mark.parametrize(("dpi", "size", "steps", "cols", "rows"), COUNTS)
@pytest.mark.parametrize("grid", [Grid(), Grid(0.5, 1.0), Grid(0.65, 1.1)])
def test_the_raster_has_the_old_counts_wherever_the_grid_lies(dpi, size, steps, cols, rows, grid):
    raster = centres(grid.box(dpi), size=size, steps=steps, dpi=dpi)
    assert (raster.cols, raster.rows) == (cols, rows)


def test_the_three_old_totals():
    raster = centres(Grid().box(300), size=512, steps=16, dpi=300)
    assert 46 * len(raster) == 1_643_166
    assert 46 * len(centres(Grid().box(300), size=1024, steps=2, dpi=300)) == 14_950


def test_centres_run_row_by_row_and_keep_half_a_diagonal_from_the_box():
    box = Grid(0.55, 1.1).box(300)
    raster = centres(box, size=512, steps=2, dpi=300)
    found = list(raster)
    assert found[0] == (raster.left, raster.top)
    assert found[1] == (raster.left + 128, raster.top)
    assert found[raster.cols] == (raster.left, raster.top + 128)
    half = 512 / 2**0.5
    for x, y in (found[0], found[-1]):
        assert box.left <= x - half + 1
        assert x + half <= box.right
        assert box.top <= y - half + 1
        assert y + half <= box.bottom
    with pytest.raises(IndexError):
        raster[len(raster)]


def test_a_box_without_room_has_no_centres():
    assert len(centres(Box(0, 0, 300, 900), size=256, steps=2, dpi=300)) == 0


@pytest.mark.parametrize("steps", [0, -1, 257])
def test_more_steps_than_pixels_are_refused(steps):
    with pytest.raises(SettingsError, match="allowed are 1–256"):
        centres(Grid().box(300), size=256, steps=steps, dpi=300)


@pytest.mark.parametrize("dpi", [150, 200, 300, 450, 600, 1200])
def test_the_overlay_encloses_the_box_that_tiles_are_cut_from(dpi):
    grid = Grid(0.55, 1.1, 3, 2)
    unit = cell_pixels(dpi)
    drawn = overlay(np.full((5 * unit, 5 * unit), 255, np.uint8), grid, dpi, thickness=1)
    red = (drawn == (255, 0, 0)).all(2)
    box = grid.box(dpi)
    rows, cols = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert (cols[0], rows[0], cols[-1], rows[-1]) == (box.left, box.top, box.right, box.bottom)
    assert red[box.top : box.bottom + 1].all(0).sum() == 4  # columns that are lines all the way
    # The outermost tiles, turned any way, come as near to the lines as whole pixels let them.
    raster = centres(box, size=unit // 2, steps=unit, dpi=dpi)
    half = unit // 2 / 2**0.5
    xs, ys = zip(raster[0], raster[len(raster) - 1], strict=True)
    for (first, last), (low, high) in ((xs, (cols[0], cols[-1])), (ys, (rows[0], rows[-1]))):
        assert -1 <= first - half - low < 1
        assert 0 <= high - (last + half) <= 2


def test_an_overlay_leaves_the_page_alone():
    page = np.full((300, 300), 255, np.uint8)
    overlay(page, Grid(0.1, 0.1, 0.5, 0.5), 300)
    assert (page == 255).all()


@pytest.mark.parametrize(
    ("text", "pixels"),
    [("40px", 40), ("0.5in", 150), ("25.4 mm", 300), ("2.54cm", 300), ("0.5", 128)],
)
def test_lengths(text, pixels):
    assert pixels_of(text, 300) == pytest.approx(pixels)


@pytest.mark.parametrize("text", ["", "px", "-3mm", "1e9px", "nan", "3 furlongs", "9" * 5000])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(SettingsError, match=r"margins: .* is no length"):
        pixels_of(text, 300, place="margins")


def test_a_margin_larger_than_the_page_leaves_nothing():
    assert inset((100, 80), 10) == Box(10, 10, 90, 70)
    assert inset((100, 80), 60).width == 0


def test_a_box_is_cut_at_the_page():
    assert Box(-5, 10, 300, 90).within((200, 80)) == Box(0, 10, 200, 80)
    assert Box(300, 0, 400, 10).within((200, 80)).width == 0


def test_a_grid_around_a_box_has_that_box():
    box = Box(123, 45, 1789, 1011)
    for dpi in (150, 200, 300, 1200):
        assert Grid.around(box, dpi).box(dpi) == box


# --- margins ---


def write(tmp_path, data):
    path = tmp_path / "adj_xy.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def test_the_old_file_is_read_by_name_or_number(tmp_path):
    path = write(tmp_path, {"adj_x": {"00": 0.5, "01": 0.55}, "adj_y": {"00": 1, "01": 1.1}})
    assert read_margins(path, ["00", "1"]) == [Grid(0.5, 1), Grid(0.55, 1.1)]


def test_its_successor_is_read_by_order(tmp_path):
    path = write(tmp_path, [{"index": 7, "x": 0.5, "y": 1}, {"index": 7, "x": 0.6, "y": 1.1}])
    assert read_margins(path, ["a", "b"], cols=4, rows=3) == [
        Grid(0.5, 1, 4, 3),
        Grid(0.6, 1.1, 4, 3),
    ]


def test_pages_that_it_does_not_name_are_said(tmp_path, caplog):
    path = write(tmp_path, {"adj_x": {"00": 0.5}, "adj_y": {"00": 1}})
    assert read_margins(path, ["00", "fox"])[1] == Grid()
    assert "says nothing of 1 pages (fox)" in caplog.text


@pytest.mark.parametrize(
    "grids", [{"00": Grid(0.5, 1)}, {"00": Grid(0.5, 1), "b": Grid(0, 0, 7.5, 3)}]
)
def test_margins_come_back_as_they_were_written(tmp_path, grids):
    path = tmp_path / "adj_xy.json"
    write_margins(path, grids)
    assert read_margins(path, list(grids)) == list(grids.values())
    data = json.loads(path.read_text())
    assert ("adj_cols" in data) is (len(grids) == 2)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("{", "is not JSON"),
        ('{"adj_x": {"0": NaN}, "adj_y": {}}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("7", "is not an object of adj_x and adj_y"),
        ({"adj_x": {}}, "lacks adj_x or adj_y"),
        ({"adj_x": [], "adj_y": {}}, "adj_x is not a map"),
        ({"adj_x": {"0": "1"}, "adj_y": {}}, "adj_x['0'] is '1'; allowed are -10000–10000"),
        ({"adj_x": {"0": True}, "adj_y": {}}, "adj_x['0'] is True"),
        ('{"adj_x": {"0": 1' + "0" * 400 + '}, "adj_y": {}}', "adj_x['0'] is 1000"),
        ({"adj_x": {}, "adj_y": {}, "adj_rows": {"0": -1}}, "allowed are 0–10000"),
        ([{"x": 1}], "entry 0 is not an object with x and y"),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_refused(tmp_path, data, what):
    path = write(tmp_path, data)
    with pytest.raises(MediaError) as error:
        read_margins(path, ["0"])
    assert str(error.value).startswith(f"{path}: ")
    assert what in str(error.value)


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        read_margins(tmp_path / "none.json", ["0"])
    path = write(tmp_path, " " * (4 * 2**20 + 1))
    with pytest.raises(MediaError, match="larger than 4 MiB"):
        read_margins(path, ["0"])


# --- the proposal ---


def drawn_page(dpi=150):
    """A page of paper that is not white, with a drawing, dust, and the scanner's bed below."""
    page = np.full((8 * dpi, 6 * dpi), 236, np.uint8)
    cv2.ellipse(page, (3 * dpi, 3 * dpi), (2 * dpi, dpi), 20, 0, 360, 40, 2)
    cv2.line(page, (2 * dpi, 5 * dpi), (4 * dpi, 6 * dpi), 60, 2)
    page[: dpi // 100, :] = 236
    page[-dpi // 4 :, :] = 25
    page[dpi // 2, dpi // 2] = 0
    return page


@pytest.mark.parametrize("dpi", [100, 150, 300])
def test_the_proposal_goes_around_the_drawing(dpi):
    page = drawn_page(dpi)
    box = propose(page, dpi).box(dpi)
    drawing = page < 100
    drawing[-dpi // 4 :] = False
    drawing[dpi // 2, dpi // 2] = False
    rows, cols = np.flatnonzero(drawing.any(1)), np.flatnonzero(drawing.any(0))
    near = dpi / 30
    assert abs(box.left - cols[0]) < near
    assert abs(box.right - cols[-1]) < near
    assert abs(box.top - rows[0]) < near
    assert abs(box.bottom - rows[-1]) < near


def test_there_is_no_proposal_for_blank_paper():
    assert propose(np.full((600, 400), 255, np.uint8), 150) is None
    assert propose(np.full((600, 400, 3), 0, np.uint8), 150) is None
    noisy = np.random.default_rng(0).normal(240, 4, (600, 400)).clip(0, 255).astype(np.uint8)
    assert find_ink(noisy, 150).blank


def test_colour_and_grey_agree():
    page = drawn_page()
    assert propose(np.repeat(page[..., None], 3, 2), 150) == propose(page, 150)
