"""The frame of every page, in a real browser."""

import re
import subprocess
import sys

import pytest

from mutoscope.studio import shell


def test_every_page_has_a_module_of_its_own():
    assert len({page.home for page in shell.PAGES}) == len(shell.PAGES)
    assert len({page.path for page in shell.PAGES}) == len(shell.PAGES)


def test_a_server_that_has_drawn_every_page_holds_no_network():
    # It would be two hundred megabytes and two seconds; what needs them are processes of their own.
    code = (
        "import sys; from mutoscope.studio import app, shell; shell.preload(); "
        "print({'torch', 'scipy', 'av'} & {*sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


@pytest.mark.slow
def test_the_address_leads_to_the_studio_and_the_token_is_gone(new_context, studio_server):
    page = new_context().new_page()
    page.goto(studio_server.address)
    page.wait_for_selector("nav[aria-label=Pages]")
    assert "token" not in page.url
    assert page.url.startswith(studio_server.base)
    assert page.context.cookies()[0]["httpOnly"]


@pytest.mark.slow
def test_the_first_stop_of_the_keyboard_skips_the_header(page, studio_server):
    page.goto(studio_server.base)
    page.wait_for_selector("nav[aria-label=Pages]")
    page.keyboard.press("Tab")
    assert "studio-skip" in page.evaluate("document.activeElement.className")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


@pytest.mark.slow
def test_nothing_comes_from_elsewhere_and_nothing_is_refused(page, studio_server):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(studio_server.base)
    page.wait_for_selector("nav[aria-label=Pages]")
    page.wait_for_timeout(500)
    assert asked
    for address in asked:
        assert re.match(rf"{studio_server.base}/|ws:|data:|blob:", address), address
    assert [said for said in page.said if said.startswith("error")] == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_frame_passes_axe_and_fits(page, studio_server, axe, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(studio_server.base)
    page.wait_for_selector("nav[aria-label=Pages]")
    header = [line for line in axe(page) if "studio-" in line]
    assert header == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
