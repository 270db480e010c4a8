"""The process with torch is begun when it is needed, and ends by itself."""

import base64
import io
import shutil
import time

import pytest
from PIL import Image

from mutoscope.errors import RunError, SettingsError
from mutoscope.studio.drawings import aide as module
from mutoscope.studio.drawings.aide import Aide


@pytest.mark.slow
def test_it_answers_complains_and_ends_when_idle(place):
    aide = Aide(place, idle=1.0)
    assert not aide.alive
    assert "tiny" in aide.ask({"do": "presets"})["presets"]
    with pytest.raises(SettingsError, match="none of"):
        aide.ask({"do": "rm"})
    assert aide.alive
    deadline = time.monotonic() + 20
    while aide.alive:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_that_dies_or_dawdles_is_told_and_replaced(place, monkeypatch):
    monkeypatch.setattr(module, "_MODULE", "this")  # prints, and is gone: no answer
    with pytest.raises(RunError, match="died"):
        Aide(place).ask({"do": "presets"})
    monkeypatch.setattr(module, "_MODULE", "json.tool")  # waits for the end of stdin
    aide = Aide(place, patience=0.2)
    with pytest.raises(RunError, match="ended"):
        aide.ask({"do": "presets"})
    assert not aide.alive


@pytest.mark.slow
def test_a_generator_is_drawn_by_another_process_and_its_bookmarks_kept(place, small_generator):
    run = str(shutil.copytree(small_generator, place.drawings / "gan"))
    aide = Aide(place)
    try:
        told = aide.ask({"do": "open", "run": run})
        assert (told["size"], told["channels"], told["bookmarks"]) == (32, 1, {})
        asked = {"run": run, "corners": ["1", "2", "3", "4"], "at": [1, 0], "truncation": 0.7}
        drawn = aide.ask({"do": "draw", "side": 64, **asked})
        assert drawn["place"] == "2"
        picture = Image.open(io.BytesIO(base64.b64decode(drawn["jpeg"])))
        assert picture.size == (32, 32)
        with pytest.raises(SettingsError, match="no bookmark"):
            aide.ask({"do": "draw", "side": 64, **asked, "corners": ["1", "x", "3", "4"]})
        aide.ask({"do": "keep", "name": "two", **asked})
        aide.close()
        assert not aide.alive
        assert aide.ask({"do": "open", "run": run})["bookmarks"] == {"two": True}
    finally:
        aide.close()
