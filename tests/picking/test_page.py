"""The page in a real browser: what is clicked is in the file, in the scan's pixels."""

import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from mutoscope import atomic
from mutoscope.drawings.specimens import NAME, read_specimens

DOTS = ((310.5, 250.5), (1400.5, 300.5), (700.5, 900.5))  # as the folder's pages have them
QUIET = "() => document.querySelector('#board').dataset.pending === '0'"
SAVED = "() => document.querySelector('#saved').textContent.startsWith('Saved')"


class Hand:
    """What a draughtsman does with the page."""

    def __init__(self, page, folder):
        self.page, self.folder = page, folder
        self.faults = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on(
            "console", lambda said: self.faults.append(said.text) if said.type == "error" else 0
        )

    def settle(self):
        self.page.wait_for_function(SAVED)
        self.page.wait_for_function(QUIET)
        # Two frames: one that draws what has come, one that has been drawn.
        self.page.evaluate("() => new Promise(done => requestAnimationFrame("
                           "() => requestAnimationFrame(done)))")  # fmt: skip

    def view(self):
        return json.loads(self.page.get_attribute("#board", "data-view"))

    def dots(self):
        """Where dark dots are seen, in CSS pixels of the window, found in a picture of it."""
        self.settle()
        box = self.page.locator("#board").bounding_box()
        shot = Image.open(io.BytesIO(self.page.screenshot(clip=box, scale="css")))
        dark = 255.0 - np.asarray(shot.convert("L"), np.float64)
        mask = (dark > 120).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        found = []
        for label in range(1, len(stats)):
            left, top, wide, high, _ = stats[label]
            part = dark[max(0, top - 2) : top + high + 2, max(0, left - 2) : left + wide + 2]
            edge = left == 0 or top == 0 or left + wide == mask.shape[1]
            if abs(wide - high) > 2 or wide < 4 or edge or top + high == mask.shape[0]:
                continue  # not whole
            rows, cols = np.indices(part.shape) + 0.5
            x = max(0, left - 2) + (part * cols).sum() / part.sum()
            y = max(0, top - 2) + (part * rows).sum() / part.sum()
            found.append((box["x"] + x, box["y"] + y))
        return found

    def picked(self, name="p0"):
        self.settle()
        return read_specimens(self.folder / NAME)[name][1]

    def count(self, page):
        return self.page.locator("#strip b").nth(page).inner_text()


@pytest.fixture
def hand(new_context, served, folder):
    context = new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.goto(served)
    hand = Hand(page, folder)
    hand.settle()
    yield hand
    assert [fault for fault in hand.faults if "409 (C" not in fault and "500 (" not in fault] == []


def nearest(specimen):
    return min(float(np.hypot(specimen.x - x, specimen.y - y)) for x, y in DOTS)


def test_clicked_centres_are_in_the_file_to_within_a_pixel(hand):
    for presses in (0, 3, 8):  # the whole page, larger, larger than the scan
        hand.page.keyboard.press("0")
        dots = sorted(hand.dots())
        assert len(dots) == 3
        x, y = dots[0]
        for _ in range(presses):
            hand.page.mouse.move(x, y)
            hand.page.mouse.wheel(0, -150)
        [(x, y), *_] = sorted(hand.dots(), key=lambda dot: np.hypot(dot[0] - x, dot[1] - y))
        hand.page.mouse.click(x, y)
        [one] = hand.picked()
        assert nearest(one) < 1, (hand.view(), one)
        hand.page.keyboard.press("Control+z")
        assert hand.picked() == []
    assert hand.view()["zoom"] > 2


def test_undo_redo_pages_and_a_reload(hand):
    first, second, third = sorted(hand.dots())
    hand.page.mouse.click(*first)
    hand.page.mouse.click(*second)
    hand.page.keyboard.press("PageDown")
    hand.page.mouse.click(*third)
    assert [hand.count(page) for page in range(3)] == ["2", "1", "0"]
    hand.page.click("#undo")
    hand.settle()
    assert hand.picked("p1") == []
    hand.page.click("#undo")
    assert len(hand.picked("p0")) == 1
    assert hand.view()["page"] == 0  # it shows what it takes back
    hand.page.click("#redo")
    before = hand.picked("p0")
    assert len(before) == 2
    hand.page.reload()
    hand.settle()
    assert "token" not in hand.page.url
    assert [hand.count(page) for page in range(3)] == ["2", "0", "0"]
    assert hand.picked("p0") == before
    hand.page.keyboard.press("Control+z")  # steps outlive a reload
    assert len(hand.picked("p0")) == 1


def test_keys_move_size_turn_and_remove_the_chosen_place(hand):
    hand.page.mouse.click(*sorted(hand.dots())[0])
    [one] = hand.picked()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown", ".", "Shift+>"):
        hand.page.keyboard.press(key)
    [moved] = hand.picked()
    assert (moved.x, moved.y) == (pytest.approx(one.x + 2), pytest.approx(one.y + 10))
    assert (moved.side, moved.angle) == (one.side, 16)
    hand.page.fill("#side", "140")
    hand.page.keyboard.press("Enter")
    assert hand.picked()[0].side == 140
    hand.page.keyboard.press("Delete")
    assert hand.picked() == []
    hand.page.keyboard.press("Enter")  # the middle of the view is the middle of the page
    [middle] = hand.picked()
    assert (middle.x, middle.y, middle.side) == (pytest.approx(900), pytest.approx(650), 140)


