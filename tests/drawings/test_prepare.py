"""Pages bent, dimmed and turned on purpose, and made ready again."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from mutoscope.drawings.bounds import ink_box, ink_share, sheet_corners, skew_of
from mutoscope.drawings.light import even_light
from mutoscope.drawings.prepare import LIST, Wishes, prepare_folder, prepare_pixels, squared, turned
from mutoscope.drawings.sample import draw_page
from mutoscope.errors import MediaError, SettingsError

DPI = 80
SIZE = (6.0, 7.5)


@pytest.fixture(scope="module")
def pages():
    """Sample pages, (600, 480), by their style."""
    styles = ("contours", "creatures", "flow", "growth")
    return {style: draw_page(style, seed=4, dpi=DPI, size=SIZE) for style in styles}


def framed(page):
    """A page with a ruled frame, as many sketchbooks have."""
    page = page.copy()
    cv2.rectangle(page, (12, 12), (page.shape[1] - 13, page.shape[0] - 13), 60, 2)
    return page


def dimmed(page, *, tint=None):
    """A page under a lamp: brighter in its middle than in its corners, with noise."""
    height, width = page.shape
    ys, xs = np.mgrid[0:height, 0:width]
    light = 0.85 * (1 - 0.9 * ((xs / width - 0.5) ** 2 + (ys / height - 0.5) ** 2))
    dim = page * light
    if tint is not None:
        dim = dim[..., None] * np.array(tint)
    noise = np.random.default_rng(0).normal(0, 1.5, dim.shape)
    return np.clip(np.rint(dim + noise), 0, 255).astype(np.uint8)


def on_table(page, corners):
    """A photograph of a page on a dark table, its corners at the given places."""
    height, width = page.shape
    table = np.random.default_rng(1).normal(70, 6, (900, 800))
    table = np.clip(table, 0, 255).astype(np.uint8)
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(edge, np.array(corners, np.float32))
    return cv2.warpPerspective(
        page, matrix, (800, 900), dst=table, borderMode=cv2.BORDER_TRANSPARENT
    )  # fmt: skip


@pytest.mark.parametrize("angle", [-7.3, -1.1, 0.0, 0.4, 3.85])
@pytest.mark.parametrize("style", ["contours", "growth"])
def test_a_framed_drawing_tells_its_angle(pages, style, angle):
    assert skew_of(turned(framed(pages[style]), angle)) == pytest.approx(angle, abs=0.2)


@pytest.mark.parametrize("angle", [-4.2, 1.35])
def test_a_full_page_tells_its_angle_without_a_frame(pages, angle):
    assert skew_of(turned(pages["flow"], angle)) == pytest.approx(angle, abs=0.2)


@pytest.mark.parametrize("angle", [-2.6, 5.0])
def test_lines_of_writing_tell_their_angle(angle):
    page = np.full((700, 520), 255, np.uint8)
    for row, y in enumerate(range(60, 660, 30)):
        text = "so many words on line " + "abcdefghij"[row % 10] * (row % 7)
        cv2.putText(page, text, (40, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 30, 2, cv2.LINE_AA)
    assert skew_of(turned(page, angle)) == pytest.approx(angle, abs=0.2)


def test_a_drawing_without_a_straight_line_has_no_angle(pages):
    for style in ("contours", "growth"):
        assert skew_of(turned(pages[style], 2)) is None
    assert skew_of(np.full((300, 300), 255, np.uint8)) is None


def test_turning_there_and_back_loses_nothing_and_is_white_beyond(pages):
    page = pages["growth"]
    there = turned(page, 8)
    assert there[0, 0] == there[-1, -1] == 255
    back = turned(there, -8)
    top, left = ((b - p) // 2 for b, p in zip(back.shape, page.shape, strict=True))
    middle = back[top : top + page.shape[0], left : left + page.shape[1]]
    assert np.corrcoef(middle.ravel(), page.ravel())[0, 1] > 0.9
    clockwise = turned(np.pad(np.zeros((9, 3), np.uint8), ((0, 60), (33, 33)), constant_values=255),
                       20)  # fmt: skip
    assert np.nonzero(clockwise < 128)[1].mean() > clockwise.shape[1] / 2


@pytest.mark.parametrize("style", ["contours", "creatures", "flow"])
def test_a_vignette_is_gone_and_ink_stays(pages, style):
    page = pages[style]
    even = even_light(dimmed(page)).astype(int)
    paper, ink = page > 250, page < 80
    assert (even[paper] >= 250).mean() > 0.99
    assert even[ink].mean() == pytest.approx(page[ink].mean(), abs=20)
    assert np.unique(even).size > 100  # grey edges are still grey


def test_a_coloured_cast_goes_with_the_light(pages):
    even = even_light(dimmed(pages["growth"], tint=(1.0, 0.9, 0.75)))
    means = even[pages["growth"] > 250].mean(0)
    assert means.min() > 252


def test_even_light_changes_a_clean_page_hardly(pages):
    page = pages["creatures"]
    assert np.abs(even_light(page).astype(int) - page).mean() < 1


@pytest.mark.parametrize("style", ["contours", "creatures", "flow", "growth"])
def test_margins_are_found_to_three_pixels(pages, style):
    page = pages[style]
    dark = page < 160
    columns, rows = np.nonzero(dark.any(0))[0], np.nonzero(dark.any(1))[0]
    truth = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    assert np.abs(np.subtract(ink_box(page), truth)).max() <= 3
    assert np.abs(np.subtract(ink_box(dimmed(page)), truth)).max() <= 3


def test_dust_and_the_rim_of_a_scan_are_no_ink(pages):
    page = pages["creatures"].copy()
    box = ink_box(page)
    page[5, 200] = page[590, 470] = 0  # dust
    page[:, :4] = 40  # a shadow along the edge
    assert ink_box(page) == box


def test_an_empty_page_has_no_ink():
    assert ink_box(np.full((200, 100), 250, np.uint8)) is None
    assert ink_share(np.full((200, 100), 250, np.uint8)) == 0


def test_ink_of_a_large_page_is_bounded_in_its_own_pixels():
    page = np.full((5000, 300), 255, np.uint8)
    page[1000:4001, 100:140] = 20
    assert np.abs(np.subtract(ink_box(page), (100, 1000, 140, 4001))).max() <= 3


CORNERS = [(150, 130), (640, 170), (690, 800), (105, 760)]


def test_a_sheet_on_a_table_is_found_and_squared(pages):
    photo = on_table(pages["creatures"], CORNERS)
    corners = sheet_corners(photo)
    assert np.abs(corners - CORNERS).max() < 1.5
    flat = squared(photo, corners)
    page = cv2.resize(pages["creatures"], flat.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.corrcoef(page.ravel(), flat.ravel())[0, 1] > 0.75


def test_a_scan_of_paper_alone_has_no_corners(pages):
    for page in pages.values():
        assert sheet_corners(page) is None
    assert sheet_corners(np.full((200, 200), 128, np.uint8)) is None


def test_a_photograph_is_made_ready_in_one_go(pages):
    photo = dimmed(on_table(pages["creatures"], CORNERS))
    wishes = Wishes(page=True, deskew=True, light=True, crop=True, margin=1)
    flat, done = prepare_pixels(photo, wishes)
    assert set(done) == {"corners", "perspective", "light", "box"}
    assert done["perspective"]
    assert np.median(flat) > 250
    box = ink_box(flat)
    assert max(box[0], box[1], flat.shape[1] - box[2], flat.shape[0] - box[3]) < 15


@pytest.fixture
def scans(tmp_path, pages):
    """A folder of three scans, the second askew."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, page in [("p2.png", turned(framed(pages["growth"]), 3)), ("p10.png", pages["flow"]),
                       ("p1.png", pages["contours"])]:  # fmt: skip
        Image.fromarray(page).save(folder / name, dpi=(DPI, DPI))
    return folder


