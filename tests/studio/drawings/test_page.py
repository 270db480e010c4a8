"""The page Drawings in a real browser, from an uploaded scan to a film of what was learned."""

import json
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from mutoscope.drawings.cache import PageCache, default_folder

pytestmark = pytest.mark.slow

SIZE = (360, 480)  # of a scan, at 60 dpi: six by eight inches
WAIT = 90_000  # milliseconds, for what a busy machine has to do


def until(condition):
    """Waits for a condition and returns what it gave; fails where it does not come."""
    deadline = time.monotonic() + WAIT / 1000
    while not (found := condition()):
        assert time.monotonic() < deadline, "that took too long"
        time.sleep(0.05)
    return found


def scan(path, *, seed=0, size=SIZE):
    """A page of strokes with a white margin of a tenth all around."""
    rng = np.random.default_rng(seed)
    width, height = size
    pixels = np.full((height, width), 250, np.uint8)
    for _ in range(120):
        x, y = (
            rng.integers(width // 10, width * 8 // 10),
            rng.integers(height // 10, height * 9 // 10),
        )
        pixels[y : y + 2, x : x + width // 10] = 20
    Image.fromarray(pixels).save(path, dpi=(size[0] / 6,) * 2)
    return path


@pytest.fixture(scope="module")
def drawings(studio_server, small_generator):
    """The folder of drawings of the studio, with two scans in ``lines``, and a generator."""
    folder = studio_server.root / "drawings"
    (folder / "lines").mkdir(parents=True)
    for number in (1, 2):
        scan(folder / "lines" / f"page-{number}.png", seed=number)
    shutil.copytree(small_generator, folder / "known")
    return folder


@pytest.fixture
def page(page, studio_server, drawings):
    """The page, open at a step of the work by ``page.step``."""
    page.set_default_timeout(WAIT)

    def step(name, folder=None):
        page.goto(f"{studio_server.base}/drawings")
        page.get_by_role("tab", name="Scans").wait_for()
        if folder is not None:
            choose(page, "Folder of scans", folder)
        page.get_by_role("tab", name=name).click()

    page.step = step
    yield page
    assert not [one for one in page.said if one.startswith("error")]


def choose(page, label, words):
    """Take one of the choices of a field."""
    page.get_by_label(label).first.click()
    page.get_by_role("option", name=words).first.click()


def record_of(server, word):
    """What is written down of the newest job of a command."""
    found = [one for one in server.records() if one["job"]["command"][0] == word]
    return max(found, key=lambda one: one["job"]["added"], default=None)


def job_of(server, word):
    return record_of(server, word)["job"]


# ── scans ──


def test_scans_are_uploaded_shown_and_never_taken_for_what_they_are_not(page, drawings, tmp_path):
    page.step("Scans")
    page.get_by_text("Add scans").click()
    page.get_by_label("Into the folder").fill("sent")
    large = scan(tmp_path / "large.tif", size=(1400, 1800))
    assert large.stat().st_size > 2**21  # goes by the disk
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload scans").click()
    chooser.value.set_files([scan(tmp_path / "one.png"), large])
    page.locator(".draw-page img[alt='one.png']").wait_for()
    picture = page.locator(".draw-page img[alt='large.tif']")
    picture.wait_for()
    page.wait_for_function("one => one.naturalWidth === 320", arg=picture.element_handle())
    assert (drawings / "sent" / "large.tif").read_bytes() == large.read_bytes()
    (tmp_path / "false.png").write_bytes(b"<script>" * 100)
    page.locator("input[type=file]").set_input_files([tmp_path / "false.png"])
    page.get_by_role("alert").filter(has_text="false.png").wait_for()
    assert sorted(path.name for path in (drawings / "sent").iterdir()) == ["large.tif", "one.png"]


def test_sample_pages_show_as_they_come(page, drawings):
    page.step("Scans")
    page.get_by_text("Add scans").click()
    page.get_by_label("Into the folder").fill("samples")
    page.get_by_role("spinbutton", name="Pages").fill("1")
    page.get_by_role("button", name="Draw sample pages").click()
    until(lambda: list(drawings.glob("samples/*.png")))
    page.wait_for_timeout(2500)
    choose(page, "Folder of scans", "drawings/samples")
    page.locator(".draw-page img").wait_for()


def test_pages_are_looked_at(page):
    page.step("Scans", "drawings/lines")
    page.get_by_role("button", name="Check margins and paper").click()
    page.locator(".draw-page", has_text="page-1.png").get_by_text("margins").wait_for()


# ── margins ──


def test_the_box_of_the_margins_is_moved_by_whatever_lies_in_it(page, drawings):
    page.step("Margins", "drawings/lines")
    box = page.locator(".crop-move")
    box.wait_for()
    edges = [page.get_by_label(f"{one} (px)") for one in ("Left", "Top", "Right", "Bottom")]
    until(lambda: edges[2].input_value())
    before = [int(edge.input_value()) for edge in edges]
    at = box.bounding_box()
    page.mouse.move(at["x"] + at["width"] / 3, at["y"] + at["height"] / 4)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] / 3 + 10, at["y"] + at["height"] / 4 + 20, steps=3)
    page.mouse.up()
    page.get_by_text("kept in adj_xy.json").wait_for()
    left, top, right, bottom = (int(edge.input_value()) for edge in edges)
    assert (right - left, bottom - top) == (before[2] - before[0], before[3] - before[1])
    assert left > before[0]
    assert top > before[1]
    kept = (drawings / "lines" / "adj_xy.json").stat().st_mtime_ns
    page.get_by_label("upper left corner").focus()
    page.keyboard.press("Shift+ArrowRight")
    until(lambda: (drawings / "lines" / "adj_xy.json").stat().st_mtime_ns != kept)
    until(lambda: int(edges[0].input_value()) == left + 10)


def test_all_that_decodes_pages_keeps_them_in_one_folder(studio_server, monkeypatch):
    monkeypatch.setenv("MUTOSCOPE_FENCE", str(studio_server.root))
    assert PageCache().folder == default_folder() == studio_server.root / ".studio" / "pages"


# ── exploring ──


@pytest.fixture
def pad(page):
    """The pad of the generator, once it has drawn."""
    page.step("Explore")
    page.get_by_label("Generator").first.wait_for()
    found = page.get_by_role("application")
    found.locator("img").wait_for()
    return found


def shown(pad):
    return pad.locator("img").get_attribute("src")


def test_the_pad_follows_a_hand_and_keys(page, pad):
    box = pad.bounding_box()
    words = page.locator(".pad-stage .draw-soft")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 1, box["y"] + 1, steps=4)
    page.mouse.move(box["x"] - 9, box["y"] - 9)
    page.mouse.up()
    until(lambda: words.inner_text() == "3")
    pad.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: words.inner_text() == "0.98*3 + 0.02*17")
    page.get_by_label("Upper left corner").fill("nobody")
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text="nobody").wait_for()
    assert page.get_by_label("Upper left corner").input_value() == "3"


