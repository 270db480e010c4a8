"""The browser that tests of pages use does not hang them."""

import os
import signal

import pytest

pytestmark = pytest.mark.slow  # a browser


def test_a_browser_that_no_longer_answers_is_ended_and_replaced(chromium, monkeypatch):
    monkeypatch.setattr(chromium, "PATIENCE", 0.5)
    context = chromium.new_context()
    context.new_page().set_content("<p>here</p>")
    for number in list(chromium.processes()):
        os.kill(number, signal.SIGSTOP)
    chromium.close(context)
    assert list(chromium.processes()) == []

    monkeypatch.undo()
    page = chromium.new_context().new_page()
    page.set_content("<p>here again</p>")
    assert page.inner_text("p") == "here again"
