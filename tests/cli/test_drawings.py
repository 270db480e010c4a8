"""drawings: sample pages, scans looked at and made ready, on the command line."""

import json

import pytest
from PIL import Image


@pytest.fixture
def pages(call, here):
    """A folder of two small sample pages."""
    code, out, err = call("drawings", "sample", "pages", "--pages", 2, "--dpi", 30,
                          "--style", "growth", "--style", "creatures")  # fmt: skip
    assert (code, err) == (0, [])
    assert out == ["pages: 2 pages at 30 dpi"]
    return here / "pages"


def test_the_group_lists_its_commands(call):
    code, out, _ = call("drawings", "--help")
    assert code == 0
    text = "\n".join(out)
    assert all(name in text for name in ("sample", "check", "prepare"))


def test_an_unknown_command_is_refused_with_the_nearest(refused):
    assert "did you mean 'sample'" in refused("drawings", "sampel")


def test_pages_are_checked(call, pages, here):
    code, out, err = call("drawings", "check", "pages", "-o", "look.png", "--tile", 64)
    assert (code, err) == (0, [])
    assert len(out) == 5
    assert "255 × 330" in out[1]
    assert out[-2:] == ["2 pages, nothing odd", "look.png"]
    with Image.open(here / "look.png") as picture:
        assert picture.format == "PNG"
    assert call("drawings", "check", "pages", "-o", "look.png")[0] == 0  # its own is replaced
    assert call("drawings", "check", "pages")[1][-1] == "pages-check.png"


def test_a_broken_page_is_no_failure_and_nothing_but_broken_ones_is(call, pages, refused):
    (pages / "01-growth.png").write_bytes(b"no picture")
    code, out, _ = call("drawings", "check", "pages")
    assert code == 0
    assert "damaged" in out[1]
    (pages / "02-creatures.png").unlink()
    assert "none of its pictures can be read" in refused("drawings", "check", "pages")


def test_the_page_of_thumbnails_replaces_nothing_else(refused, pages, here):
    assert "would lie among the scans" in refused("drawings", "check", "pages", "-o", "pages/a.png")
    Image.new("L", (8, 8)).save(here / "mine.png")
    assert "another picture" in refused("drawings", "check", "pages", "-o", "mine.png")
    assert "ends in .png" in refused("drawings", "check", "pages", "-o", "look.jpg")


def test_pages_are_prepared(call, pages, here):
    code, out, _ = call("drawings", "prepare", "pages", "-o", "out", "--crop", "--light")
    assert code == 0
    assert out[0] == "001.png  01-growth.png  light evened, cropped"
    assert out[-1] == "out"
    told = json.loads((here / "out/prepared.json").read_text())["pages"]
    assert [entry["source"] for entry in told] == ["01-growth.png", "02-creatures.png"]
    with Image.open(here / "out/001.png") as picture:
        assert picture.size < (255, 330)
    code, out, _ = call("drawings", "prepare", "out", "-o", "again")
    assert (code, out[0]) == (0, "001.png  001.png  as it was")


def test_samples_are_not_mixed_with_scans(refused, here):
    (here / "scans").mkdir()
    Image.new("L", (8, 8)).save(here / "scans/a.png")
    assert "no sample page" in refused("drawings", "sample", "scans", "--pages", 1)
