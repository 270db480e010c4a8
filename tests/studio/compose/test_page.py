"""The page Compose, in a browser: one draft, written in rows, in fields and as YAML."""

import json
import re

import pytest

from mutoscope.studio.compose.draft import Drafts
from mutoscope.studio.place import Place

pytestmark = pytest.mark.slow  # a browser

EDITOR = ".cm-content"
RIGHT = "These settings are right."
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0"
    "f01f0005050102ced2c1c30000000049454e44ae426082"
)


@pytest.fixture
def compose(page, studio_server):
    """Opens the page with a draft of a text."""

    def opened(text):
        draft = Drafts(Place(studio_server.root)).begin(text)
        page.goto(f"{studio_server.base}/compose?draft={draft.id}")
        page.locator(EDITOR).wait_for()
        return page

    return opened


def write(page, text):
    """Replaces all of the YAML."""
    page.locator(EDITOR).click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def kept(page, studio_server):
    """The draft as it lies on the disk."""
    name = re.search(r"draft=(\w{8})", page.url)[1]
    path = studio_server.root / ".studio" / "drafts" / f"{name}.yaml"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def soon(page, condition):
    for _ in range(1200):
        if condition():
            return
        page.wait_for_timeout(50)
    assert condition()


def test_rows_fields_and_yaml_are_one_text(compose, studio_server):
    page = compose("# mine\nscenes: a fox || snow  # two\nwidth: 64 # narrow\n")
    page.get_by_text(RIGHT).wait_for()
    assert page.get_by_label("Prompt 1 of scene 2", exact=True).input_value() == "snow"
    assert page.get_by_label("width", exact=True).input_value() == "64"

    page.get_by_label("Prompt 1 of scene 1", exact=True).fill("a fox:2 | grass")
    page.keyboard.press("Tab")
    soon(page, lambda: page.get_by_label("weight of prompt 1 of scene 1").input_value() == "2")
    page.get_by_label("mask of prompt 2 of scene 1").fill("d")
    page.get_by_label("width", exact=True).fill("96")
    wanted = "# mine\nscenes: a fox:2 | grass:1_d || snow  # two\nwidth: 96 # narrow\n"
    soon(page, lambda: kept(page, studio_server).replace('"', "") == wanted)
    soon(page, lambda: "width: 96" in page.locator(EDITOR).inner_text())

    write(page, "scenes: a whale\nheight: 128\n")
    soon(page, lambda: page.get_by_label("height", exact=True).input_value() == "128")
    assert page.get_by_label("width", exact=True).input_value() == ""
    assert page.get_by_label("Prompt 1 of scene 1", exact=True).input_value() == "a whale"


def test_what_is_wrong_is_said_at_its_field_its_line_and_its_prompt(compose):
    page = compose("scenes: a fox | b:c\nwidth: abc\n")
    said = page.locator(".compose-said")
    soon(page, lambda: said.count() == 2)
    assert "'abc' is not allowed; give a whole number from 16" in said.last.inner_text()
    field = page.locator(".compose-field", has=page.get_by_label("width", exact=True))
    assert "width: 'abc' is not allowed" in field.inner_text()
    wrong = page.locator(".compose-wrong")
    assert wrong.get_by_label("Prompt 2 of scene 1", exact=True).input_value() == "b"
    page.get_by_label("width", exact=True).fill("64")
    page.get_by_label("weight of prompt 2 of scene 1").fill("2")
    page.get_by_text(RIGHT).wait_for()
    assert wrong.count() == 0


def test_yaml_that_can_not_be_read_leaves_the_rest_standing(compose, studio_server):
    page = compose("scenes: a fox\nwidth: 64\n")
    page.get_by_text(RIGHT).wait_for()
    write(page, "scenes: a fox\nwidth: [64\n")
    page.get_by_text("is not YAML").first.wait_for()
    page.get_by_label("width", exact=True).fill("96")
    page.get_by_text("the YAML can't be read, so mend it first").first.wait_for()
    soon(page, lambda: kept(page, studio_server) == "scenes: a fox\nwidth: [64\n")


