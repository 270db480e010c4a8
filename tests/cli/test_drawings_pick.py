"""The command that serves the page for picking specimens."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from PIL import Image

pytest.importorskip("mutoscope.picking.server")


@pytest.fixture
def pages(here):
    folder = here / "pages"
    folder.mkdir()
    for number in range(2):
        Image.new("L", (300, 200), 255).save(folder / f"{number}.png", dpi=(100, 100))
    return folder


def test_it_serves_until_ctrl_c_which_is_no_error(pages):
    ran = subprocess.Popen(
        [sys.executable, "-m", "mutoscope", "drawings", "pick", pages, "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        address = ran.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310 - our own
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            urllib.request.urlopen(address.partition("?")[0], timeout=20)  # noqa: S310
        refused.value.close()  # it is a file, too, which Python 3.14 warns of when it is left open
        ran.send_signal(signal.SIGINT)
        out, err = ran.communicate(timeout=20)
    finally:
        ran.kill()
    assert (ran.returncode, out) == (0, "")
    assert err.splitlines() == [
        "Ctrl-C ends it; what is picked is saved at once",
        f"0 specimens on 2 pages: {pages}/specimens.json",
    ]


def test_the_browser_is_opened_at_the_address(pages, call, monkeypatch):
    from mutoscope.picking import server

    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(server, "serve", lambda app, heard: heard.close())
    code, out, _ = call("drawings", "pick", pages)
    assert (code, opened) == (0, out)


def test_what_cannot_be_served_is_said(pages, here, call, monkeypatch):
    code, _, err = call("drawings", "pick", here / "none")
    assert code == 2
    assert "does not exist" in err[-1]
    (pages / "specimens.json").write_text("{}")
    code, _, err = call("drawings", "pick", pages, "--no-browser")
    assert code == 2
    assert "no list of pages" in err[-1]
    for name in ("mutoscope.picking.server", "uvicorn"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("mutoscope.picking.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, _, err = call("drawings", "pick", pages, "--no-browser")
    assert code == 2
    assert "needs the package uvicorn; pip install 'mutoscope[studio]'" in err[-1]
