"""The page Timeline, in a browser: curves, frames, keys, and settings that are wrong."""

import re
import urllib.error

import pytest

from mutoscope.run.layout import SETTINGS
from mutoscope.studio.compose.draft import Drafts
from mutoscope.studio.timeline.page import RUN_SETTINGS, Source, choices

WAIT = 150_000  # milliseconds for a process that needs torch, on a busy machine
FILM = """file_namespace: seen
scenes: "a fox:1+t | <b>snow</b>:0.5 || a boat:2"
animation_mode: 2D
pre_animation_steps: 2
steps_per_frame: 2
save_every: 2
steps_per_scene: 24
translate_x: {x}
width: 64
height: 48
"""


def test_what_is_written_sent_and_painted_can_be_chosen(place):
    draft = Drafts(place).begin("scenes: a fox\n")
    Drafts(place).begin("  \n")  # of an empty one there is nothing to be seen
    for name in ("own.yaml", "compose/0001.yaml", f"images_out/fox/0001/{RUN_SETTINGS}"):
        path = place.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("scenes: a fox\n")
    (place.root / "compose" / "away.yaml").symlink_to("/etc/hostname")
    found = {choice.key: choice.title for choice in choices(place)}
    assert set(found) == {
        f"draft:{draft.id}", "file:own.yaml", "file:compose/0001.yaml",
        "file:images_out/fox/0001/settings.yaml",
    }  # fmt: skip
    assert found["file:images_out/fox/0001/settings.yaml"] == "run: fox/0001"
    assert next(iter(found)) == f"draft:{draft.id}"
    assert RUN_SETTINGS == SETTINGS


def test_settings_are_read_again_where_they_have_changed(place):
    draft = Drafts(place).begin(FILM.format(x=1))
    source = Source(place, choices(place)[0])
    assert source.changed()
    first = source.read()
    assert not source.changed()
    Drafts(place).write(draft.id, FILM.format(x=2))
    assert source.changed()
    assert source.read().digest != first.digest


def told(page):
    return page.locator(".tl-when").inner_text()


@pytest.mark.slow
def test_curves_are_drawn_and_frames_are_seen(page, studio_server):
    (studio_server.root / "seen.yaml").write_text(FILM.format(x="3*sin(t)"))
    page.goto(studio_server.base + "/timeline?settings=seen.yaml")
    page.wait_for_selector(".tl-picture img", timeout=WAIT)
    page.wait_for_selector(".tl-making", state="detached", timeout=WAIT)

    # Each drawn curve is the figure's, point by point.
    figure = page.evaluate(
        "async () => (await fetch(performance.getEntriesByType('resource').map(r => r.name)"
        ".find(n => n.includes('figure.json')))).json()"
    )
    series = {one["name"]: one["values"] for panel in figure["panels"] for one in panel["series"]}
    assert {"a fox", "<b>snow</b>", "a boat", "translate_x"} <= set(series)
    assert page.locator(".tl-legend b b").count() == 0  # a name is no markup
    drawn = page.locator("path[data-series=translate_x]").first.get_attribute("d")
    points = [tuple(map(float, p.split())) for p in re.split("[ML]", drawn) if p]
    values = series["translate_x"]
    assert len(points) == len(values) == figure["count"]
    span = (points[0][1] - points[-1][1]) / (values[-1] - values[0])
    for place, ((x, y), value) in enumerate(zip(points, values, strict=True)):
        assert x == pytest.approx(1000 * place / (len(values) - 1), abs=1e-3)
        assert points[0][1] - y == pytest.approx(span * (value - values[0]), abs=2e-3)

    # Keys step through the frames, and the picture follows.
    assert "frame 0 of" in told(page)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "frame 3 of" in told(page)
    page.wait_for_selector(".tl-picture img[src$='/000003.jpg']")
    page.keyboard.press("Shift+ArrowRight")
    assert "frame 13 of" in told(page)
    assert "scene 2" in told(page)
    page.keyboard.press("Home")
    slider = page.get_by_role("slider", name="Frame")
    assert slider.get_attribute("aria-valuetext").endswith("scene 1")
    page.get_by_role("button", name=re.compile("^Scene 2, from")).click()
    assert "scene 2" in told(page)

    # It plays to its end, and a curve can be hidden.
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.tl-when').innerText.includes('frame 23 of')")
    button = page.locator(".tl-legend button", has_text="a boat")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert not page.locator("path[data-series='a boat']").is_visible()
    page.get_by_text("The numbers as a table").click()
    page.locator(".tl-table tbody tr").nth(figure["count"] - 1).wait_for()
    assert page.locator(".tl-table tbody tr").count() == figure["count"]
    assert page.said == []


@pytest.mark.slow
def test_it_is_usable_on_a_telephone_and_accessible(page, studio_server, axe):
    (studio_server.root / "seen.yaml").write_text(FILM.format(x="3*sin(t)"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(studio_server.base + "/timeline?settings=seen.yaml")
    page.wait_for_selector(".tl-picture img", timeout=WAIT)
    page.wait_for_selector(".tl-making", state="detached", timeout=WAIT)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe(page) == []


@pytest.mark.slow
def test_a_mistake_is_said_and_mended(page, studio_server):
    path = studio_server.root / "wrong.yaml"
    path.write_text(FILM.format(x="3*sinus(t)"))
    page.goto(studio_server.base + "/timeline?settings=wrong.yaml")
    alert = page.locator(".timeline-fault")
    alert.wait_for(timeout=WAIT)
    assert "sinus" in alert.inner_text()
    assert str(studio_server.root) not in page.content()
    path.write_text(FILM.format(x="1/(frame - 3)"))
    page.wait_for_function(
        "document.querySelector('.timeline-fault').innerText.includes('has no value at frame=3')",
        timeout=WAIT,
    )
    path.write_text(FILM.format(x="2"))
    alert.wait_for(state="hidden", timeout=WAIT)
    page.wait_for_selector(".tl-picture img", timeout=WAIT)


def test_nothing_of_the_studio_s_own_is_given_out(studio_server):
    client = studio_server.client()
    for name in ("..%2fkey", "settings.yaml", "%2e%2e/key"):
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            client.open(f"{studio_server.base}/previews/{'0' * 32}/{name}", timeout=60)
        refused.value.close()  # it is a file, too, which Python 3.14 warns of when it is left open
