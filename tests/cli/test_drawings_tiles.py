"""The commands that show the grid, cut tiles, and find specimens."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from mutoscope.drawings.shards import read_shard


@pytest.fixture
def pages(here):
    """Three pages of 100 dpi, the last one blank."""
    folder = here / "pages"
    folder.mkdir()
    for number in range(3):
        page = np.full((480, 640), 250, np.uint8)
        if number < 2:
            for x, y in ((150, 130), (430, 140), (300, 340)):
                cv2.circle(page, (x + 9 * number, y), 60, 20, 3)
                cv2.line(page, (x - 20, y), (x + 20, y), 20, 3)
        Image.fromarray(page).save(folder / f"{number:02d}.png", dpi=(100, 100))
    return folder


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def shape(path):
    return pixels(path).shape


def test_the_grid_is_drawn_on_a_sheet_or_in_a_folder(pages, here, call):
    code, out, err = call("drawings", "grid", pages, "-o", "all.png", "--write", "adj_xy.json")
    assert (code, out) == (0, ["adj_xy.json", "all.png"])
    assert err == ["1 of 3 pages are blank and left out: 02"]
    assert set(json.loads((here / "adj_xy.json").read_text())["adj_x"]) == {"00", "01"}
    code, _, _ = call("drawings", "grid", pages, "-o", "grids", "--margins", "grid", "--rows", "4",
                      "--cols", "5")  # fmt: skip
    assert code == 0
    assert sorted(path.name for path in (here / "grids").iterdir()) == ["00.png", "01.png"]
    drawn = pixels(here / "grids" / "00.png")
    red = (drawn == (255, 0, 0)).all(2)
    assert red[:340, 85].all()
    assert not red[345:, 85].any()


def test_one_page_is_drawn_at_full_size(pages, here, call):
    assert call("drawings", "grid", pages, "-o", "one.png", "--page", "01")[0] == 0
    assert shape(here / "one.png") == (480, 640, 3)
    code, _, err = call("drawings", "grid", "pages", "-o", "one.png", "--page", "001")
    assert code == 2
    assert err[-1].startswith("mutoscope: pages: has no page '001' with ink on it")


def test_tiles_are_counted_and_cut(pages, here, call):
    wishes = ("--size", "64", "--steps", "2", "--margins", "grid", "--rows", "4", "--cols", "5")
    code, out, _ = call("drawings", "tiles", pages, *wishes, "--count")
    # u = 85, s = 42; L, T = 45; R = 379, B = 294: 8 × 6 on each of two pages
    assert (code, out) == (0, ["96 tiles of 64² from 2 pages"])
    code, out, _ = call("drawings", "tiles", pages, *wishes, "-o", "tiles")
    assert (code, out) == (0, ["tiles"])
    found = sorted((here / "tiles").rglob("*.png"))
    assert len(found) == 96
    assert shape(found[0]) == (64, 64)
    code, _, err = call("drawings", "tiles", pages, *wishes, "-o", "tiles", "--seed", "2")
    assert code == 2
    assert "another description (seed was 0 and is 2)" in err[-1]


def test_shards_are_written_and_read_back(pages, here, call):
    wishes = ("--size", "64", "--margins", "10px", "--per-shard", "50", "--colour")
    assert call("drawings", "tiles", pages, *wishes, "-o", "shards", "--form", "webdataset")[0] == 0
    shards = sorted((here / "shards").glob("*.tar"))
    total = sum(1 for path in shards for _ in read_shard(path))
    assert len(shards) == -(-total // 50) > 1
    assert next(read_shard(shards[0])).pixels().shape == (64, 64, 3)
    code, out, _ = call("drawings", "tiles", "shards", "--count")
    assert (code, out) == (0, [f"{total} tiles in {len(shards)} shards, all sound"])
    assert call("drawings", "tiles", "shards", "-o", "records", "--form", "tfrecord")[0] == 0
    assert call("drawings", "tiles", "records", "-o", "files")[0] == 0
    assert len(list((here / "files").rglob("*.png"))) == total
    data = bytearray(shards[0].read_bytes())
    data[600] ^= 1
    shards[0].write_bytes(data)
    code, _, err = call("drawings", "tiles", "shards", "--count")
    assert code == 2
    assert err[-1].startswith("mutoscope: shards/00000.tar: is damaged at byte 0: ")


def test_specimens_are_found_shown_and_cut(pages, here, call):
    code, out, err = call("drawings", "specimens", pages, "--gap", "10", "--show", "found.png")
    assert (code, out) == (0, ["found.png", f"{pages}/specimens.json"])
    assert err[-1] == "6 specimens on 2 pages"
    found = json.loads((pages / "specimens.json").read_text())["pages"]
    assert [len(page["specimens"]) for page in found] == [3, 3]
    code, _, err = call("drawings", "specimens", pages)
    assert code == 2
    assert "exists already; choose another with -o, or add --overwrite" in err[-1]
    again = ("--overwrite", "--same-size", "--gap", "10")
    assert call("drawings", "specimens", pages, *again)[0] == 0
    listed = pages / "specimens.json"
    code, out, _ = call(
        "drawings", "tiles", pages, "--specimens", listed, "--size", "32", "-o", "t"
    )
    assert (code, out) == (0, ["t"])
    assert len(list((here / "t").rglob("*_rf*.png"))) == 48


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["tiles", "pages"], "tiles: say where they go with -o FOLDER, or ask for --count"),
        (["tiles", "pages", "--form", "tfrecords", "--count"], "did you mean 'tfrecord'?"),
        (["tiles", "nowhere", "--count"], "nowhere: "),
        (["tiles", "pages", "--size", "512", "--count"], "no page is large enough"),
        (["tiles", "pages", "--margins", "none.json", "--count"], "none.json: does not exist"),
        (["tiles", "pages", "--margins", "wide", "--count"], "'wide' is no length"),
        (["grid", "pages", "-o", "x.png", "--cache", "pages/00.png"], "name another folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(pages, call, arguments, what):
    code, out, err = call("drawings", *arguments)
    assert (code, out) == (2, [])
    assert err[-1].startswith("mutoscope: ")
    assert what in err[-1]


def test_ctrl_c_says_how_to_go_on(pages, call, monkeypatch):
    from mutoscope.drawings import writing

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_tile", stop)
    code, _, err = call("drawings", "tiles", pages, "--size", "64", "-o", "tiles")
    assert code == 130
    assert "stopped; the same command goes on with it" in err
