"""Specimens: found by their connected ink, kept in a file, cut in eight turns."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mutoscope.drawings.cutting import Place
from mutoscope.drawings.grid import Box, Grid
from mutoscope.drawings.plan import SpecimenPlan
from mutoscope.drawings.sheets import Sheet
from mutoscope.drawings.specimens import (
    Specimen,
    equal,
    find_specimens,
    places_on,
    read_specimens,
    write_specimens,
)  # fmt: skip
from mutoscope.errors import MediaError, SettingsError

DPI = 150


def page_of(rows=3, cols=4):
    """A page of motifs, each of three strokes that don't touch, with dust and a scanner's bed."""
    page = np.full((rows * 200 + 60, cols * 200 + 60), 244, np.uint8)
    wanted = []
    for row in range(rows):
        for col in range(cols):
            x, y = 130 + 200 * col + 7 * row, 130 + 200 * row + 5 * col
            cv2.circle(page, (x, y), 40, 30, 2)
            cv2.line(page, (x - 30, y - 50), (x + 30, y - 50), 30, 2)
            cv2.circle(page, (x, y), 8, 30, -1)
            wanted.append((x, y - 5))
    rng = np.random.default_rng(0)
    for x, y in rng.integers(0, min(page.shape), (40, 2)):
        page[y, x] = 0
    page[:, :6] = 20
    return page, wanted


@pytest.mark.parametrize("colour", [False, True])
def test_motifs_are_found_row_by_row_and_dust_is_not(colour):
    page, wanted = page_of()
    pixels = np.repeat(page[..., None], 3, 2) if colour else page
    found = find_specimens(pixels, DPI, gap_mm=5)
    assert len(found) == 12
    for specimen, (x, y) in zip(found, wanted, strict=True):
        assert abs(specimen.x - x) < 4
        assert abs(specimen.y - y) < 5
        assert 92 < specimen.side < 125  # 94 high, and 12 % white on each side


def test_a_narrow_gap_takes_motifs_apart():
    page, _ = page_of(1, 1)
    assert len(find_specimens(page, DPI, gap_mm=5)) == 1
    assert len(find_specimens(page, DPI, gap_mm=0.3, least_mm=1)) == 3
    assert len(find_specimens(page, DPI, gap_mm=0.3, least_mm=5)) == 2  # the dot is too small


def test_a_blank_page_has_none():
    assert find_specimens(np.full((300, 300), 255, np.uint8), DPI) == []


@pytest.mark.parametrize("lengths", [{"gap_mm": 0}, {"least_mm": 1000}, {"gap_mm": float("nan")}])
def test_lengths_out_of_range_are_refused(lengths):
    with pytest.raises(SettingsError, match=r"allowed are 0\.1–100"):
        find_specimens(np.full((300, 300), 255, np.uint8), DPI, **lengths)


def test_one_size_for_all_is_that_of_the_largest():
    pages = {"a": [Specimen(1, 2, 30)], "b": [Specimen(3, 4, 50, 7)]}
    assert equal(pages) == {"a": [Specimen(1, 2, 50)], "b": [Specimen(3, 4, 50, 7)]}
    assert equal({}) == {}


def test_the_old_number_of_tiles():
    places = [Place(page, 10, 10, 5) for page in range(43) for _ in range(36)]
    assert len(SpecimenPlan([], places)) == 12_384


# --- the file ---


def sheet(name="01", *, scale=0.5, digest="abc"):
    pixels = np.full((100, 120), 255, np.uint8)
    return Sheet(name, Path(f"{name}.png"), digest, pixels, 150, scale, Grid(), Box(0, 0, 120, 100))


def test_specimens_come_back_and_scale_with_the_page(tmp_path, caplog):
    path = tmp_path / "specimens.json"
    rows = [Specimen(40, 60, 20), Specimen(100.5, 60, 30, 15)]
    write_specimens(path, [sheet(), sheet("02")], {"01": rows})
    found = read_specimens(path)
    assert found == {"01": ("abc", rows), "02": ("abc", [])}
    page = json.loads(path.read_text())["pages"][0]
    assert (page["width"], page["height"]) == (240, 200)
    assert places_on([sheet("02"), sheet()], found) == [
        Place(1, 20, 30, 10), Place(1, 50.25, 30, 15, 15)
    ]  # fmt: skip
    assert not caplog.records
    places_on([sheet(digest="other")], found)
    assert "01: the scan has changed since" in caplog.text
    assert places_on([sheet("03")], found) == []
    assert "01: has 2 specimens and is not here" in caplog.text


def one(**changes):
    row = {"x": 1, "y": 2, "side": 3, **changes}
    return {"version": 1, "pages": [{"page": "01", "digest": "d", "specimens": [row]}]}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ([], "has no list of pages"),
        ({"pages": []}, "is of version None"),
        ({"version": 1, "pages": [3]}, "page 0 has no list of specimens"),
        ({"version": 1, "pages": [{"specimens": []}]}, "page 0 lacks its name or digest"),
        (one(x="1"), "page '01', specimen 0: x is '1', not a number"),
        (one(x=True), "x is True, not a number"),
        (one(y=1e300), "y is 1e+300; allowed are -1e+06–1e+06"),
        (one(side=0), "side is 0; allowed are 1–1e+06"),
        (one(side=10**400), "side is 1000"),
        (
            {"version": 1, "pages": [{"page": "01", "digest": "d", "specimens": [5]}]},
            "specimen 0: is not an object",
        ),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_refused(tmp_path, data, what):
    path = tmp_path / "specimens.json"
    path.write_text(json.dumps(data))
    with pytest.raises(MediaError) as error:
        read_specimens(path)
    assert str(error.value).startswith(f"{path}: ")
    assert what in str(error.value)