def test_a_finger_moves_the_point_and_not_the_page(visit, studio_server, drawings):
    page = visit(studio_server, viewport={"width": 390, "height": 700}, has_touch=True)
    page.set_default_timeout(WAIT)
    page.goto(f"{studio_server.base}/drawings")
    page.get_by_role("tab", name="Explore").click()
    page.get_by_label("Generator").first.wait_for()
    pad = page.get_by_role("application")
    pad.locator("img").wait_for()
    pad.scroll_into_view_if_needed()
    box, scrolled = pad.bounding_box(), page.evaluate("scrollY")
    session = page.context.new_cdp_session(page)

    def touch(kind, *at):
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in at
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.5, 0.8))
    for down in (0.7, 0.5, 0.3, 0.25):
        touch("touchMove", (0.5, down))
    touch("touchEnd")
    until(lambda: "25 % down" in pad.get_attribute("aria-label"))
    assert page.evaluate("scrollY") == scrolled
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_sliders_mixing_and_bookmarks_change_what_is_drawn(page, pad, drawings):
    plain = shown(pad)
    page.get_by_role("slider", name="sefa-1").locator("[tabindex]").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    until(lambda: "0.5*sefa-1" in page.locator(".pad-stage .draw-soft").inner_text())
    moved = until(lambda: shown(pad) != plain and shown(pad))
    page.get_by_label("Fine layers from").fill("99")
    page.keyboard.press("Enter")
    mixed = until(lambda: shown(pad) != moved and shown(pad))
    page.get_by_role("slider", name="Coarse layers").locator("[tabindex]").focus()
    page.keyboard.press("ArrowLeft")
    until(lambda: shown(pad) != mixed)
    page.get_by_label("Name").fill("heron")
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="heron to the upper left corner").click()
    until(lambda: page.get_by_role("textbox", name="Upper left corner").input_value() == "heron")
    kept = json.loads((drawings / "known" / "bookmarks.json").read_text())
    assert "sefa-1" in json.dumps(kept)
    page.get_by_role("button", name="Forget heron").click()
    page.get_by_text("None yet").wait_for()


