"""What a training will take, and that it says so before it begins."""

import pytest

from mutoscope.errors import SettingsError
from mutoscope.studio.drawings import foresight
from mutoscope.studio.drawings.foresight import foresee, presets
from mutoscope.train_gan.presets import DEFAULT, PRESETS
from mutoscope.train_gan.recipe import KEYS


def test_presets_are_told_with_all_of_their_keys():
    told = presets({})
    assert told["default"] == DEFAULT
    assert set(told["presets"]) == set(PRESETS)
    assert [one["name"] for one in told["keys"]] == list(KEYS)
    for name, one in told["presets"].items():
        assert one["values"]["size"] == PRESETS[name].settings.size
        assert set(one["values"]) == set(KEYS)


@pytest.mark.slow
def test_time_grows_with_images_and_memory_with_pictures(single_thread):
    few = foresee({"preset": "smoke", "values": {"images": "801"}})
    many = foresee({"preset": "smoke", "values": {"images": "80100"}})
    assert few["steps"] == 101  # of eight drawings
    assert few["images"] == 801
    assert few["bytes"] == many["bytes"] > 0
    assert few["seconds"] > 0
    assert many["seconds"] > 10 * few["seconds"]
    large = foresee({"preset": "smoke", "values": {"size": "256", "images": "8"}})
    assert large["bytes"] > few["bytes"]


def test_what_is_too_large_is_not_tried(monkeypatch):
    monkeypatch.setattr(foresight, "step_seconds", lambda *_: pytest.fail("was tried"))
    monkeypatch.setattr(foresight, "free_memory", lambda _: 1)
    told = foresee({"preset": "smoke"})
    assert told["seconds"] is None
    assert told["free"] == 1


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({}, "preset"),
        ({"preset": "vast"}, "vast"),
        ({"preset": "smoke", "values": [1]}, "values"),
        ({"preset": "smoke", "values": {"sise": "64"}}, "sise"),
        ({"preset": "smoke", "values": {"size": "65"}}, "size"),
        ({"preset": "smoke", "values": {"images": "0"}}, "images"),
    ],
)
def test_what_is_not_allowed_is_said(request_, word):
    with pytest.raises(SettingsError, match=word):
        foresee(request_)
