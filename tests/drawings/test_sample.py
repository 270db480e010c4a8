"""Sample pages: drawn by seed, the same at any resolution, in a folder of their own."""

import cv2
import numpy as np
import pytest
from PIL import Image

from mutoscope.drawings.pen import Nib, Paper, clouds, drift, even
from mutoscope.drawings.sample import draw_page, write_samples
from mutoscope.drawings.styles import STYLES
from mutoscope.errors import MediaError, SettingsError

DPI = 40
SIZE = (4.0, 5.0)  # inches: a fifth of a page is drawn in a fifth of the time


@pytest.mark.parametrize("style", STYLES)
def test_a_page_is_dark_lines_on_white_paper(style):
    page = draw_page(style, seed=1, dpi=DPI, size=SIZE)
    assert (page.shape, page.dtype) == ((200, 160), np.uint8)
    assert 0.005 < (page < 160).mean() < 0.5
    assert page.max() == 255
    assert np.median(page) > 200
    assert ((page > 60) & (page < 230)).mean() > 0.01  # edges are grey, not cut out
    edge = np.concatenate([page[:4].ravel(), page[-4:].ravel(), page[:, :4].ravel()])
    assert (edge == 255).all()


@pytest.mark.parametrize("style", STYLES)
def test_seeds_and_numbers_make_pages_and_equal_ones_make_equal_pages(style):
    page = draw_page(style, seed=1, number=2, dpi=20, size=SIZE)
    assert (page == draw_page(style, seed=1, number=2, dpi=20, size=SIZE)).all()
    assert (page != draw_page(style, seed=2, number=2, dpi=20, size=SIZE)).mean() > 0.02
    assert (page != draw_page(style, seed=1, number=3, dpi=20, size=SIZE)).mean() > 0.02


@pytest.mark.parametrize("style", STYLES)
def test_a_page_is_the_same_drawing_at_another_resolution(style):
    small, large = (draw_page(style, dpi=dpi, size=SIZE) for dpi in (30, 90))
    shrunk = cv2.resize(large, small.shape[::-1], interpolation=cv2.INTER_AREA)
    other = draw_page(style, dpi=30, seed=9, size=SIZE)
    far = np.abs(small.astype(float) - shrunk).mean()
    assert far < 0.3 * np.abs(small.astype(float) - other).mean()


def test_styles_differ_in_how_much_ink_they_take():
    ink = [255 - draw_page(style, dpi=20, size=SIZE).mean() for style in STYLES]
    assert max(ink) > 2 * min(ink)


def test_a_line_is_as_wide_as_its_nib_and_varies():
    paper = Paper((2, 1), 300, np.random.default_rng(0))
    paper.stroke(np.array([[0.2, 0.5], [1.8, 0.5]]), Nib(0.03, pressure=0.2, pool=0))
    columns = ((255.0 - paper.page()) / 227).sum(0)[90:510]
    assert columns.mean() == pytest.approx(9, rel=0.25)
    assert columns.std() > 0.4


def test_a_hand_strays_no_farther_than_its_wobble():
    paper = Paper((2, 1), 300, np.random.default_rng(3))
    paper.stroke(np.array([[0.2, 0.5], [1.8, 0.5]]), Nib(0.01, wobble=0.004, pool=0))
    rows = np.nonzero((paper.page() < 128).any(1))[0]
    assert 3 < np.ptp(rows) < 0.01 * 300 + 2 * 4 * 0.004 * 300


def test_what_is_cleared_is_paper_again():
    paper = Paper((1, 1), 100, np.random.default_rng(0))
    square = np.array([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]])
    paper.blacken(square)
    paper.clear(0.5 + (square - 0.5) / 2)
    page = paper.page()
    assert page[50, 50] == 255
    assert page[27, 27] < 80


def test_a_point_alone_draws_nothing():
    paper = Paper((1, 1), 50, np.random.default_rng(0))
    paper.stroke(np.array([[0.5, 0.5], [0.5, 0.5]]), Nib())
    assert (paper.page() == 255).all()


def test_drifts_and_clouds_have_a_deviation_of_one():
    rng = np.random.default_rng(0)
    assert np.mean([drift(rng, 400, 0.3).std() for _ in range(40)]) == pytest.approx(1, abs=0.25)
    assert np.mean([clouds(rng, (8, 8), 1, cells=6).std() for _ in range(9)]) == pytest.approx(
        1, abs=0.3
    )
    line = even(np.array([[0.0, 0], [1, 0], [1, 1]]))
    assert np.allclose(np.hypot(*np.diff(line, axis=0).T), 2 / (len(line) - 1), atol=0.004)


def test_pages_lie_in_their_folder_with_their_resolution(tmp_path):
    told = []
    paths = write_samples(
        tmp_path / "p", pages=3, dpi=DPI, seed=5, styles=["tangle", "contours"], told=told.append
    )
    names = [path.name for path in paths]
    assert names[:2] == ["01-tangle.png", "02-contours.png"]
    assert names[2] == "03-tangle.png"
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == names
    with Image.open(paths[0]) as picture:
        assert (picture.mode, picture.size) == ("L", (340, 440))
        assert picture.info["dpi"] == pytest.approx((DPI, DPI), abs=0.02)
        first = np.asarray(picture)
    assert (first == draw_page("tangle", seed=5, number=1, dpi=DPI)).all()
    assert told[-1] == 3


def test_a_second_call_keeps_what_is_right_and_leaves_nothing_else(tmp_path):
    first = write_samples(tmp_path, pages=3, dpi=20, styles=["growth"])
    before = {path: path.stat().st_mtime_ns for path in first}
    assert write_samples(tmp_path, pages=2, dpi=20, styles=["growth"]) == first[:2]
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == {
        p: before[p] for p in first[:2]
    }
    other = write_samples(tmp_path, pages=2, dpi=20, styles=["growth"], seed=1)
    assert all(path.stat().st_mtime_ns != before[path] for path in other)


@pytest.mark.parametrize("name", ["scan.png", "notes.txt"])
def test_a_folder_with_other_things_is_left_alone(tmp_path, name):
    if name == "scan.png":
        Image.new("L", (8, 8)).save(tmp_path / name)
    else:
        (tmp_path / name).write_text("mine")
    with pytest.raises(MediaError, match=f"holds '{name}'"):
        write_samples(tmp_path, pages=1, dpi=20)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"styles": ["tangel"]}, "did you mean 'tangle'"),
        ({"pages": 0}, "pages: 0"),
        ({"dpi": 5}, "dpi: 5 is out of range"),
        ({"dpi": float("nan")}, "out of range"),
    ],
)
def test_senseless_wishes_are_refused(tmp_path, wrong, message):
    with pytest.raises(SettingsError, match=message):
        write_samples(tmp_path / "p", **wrong)