def test_a_way_is_recorded_and_filmed(page, pad, studio_server, drawings):
    words = page.locator(".pad-stage .draw-soft")
    page.get_by_role("button", name="Record").click()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for far in (0.6, 0.8, 1.0):
        before = words.inner_text()
        page.mouse.move(box["x"] + far * box["width"], box["y"] + far * box["height"])
        until(lambda before=before: words.inner_text() != before)
        page.wait_for_timeout(800)
    page.mouse.up()
    page.get_by_role("button", name="Stop recording").click()
    until(lambda: page.locator(".draw-key").count() >= 3)
    pictures = [one.get_attribute("src") for one in page.locator(".draw-key img").all()]
    assert len(set(pictures)) >= 3
    page.get_by_label("Seconds").fill("1")
    page.get_by_role("button", name="Film it").click()
    until(lambda: (drawings / "known-films" / "walk-1.mp4").is_file())
    assert job_of(studio_server, "walk")["command"][1] == "drawings/known"
    film = page.locator("video[aria-label='walk-1']")
    film.wait_for()
    page.wait_for_function("one => one.duration > 0.9", arg=film.element_handle())
    page.get_by_role("button", name="Clear").click()
    until(lambda: page.locator(".draw-key").count() == 0)
    page.get_by_role("button", name="Film it").click()
    page.get_by_role("alert").filter(has_text="a walk needs").wait_for()


# ── training ──


def test_what_a_training_will_take_is_told(page):
    page.step("Train", "drawings/lines")
    page.get_by_label("Preset").first.wait_for()
    choose(page, "Preset", "smoke")
    page.get_by_label("images").first.fill("4000")
    page.get_by_role("button", name="What will it take?").click()
    page.get_by_text("4,000 images in 500 steps; about").wait_for()
    page.get_by_label("images").first.fill("many")
    page.get_by_role("button", name="What will it take?").click()
    page.get_by_text("images: ").wait_for()


def test_a_training_is_begun_stopped_and_gone_on_with(page, studio_server, drawings, still):
    name = f"learned-{len(list(drawings.glob('learned-*')))}"
    page.step("Train", "drawings/lines")
    page.get_by_label("Preset").first.wait_for()
    choose(page, "Preset", "smoke")
    page.get_by_label("images").first.fill("120")
    page.get_by_text("All keys").click()
    page.get_by_label("tick").fill("40")
    page.get_by_label("compared").fill("16")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Train", exact=True).click()
    log = drawings / name / "log.jsonl"
    until(log.exists)
    with still(record_of(studio_server, "train")["pid"]):
        page.get_by_role("img", name="Samples after").wait_for()
        page.get_by_role("button", name="Stop").click()
        until(lambda: job_of(studio_server, "train")["state"] == "stopping")
    until(lambda: job_of(studio_server, "train")["state"] == "stopped")
    assert json.loads(log.read_text().splitlines()[-1])["images"] < 120
    page.get_by_role("button", name="Go on").click()
    until(lambda: job_of(studio_server, "train")["state"] in ("done", "failed"))
    assert job_of(studio_server, "train")["state"] == "done", job_of(studio_server, "train")
    page.get_by_text("after 120 images").wait_for()
    assert page.get_by_role("button", name="After 120 images").count() == 1
    assert page.locator(".draw-chart canvas").count() == 3
    # Pages are decoded into the folder that the studio's own process uses.
    assert list((studio_server.root / ".studio" / "pages").glob("*.npy"))
    page.get_by_role("tab", name="Explore").click()
    page.get_by_label("Generator").first.wait_for()
    choose(page, "Generator", "drawings/known")  # before the other was read
    page.get_by_role("application").locator("img").wait_for()
    until(lambda: page.get_by_role("application").count() == 1)
    page.get_by_role("tab", name="Train").click()
    page.get_by_label("Preset").first.wait_for()  # the pad has a field for a name, too
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("alert").filter(has_text="is there already").wait_for()


@pytest.mark.parametrize("step", ["Scans", "Margins", "Specimens", "Train", "Explore"])
def test_each_step_can_be_used_by_everybody(page, axe, step):
    page.step(step, "drawings/lines")
    page.get_by_role("tab", name=step, selected=True).wait_for()
    ready = {"Train": "What will it take?", "Explore": "Four new samples", "Margins": "Propose",
             "Specimens": "Pick specimens", "Scans": "Check margins and paper"}[step]  # fmt: skip
    page.get_by_role("button", name=ready, exact=True).wait_for()
    if step == "Scans":
        page.get_by_text("Add scans").click()
    page.wait_for_timeout(600)
    assert axe(page) == []
