"""Pictures of scans: any page of any format, made small once, and nothing from elsewhere."""

import asyncio

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request

from mutoscope.errors import MediaError
from mutoscope.studio.drawings.scan_pictures import PREFIX, ScanPictures, address


@pytest.fixture
def scan(place):
    """A TIFF file of two pages, one dark and one light, each 400 × 300."""
    pages = [Image.fromarray(np.full((300, 400), grey, np.uint8)) for grey in (30, 220)]
    path = place.drawings / "two.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def ask(place, name, query):
    scope = {"type": "http", "method": "GET", "path": f"{PREFIX}/{name}", "headers": [],
             "query_string": query.encode(), "path_params": {"name": name}}  # fmt: skip
    return asyncio.run(ScanPictures(place).answer(Request(scope)))


def test_each_page_of_a_file_is_made_small(place, scan):
    for frame, grey in enumerate((30, 220)):
        answer = ask(place, "drawings/two.tif", f"page={frame}&w=320")
        assert answer.status_code == 200
        with Image.open(answer.path) as picture:
            assert picture.format == "JPEG"
            assert picture.size == (320, 240)
            assert abs(np.asarray(picture).mean() - grey) < 3


def test_a_small_page_is_not_enlarged_and_a_tall_one_kept_low(place):
    pictures = ScanPictures(place)
    for size, expected in (((50, 40), (50, 40)), ((400, 4000), (96, 960))):
        path = place.drawings / f"{size[0]}.png"
        Image.fromarray(np.zeros(size[::-1], np.uint8)).save(path)
        with Image.open(pictures.of(path, 0, 320)) as picture:
            assert picture.size == expected


def test_a_picture_is_made_once_and_anew_when_the_scan_changes(place, scan):
    pictures = ScanPictures(place)
    first, before = pictures.of(scan, 0, 320), address(place, scan)
    made = first.stat().st_mtime_ns
    assert pictures.of(scan, 0, 320) == first
    assert first.stat().st_mtime_ns == made
    Image.fromarray(np.full((30, 40), 99, np.uint8)).save(scan)
    assert pictures.of(scan, 0, 320) != first
    assert address(place, scan) != before


def test_addresses_name_no_folder_outside(place, scan, tmp_path):
    assert address(place, scan, 1).startswith(f"{PREFIX}/drawings/two.tif?page=1&w=320&v=")
    with pytest.raises(MediaError):
        address(place, tmp_path / "other.png")


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("drawings/two.tif", "page=2&w=320"),
        ("drawings/two.tif", "page=-1&w=320"),
        ("drawings/two.tif", "page=0&w=321"),
        ("drawings/two.tif", "w=320"),
        ("drawings/none.tif", "page=0&w=320"),
        ("../two.tif", "page=0&w=320"),
        ("drawings/.hidden.png", "page=0&w=320"),
        (".studio/key.png", "page=0&w=320"),
        ("drawings/text.txt", "page=0&w=320"),
        ("drawings/false.png", "page=0&w=320"),
    ],
)
def test_what_is_no_page_here_is_not_there(place, scan, name, query):
    (place.drawings / "text.txt").write_text("secret")
    (place.drawings / "false.png").write_text("no picture")
    for hidden in (place.drawings / ".hidden.png", place.own / "key.png"):
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(hidden)
    answer = ask(place, name, query)
    assert answer.status_code == 404
    assert str(place.root).encode() not in answer.body
