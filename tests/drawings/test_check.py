"""Folders of scans looked at: what is told of each page, and what is odd."""

import io

import numpy as np
import pytest
from PIL import Image

from mutoscope.drawings.check import look_at, sheet_of, sheet_png, table
from mutoscope.errors import MediaError
from mutoscope.provenance import read_recipe

RED = (214, 40, 40)


def page(folder, name, *, size=(340, 440), box=(60, 80, 250, 300), paper=255, mode="L", dpi=100):
    """A page with a rectangle of hatching."""
    pixels = np.full((size[1], size[0]), paper, np.uint8)
    if box is not None:
        left, top, right, bottom = box
        pixels[top:bottom:6, left:right] = 20
        pixels[bottom - 1, left:right] = 20
    about = {"dpi": (dpi, dpi)} if dpi else {}
    Image.fromarray(pixels).convert(mode).save(folder / name, **about)


@pytest.fixture
def folder(tmp_path):
    """Three good pages."""
    for number in (1, 2, 10):
        page(tmp_path, f"p{number}.png")
    return tmp_path


def test_good_pages_have_margins_and_no_warning(folder):
    found = look_at(folder, tile=128)
    assert [finding.name for finding in found] == ["p1.png", "p2.png", "p10.png"]
    for finding in found:
        assert finding.warnings == ()
        assert np.abs(np.subtract(finding.margins, (60, 80, 90, 140))).max() <= 3
        assert finding.facts == "340 × 440, 100 dpi, L"
        assert finding.ink == pytest.approx(38 * 190 / (340 * 440), rel=0.1)
    assert table(found)[-1] == "3 pages, nothing odd"


@pytest.mark.parametrize(
    ("odd", "warning"),
    [
        ({"dpi": 200}, "others have 100 dpi"),
        ({"dpi": None}, "others have 100 dpi"),
        ({"mode": "RGB"}, "others are grey"),
        ({"box": None}, "no ink"),
        ({"box": (60, 80, 90, 86)}, "nearly white"),
        ({"size": (100, 440), "box": (20, 20, 80, 400)}, "smaller than a tile of 128"),
        ({"paper": 200}, "its paper isn't white"),
    ],
)
def test_what_is_odd_is_told_of_that_page_alone(folder, odd, warning):
    page(folder, "p3.png", **odd)
    found = look_at(folder, tile=128)
    assert [bool(finding.warnings) for finding in found] == [False, False, True, False]
    assert any(warning in told for told in found[2].warnings)
    lines = table(found)
    assert len(lines) == 6
    assert warning in lines[3]
    assert lines[-1] == "4 pages, 1 with warnings"


def test_a_broken_page_is_told_among_the_others(folder):
    (folder / "p2.png").write_bytes(b"no picture")
    found = look_at(folder, tile=128)
    assert found[1].page is None
    assert "damaged" in found[1].warnings[0]
    assert found[1].margins is None
    assert str(folder) not in table(found)[2]
    sheet_png(found, "scans")


def test_where_nothing_can_be_read_it_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match="none of its pictures can be read"):
        look_at(tmp_path)


def test_the_sheet_shows_each_page_with_its_margins(folder):
    found = look_at(folder)
    sheet = sheet_of(found, "scans")
    pixels = np.asarray(sheet.image())
    for index in range(3):
        left, top, right, bottom = sheet.cell(index)
        cell = pixels[top:bottom, left:right]
        assert (cell == RED).all(2).any()
        assert (cell < 150).all(2).any()
    assert max(sheet.size) <= 4096


def test_the_sheet_is_a_png_that_says_what_it_is(folder, tmp_path):
    data = sheet_png(look_at(folder), "scans")
    assert Image.open(io.BytesIO(data)).format == "PNG"
    (tmp_path / "sheet").mkdir()
    path = tmp_path / "sheet/check.png"
    path.write_bytes(data)
    assert read_recipe(path)["drawings"] == {"pages": 3}


def test_names_from_outside_steer_no_terminal(folder):
    (folder / "p2.png").rename(folder / "p\x1b[31m2.png")
    lines = table(look_at(folder))
    assert not any("\x1b" in line for line in lines)
