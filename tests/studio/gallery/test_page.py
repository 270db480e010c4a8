"""The pages Render and Gallery in a real browser, on a studio that runs."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from mutoscope.settings import load_settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(studio_server, small):
    """Three runs in the studio's folder: of a fox, an owl, and a moor that was stopped."""
    made = {}
    for seed, (name, steps) in enumerate({"fox": 4, "owl": 4, "moor": 2}.items()):
        folder = studio_server.root / "images_out" / name / name
        (folder / "frames").mkdir(parents=True)
        values = {**small, "scenes": f"a {name}", "seed": seed, "file_namespace": name}
        settings = load_settings(values, base=studio_server.root, quiet=True)
        (folder / "settings.yaml").write_text(settings.to_yaml())
        (folder / "run.json").write_text(json.dumps({"base": name}))
        lines = [json.dumps({"step": k + 1, "total": 1.0 / (k + 1)}) for k in range(steps)]
        (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "frames" / f"{name}_1.png")
        made[name] = folder
    return made


@pytest.fixture
def gallery(page, studio_server, runs):
    page.goto(f"{studio_server.base}/gallery")
    page.locator(".tile").nth(2).wait_for()
    return page


def tile(page, name):
    return page.get_by_role("button", name=re.compile(rf"^a {name}, "))


def test_words_are_looked_for(gallery):
    gallery.get_by_label("Search prompts and settings").fill("seed=1 owl")
    tile(gallery, "fox").wait_for(state="detached")
    assert gallery.locator(".tile").count() == 1
    assert tile(gallery, "owl").is_visible()


def test_keys_move_open_and_close(gallery):
    first, second = (gallery.locator(".tile-button").nth(k) for k in (0, 1))
    first.focus()
    gallery.keyboard.press("ArrowRight")
    assert second.evaluate("one => one === document.activeElement")
    gallery.keyboard.press("ArrowLeft")
    assert first.evaluate("one => one === document.activeElement")
    title = first.locator(".tile-name").inner_text()
    gallery.keyboard.press("Enter")
    gallery.get_by_role("heading", name=title).wait_for()
    gallery.keyboard.press("Escape")
    gallery.get_by_role("heading", name=title).wait_for(state="hidden")


def test_a_picture_tells_its_recipe_and_no_path(gallery, studio_server):
    tile(gallery, "fox").click()
    gallery.get_by_text("The command that makes it again").wait_for()
    assert "perceptors=tiny" in gallery.locator(".said").inner_text()
    assert str(studio_server.root) not in gallery.content()


def test_two_are_compared(gallery):
    tile(gallery, "fox").click()
    gallery.get_by_role("button", name="Compare with…").click()
    gallery.get_by_text("Open the one to compare with “a fox”").wait_for()
    tile(gallery, "owl").click()
    gallery.get_by_role("button", name="Swipe").click()
    slider = gallery.get_by_label("How much of the second is seen")
    slider.focus()
    for _ in range(10):
        gallery.keyboard.press("ArrowRight")
    gallery.wait_for_function(
        "one => one.parentElement.style.getPropertyValue('--at') === '60'",
        arg=slider.element_handle(),
    )
    assert gallery.locator(".recipe").last.inner_text().split() == [
        "scenes", "a", "fox", "→", "a", "owl", "seed", "0", "→", "1",
        "file_namespace", "fox", "→", "owl",
    ]  # fmt: skip


def test_what_is_deleted_can_be_put_back(gallery, runs):
    tile(gallery, "moor").click()
    gallery.get_by_role("button", name="Delete…").click()
    gallery.get_by_role("button", name="Cancel").click()
    assert runs["moor"].is_dir()
    gallery.get_by_role("button", name="Delete…").click()
    gallery.get_by_role("button", name="Delete", exact=True).click()
    tile(gallery, "moor").wait_for(state="detached")
    assert not runs["moor"].exists()
    gallery.get_by_role("button", name="Wastebasket").click()
    gallery.get_by_role("button", name="Put back a moor").click()
    gallery.get_by_text("The wastebasket is empty").wait_for()
    assert (runs["moor"] / "frames" / "moor_1.png").is_file()
    gallery.get_by_role("button", name="Close").click()
    tile(gallery, "moor").wait_for()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_gallery_can_be_used_by_all(gallery, axe, width):
    gallery.set_viewport_size({"width": width, "height": 800})
    assert gallery.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(gallery) == []
    tile(gallery, "fox").click()
    gallery.get_by_text("The command that makes it again").wait_for()
    assert axe(gallery) == []


def test_again_is_painted_and_all_browsers_see_it(gallery, studio_server, visit):
    other = visit(studio_server)
    other.goto(f"{studio_server.base}/render")
    other.get_by_text("Nothing is being painted").wait_for()
    tile(gallery, "fox").click()
    gallery.get_by_role("button", name="Again with another seed").click()
    card = other.locator(".job").filter(has_text=re.compile(r"a fox · seed \d+"))
    card.wait_for()
    other.reload()
    card.filter(has_text="done").wait_for(timeout=120_000)
    card.get_by_role("button", name=re.compile("^Look at a fox")).click()
    other.get_by_role("heading", name="a fox").wait_for()