def test_a_place_is_dragged_in_one_step_and_the_view_too(hand):
    x, y = sorted(hand.dots())[0]
    hand.page.mouse.click(x, y)
    [one] = hand.picked()
    hand.page.mouse.move(x, y)
    hand.page.mouse.down()
    for far in range(10, 101, 10):
        hand.page.mouse.move(x + far, y)
    hand.page.mouse.up()
    [moved] = hand.picked()
    assert moved.x - one.x == pytest.approx(100 / hand.view()["zoom"], abs=0.1)
    assert moved.y == pytest.approx(one.y, abs=0.1)
    hand.page.click("#undo")
    assert hand.picked() == [one]
    before = hand.view()
    hand.page.mouse.move(x + 200, y + 100)
    hand.page.mouse.down()
    hand.page.mouse.move(x + 250, y + 100, steps=4)
    hand.page.mouse.up()
    hand.settle()
    assert hand.view()["x"] == pytest.approx(before["x"] - 50 / before["zoom"])
    assert hand.picked() == [one]


def test_proposals_add_what_is_not_picked_yet(hand):
    first, second, _ = sorted(hand.dots())
    hand.page.mouse.click(*first)
    hand.page.keyboard.press("Escape")
    hand.page.fill("#side", "10")
    hand.page.keyboard.press("Enter")
    hand.page.mouse.click(second[0] + 20 * hand.view()["zoom"], second[1])  # beside it is not it
    hand.page.click("#propose")
    hand.page.wait_for_function("() => document.querySelector('#strip b').textContent === '4'")
    beside = hand.picked().pop(1)
    assert nearest(beside) == pytest.approx(20, abs=1)
    assert all(nearest(one) < 2 for one in hand.picked() if one != beside)
    hand.page.click("#propose-empty")
    hand.page.wait_for_function("() => document.querySelectorAll('#strip b')[1].textContent > 2")
    assert [len(hand.picked(f"p{page}")) for page in range(3)] == [4, 3, 0]
    hand.page.click("#undo")
    hand.settle()
    assert [len(hand.picked(f"p{page}")) for page in range(3)] == [4, 0, 0]


def test_a_narrow_window_holds_it_all(hand):
    hand.page.set_viewport_size({"width": 390, "height": 844})
    hand.settle()
    assert hand.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for button in hand.page.locator("button").all():
        assert (button.get_attribute("aria-label") or button.inner_text()).strip()
    box = hand.page.locator("#board").bounding_box()
    assert box["width"] > 380
    assert box["height"] > 400
    hand.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    [one] = hand.picked()
    assert one.x == pytest.approx(900, abs=3)


def test_what_another_program_writes_is_shown_and_never_overwritten(hand, book):
    hand.page.mouse.click(*sorted(hand.dots())[0])
    data = json.loads((hand.folder / NAME).read_text()) if hand.picked() else {}
    data["pages"][1]["specimens"] = [{"x": 5, "y": 6, "side": 7, "angle": 0}]
    (hand.folder / NAME).write_text(json.dumps(data))
    hand.page.mouse.click(*sorted(hand.dots())[-1])
    hand.page.wait_for_selector("#notice:not([hidden])")
    hand.settle()
    assert "changed elsewhere" in hand.page.inner_text("#notice")
    assert [hand.count(page) for page in range(3)] == ["1", "1", "0"]
    assert len(hand.picked("p1")) == 1


def test_what_could_not_be_saved_is_saved_with_the_next_change(hand, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "no space")

    first, second, third = sorted(hand.dots())
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write_text", full)
        hand.page.mouse.click(*first)
        hand.page.wait_for_selector("#saved.wrong")
        assert "the terminal says why" in hand.page.inner_text("#notice")
        assert str(hand.folder) not in hand.page.inner_text("body")
    assert not (hand.folder / NAME).exists()
    hand.page.mouse.click(*second)
    assert len(hand.picked()) == 2
    hand.page.mouse.click(*third)
    assert sorted(map(nearest, hand.picked()))[-1] < 3


def test_a_finger_picks_too(new_context, served, folder):
    context = new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, device_scale_factor=2
    )
    hand = Hand(context.new_page(), folder)
    hand.page.goto(served)
    x, y = sorted(hand.dots())[0]
    hand.page.touchscreen.tap(x, y)
    [one] = hand.picked()
    assert nearest(one) < 3 / hand.view()["zoom"]
    assert hand.faults == []


def test_two_windows_show_the_same(hand):
    other = hand.page.context.new_page()
    other.goto(hand.page.url)
    other.wait_for_function(SAVED)
    hand.page.mouse.click(*sorted(hand.dots())[0])
    hand.settle()
    other.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    other.wait_for_function("() => document.querySelector('#strip b').textContent === '1'")
