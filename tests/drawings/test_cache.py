"""The cache of decoded pages, and pages laid out for cutting."""

import os

import numpy as np
import pytest
from PIL import Image

from mutoscope.drawings.cache import PageCache, default_folder
from mutoscope.drawings.grid import Box, Grid
from mutoscope.drawings.scans import pages_of
from mutoscope.drawings.sheets import common_dpi, lay_out, roomy
from mutoscope.errors import MediaError, SettingsError


@pytest.fixture
def scan(tmp_path):
    """Writes a scan of lines into a folder of the test's."""
    folder = tmp_path / "pages"
    folder.mkdir()

    def write(name="01.png", size=(300, 200), *, dpi=100, seed=0, blank=False, colour=False):
        width, height = size
        rng = np.random.default_rng(seed)
        page = np.full((height, width, 3), 255, np.uint8)
        if not blank:
            for _ in range(12):
                x, y = rng.integers(20, width - 60), rng.integers(20, height - 20)
                page[y : y + 3, x : x + 40] = (0, 0, 120) if colour else 0
        picture = Image.fromarray(page if colour else page[..., 0])
        picture.save(folder / name, dpi=None if dpi is None else (dpi, dpi))
        return folder

    return write


@pytest.fixture
def cache(tmp_path):
    return PageCache(tmp_path / "cache")


def test_a_page_is_mapped_and_not_decoded_again(scan, cache, monkeypatch):
    page = pages_of(scan())[0]
    first = cache.open(page, channels=1, dpi=100)
    assert isinstance(first, np.memmap)
    assert np.array_equal(first, page.pixels(channels=1))
    monkeypatch.setattr(type(page), "pixels", lambda *_, **__: pytest.fail("decoded again"))
    assert np.array_equal(cache.open(page, channels=1, dpi=100), first)
    with pytest.raises(ValueError):
        first[0, 0] = 7


def test_grey_colour_and_resolutions_have_entries_of_their_own(scan, cache):
    page = pages_of(scan(colour=True))[0]
    assert cache.open(page, channels=1, dpi=100).shape == (200, 300)
    assert cache.open(page, channels=3, dpi=100).shape == (200, 300, 3)
    assert cache.open(page, channels=3, dpi=50).shape == (100, 150, 3)
    assert cache.open(page, channels=3, dpi=200).shape == (400, 600, 3)
    assert len(list(cache.folder.iterdir())) == 4


def test_a_scan_that_changes_is_decoded_anew_and_one_that_is_renamed_is_not(scan, cache):
    folder = scan(seed=1)
    before = np.array(cache.open(pages_of(folder)[0], channels=1, dpi=100))
    (folder / "01.png").rename(folder / "fox.png")
    cache.open(pages_of(folder)[0], channels=1, dpi=100)
    assert len(list(cache.folder.iterdir())) == 1
    scan("fox.png", seed=2)
    page = pages_of(folder)[0]
    after = cache.open(page, channels=1, dpi=100)
    assert not np.array_equal(before, after)
    assert np.array_equal(after, page.pixels(channels=1))


@pytest.mark.parametrize("harm", [b"", b"nonsense", None])
def test_a_damaged_entry_is_made_anew(scan, cache, harm):
    page = pages_of(scan())[0]
    whole = np.array(cache.open(page, channels=1, dpi=100))
    path = cache.path(page, channels=1, dpi=100)
    path.write_bytes(path.read_bytes()[:-100] if harm is None else harm)
    assert np.array_equal(cache.open(page, channels=1, dpi=100), whole)


def test_an_entry_with_a_pickle_in_it_is_not_loaded(scan, cache):
    page = pages_of(scan())[0]
    path = cache.path(page, channels=1, dpi=100)
    path.parent.mkdir()
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert cache.open(page, channels=1, dpi=100).dtype == np.uint8


def test_what_was_not_used_for_longest_makes_room(scan, tmp_path):
    for number in range(3):
        folder = scan(f"{number}.png", seed=number)
    pages = pages_of(folder)
    old = PageCache(tmp_path / "cache")
    for age, page in enumerate(pages[:2]):
        old.open(page, channels=1, dpi=100)
        os.utime(old.path(page, channels=1, dpi=100), (1000 + age, 1000 + age))
    cache = PageCache(tmp_path / "cache", limit_bytes=2 * 300 * 200 + 1000)
    cache.open(pages[2], channels=1, dpi=100)
    held = [cache.path(page, channels=1, dpi=100).exists() for page in pages]
    assert held == [False, True, True]