def test_a_folder_is_prepared_and_its_sources_stay(tmp_path, scans):
    before = {path.name: path.read_bytes() for path in scans.iterdir()}
    made = prepare_folder(scans, tmp_path / "out", Wishes(deskew=True, crop=True))
    assert [entry["source"] for entry in made] == ["p1.png", "p2.png", "p10.png"]
    assert made[1]["done"]["turned"] == pytest.approx(-3, abs=0.2)
    assert "turned" not in made[0]["done"]
    assert {path.name: path.read_bytes() for path in scans.iterdir()} == before
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["001.png", "002.png", "003.png", LIST]
    assert json.loads((tmp_path / "out" / LIST).read_text())["pages"] == made
    with Image.open(tmp_path / "out/003.png") as picture:
        assert picture.info["dpi"] == pytest.approx((DPI, DPI), abs=0.02)
        assert list(picture.size) == made[2]["made"]["size"]


def test_a_second_call_does_only_what_is_new(tmp_path, scans):
    out = tmp_path / "out"
    prepare_folder(scans, out, Wishes(crop=True))
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    (scans / "p10.png").unlink()
    Image.new("L", (50, 60), 255).save(scans / "p2.png")
    prepare_folder(scans, out, Wishes(crop=True))
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert set(after) == {"001.png", "002.png"}
    assert after["001.png"] == before["001.png"]
    assert after["002.png"] != before["002.png"]
    prepare_folder(scans, out, Wishes())
    assert (out / "001.png").stat().st_mtime_ns != before["001.png"]


def test_nothing_of_others_is_touched(tmp_path, scans):
    with pytest.raises(MediaError, match="folder of the scans"):
        prepare_folder(scans, scans, Wishes())
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.png").write_bytes(b"x")
    with pytest.raises(MediaError, match=r"holds 'mine\.png'"):
        prepare_folder(scans, out, Wishes())
    (out / LIST).write_text('{"pages": [{"file": "../scans/p1.png"}, {"file": "mine.png"}]}')
    prepare_folder(scans, out, Wishes())  # it is listed now, so it was ours
    assert (scans / "p1.png").is_file()
    (out / LIST).write_text("[]")
    with pytest.raises(MediaError, match="is no list of prepared pages"):
        prepare_folder(scans, out, Wishes())


def test_a_broken_page_is_named_and_the_others_are_kept(tmp_path, scans):
    data = (scans / "p10.png").read_bytes()
    (scans / "p10.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"p10\.png"):
        prepare_folder(scans, tmp_path / "out", Wishes())
    assert len(json.loads((tmp_path / "out" / LIST).read_text())["pages"]) == 2


@pytest.mark.parametrize("wrong", [{"margin": -1}, {"margin": float("nan")}, {"dpi": 0.0}])
def test_senseless_wishes_are_refused(wrong):
    with pytest.raises(SettingsError):
        Wishes(**wrong)