def test_scenes_and_prompts_come_and_go(compose, studio_server):
    page = compose("scenes: a fox\n")
    page.get_by_text(RIGHT).wait_for()
    page.get_by_role("button", name="Scene", exact=True).click()
    page.get_by_label("Prompt 1 of scene 2", exact=True).fill("a whale")
    page.get_by_label("Add a prompt of scene 1").click()
    page.get_by_label("Prompt 2 of scene 1", exact=True).fill("grass")
    soon(page, lambda: "a fox | grass\n  || a whale" in kept(page, studio_server))
    page.get_by_label("Move scene 2 earlier").click()
    soon(page, lambda: page.get_by_label("Prompt 1 of scene 1", exact=True).input_value()
         == "a whale")  # fmt: skip
    page.get_by_label("Delete scene 1").click()
    soon(page, lambda: "whale" not in kept(page, studio_server))
    page.get_by_text("steps 0 – 100").wait_for()


def test_a_draft_survives_a_reload_and_another_browser_sees_it(compose, visit, studio_server):
    page = compose("scenes: a badger\n")
    page.get_by_text(RIGHT).wait_for()
    page.reload()
    soon(page, lambda: "a badger" in page.locator(EDITOR).inner_text())
    other = visit(studio_server)
    other.goto(page.url)
    other.get_by_label("Prompt 1 of scene 1", exact=True).fill("a heron")
    soon(page, lambda: page.get_by_label("Prompt 1 of scene 1", exact=True).input_value()
         == "a heron")  # fmt: skip


def test_a_search_finds_keys_and_help_tells_of_them(compose):
    page = compose("scenes: a fox\n")
    page.get_by_label("Search the settings").fill("palette size")
    page.get_by_label("palette_size", exact=True).wait_for()
    page.get_by_label("Help for palette_size").click()
    page.get_by_text("allowed:").wait_for()
    page.get_by_role("button", name="Close").click()
    page.get_by_label("Search the settings").fill("")
    page.get_by_text("All settings").click()
    page.get_by_text("Stabilisation").click()
    page.get_by_label("flow_stabilization_weight", exact=True).wait_for()


def test_a_picture_is_brought_and_named(compose, studio_server, axe):
    page = compose("scenes: a fox\n")
    page.get_by_label("Choose a file for init_image").click()
    bring = page.get_by_role("button", name="Bring a picture")
    bring.wait_for()
    page.wait_for_timeout(400)  # the dialog fades in
    # Its contrasts are judged on the page: here axe misses the ground that the button stands on.
    assert axe(page, within=".q-dialog", but=["color-contrast"]) == []
    with page.expect_file_chooser() as chooser:
        bring.click()
    chooser.value.set_files({"name": "my cat (1).png", "mimeType": "image/png", "buffer": PNG})
    soon(page, lambda: "uploads/my-cat-1.png" in kept(page, studio_server))
    # The page hears of it after the draft does.
    field = page.get_by_label("init_image", exact=True)
    soon(page, lambda: field.input_value() == "uploads/my-cat-1.png")
    (brought,) = (studio_server.root / "uploads").iterdir()
    assert brought.read_bytes() == PNG


def test_paint_sends_the_settings_file_to_the_queue(compose, studio_server):
    page = compose(
        "scenes: a fox\nperceptors: tiny\nwidth: 32\nheight: 32\nsteps_per_scene: 2\ncutouts: 2\n"
    )
    page.get_by_text(RIGHT).wait_for()
    page.get_by_role("button", name="Paint", exact=True).click()
    jobs = studio_server.root / ".studio" / "jobs"
    soon(page, lambda: any("render" in p.read_text() for p in jobs.glob("*.json")))
    records = [json.loads(path.read_text()) for path in jobs.glob("*.json")]
    command = next(r for r in records if "render" in json.dumps(r))
    name = re.search(r"compose/\d{4}\.yaml", json.dumps(command))[0]
    text = (studio_server.root / name).read_text()
    assert text.startswith("scenes: a fox\n")
    assert text.endswith('paths_from: ".."\n')


def test_the_page_can_be_used_by_everybody(compose, axe):
    page = compose("scenes: a fox || snow\nwidth: abc\nzoom_x_2d: 3\n")
    page.get_by_text("'abc' is not allowed").first.wait_for()
    assert axe(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [line for line in page.said if line.startswith("error")] == []