def test_a_cache_that_cannot_be_written_is_said(scan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match=r"01\.png: its decoded copy can't be written"):
        PageCache(tmp_path / "file").open(pages_of(scan())[0], channels=1, dpi=100)


def test_a_page_that_would_be_gigantic_is_refused(scan, cache):
    page = pages_of(scan(dpi=10))[0]
    with pytest.raises(MediaError, match="choose a lower dpi"):
        cache.open(page, channels=1, dpi=9600)


def test_the_folder_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "mutoscope" / "pages"


# --- sheets ---


def test_pages_come_to_the_resolution_that_most_have(scan, cache, caplog):
    caplog.set_level("INFO")
    scan("1.png", dpi=100)
    scan("2.png", dpi=100, seed=1)
    folder = scan("3.png", (600, 400), dpi=200, seed=2)
    sheets = lay_out(pages_of(folder), cache, channels=1)
    assert [sheet.size for sheet in sheets] == [(300, 200)] * 3
    assert [sheet.scale for sheet in sheets] == [1, 1, 0.5]
    assert "1 of 3 pages are not of 100 dpi and are scaled to it: 3.png" in caplog.text


def test_a_page_that_does_not_say_is_taken_for_300(scan, caplog):
    caplog.set_level("INFO")
    assert common_dpi(pages_of(scan(dpi=None))) == 300
    assert "1 pages don't say their dpi; 300 is taken: 01.png" in caplog.text


def test_blank_pages_are_left_out_with_a_notice_or_kept(scan, cache, caplog):
    scan("1.png")
    folder = scan("2.png", blank=True)
    assert [s.name for s in lay_out(pages_of(folder), cache, channels=1)] == ["1"]
    assert "1 of 2 pages are blank and left out: 2" in caplog.text
    kept = lay_out(pages_of(folder), cache, channels=1, keep_blank=True)
    assert [sheet.name for sheet in kept] == ["1", "2"]
    assert kept[1].box == Box(0, 0, 300, 200)


def test_a_folder_of_blank_pages_is_refused(scan, cache):
    with pytest.raises(MediaError, match="none of its 1 pages has ink on it"):
        lay_out(pages_of(scan(blank=True)), cache, channels=1)


def test_margins_may_be_a_length_a_grid_or_a_file(scan, cache, tmp_path):
    pages = pages_of(scan())
    assert lay_out(pages, cache, channels=1, margins="25px")[0].box == Box(25, 25, 275, 175)
    grid = lay_out(pages, cache, channels=1, margins="grid", cols=2, rows=1)[0]
    assert grid.box == Grid(0, 0, 2, 1).box(100) == Box(0, 0, 170, 85)
    path = tmp_path / "adj_xy.json"
    path.write_text('{"adj_x": {"01": 0.5}, "adj_y": {"01": 1}}')
    sheet = lay_out(pages, cache, channels=1, margins=path, cols=2, rows=5)[0]
    assert sheet.grid == Grid(0.5, 1, 2, 5)
    assert sheet.box == Box(42, 85, 212, 200)  # the page's end
    with pytest.raises(SettingsError, match="is no length"):
        lay_out(pages, cache, channels=1, margins="wide")


def test_two_files_of_one_stem_keep_their_endings(scan, cache):
    scan("a.png")
    scan("b.png", seed=2)
    folder = scan("a.tif", seed=1)
    assert {s.name for s in lay_out(pages_of(folder), cache, channels=1)} == {"a.png", "a.tif", "b"}


def test_pages_without_room_are_left_out_or_refused(scan, cache, caplog):
    scan("1.png")
    folder = scan("2.png", (150, 100), seed=1)
    sheets = lay_out(pages_of(folder), cache, channels=1, margins="0px")
    assert [sheet.name for sheet in roomy(sheets, 150, what="a tile")] == ["1"]
    assert "1 of 2 pages are left out, since a tile needs 150 pixels both ways: 2" in caplog.text
    with pytest.raises(MediaError, match=r"1\.png: no page is large enough: .* 300 × 200 pixels"):
        roomy(sheets, 201, what="a tile")


@pytest.mark.parametrize("told", ["{'descr': '|u1', (", "(" * 100, "{'shape': (1e400,)}"])
def test_a_copy_whose_description_can_not_be_read_is_made_anew(scan, cache, told):
    page = pages_of(scan())[0]
    path = cache.path(page, channels=1, dpi=100)
    path.parent.mkdir()
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(told).to_bytes(2, "little") + told.encode())
    assert np.array_equal(cache.open(page, channels=1, dpi=100), page.pixels(channels=1))
