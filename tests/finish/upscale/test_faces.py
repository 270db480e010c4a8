"""Face restoration by plug-ins."""

from importlib.metadata import EntryPoint

import pytest
import torch

from mutoscope.errors import ExtraError, RunError, SettingsError
from mutoscope.finish.upscale import faces
from mutoscope.finish.upscale.faces import GROUP, load_faces


def brighten(image):
    return image + 0.75


def shrink(image):
    return image[..., ::2, ::2]


def spoil(image):
    return image / 0


@pytest.fixture
def installed(monkeypatch):
    """Registers functions of this file as plug-ins."""

    def register(**values):
        points = [EntryPoint(name, value, GROUP) for name, value in values.items()]
        monkeypatch.setattr(faces, "entry_points", lambda group: points if group == GROUP else [])
        module = type("plug_in", (), {"brighten": brighten, "shrink": shrink, "spoil": spoil})
        monkeypatch.setitem(__import__("sys").modules, "plug_in", module)

    return register


def test_a_plug_in_is_found_and_its_values_are_kept_in_range(installed):
    installed(bright="plug_in:brighten")
    image = torch.full((1, 3, 4, 6), 0.5)
    for name in (None, "bright"):
        assert load_faces(name)(image).equal(torch.ones(1, 3, 4, 6))


@pytest.mark.parametrize(
    ("value", "complaint"), [("shrink", "same size, .*not .1, 3, 2, 3"), ("spoil", "not numbers")]
)
def test_a_plug_in_is_held_to_its_word(installed, value, complaint):
    installed(bad=f"plug_in:{value}")
    with pytest.raises(RunError, match=complaint):
        load_faces()(torch.zeros(1, 3, 4, 6))


@pytest.mark.parametrize(
    ("points", "name", "error", "complaint"),
    [
        ({}, None, ExtraError, "no face restoration is installed"),
        ({"one": "plug_in:brighten", "two": "plug_in:spoil"}, None, SettingsError, "one, two"),
        ({"bright": "plug_in:brighten"}, "brigt", SettingsError, "did you mean 'bright'"),
        ({"bright": "no_such_package:f"}, None, ExtraError, "can't be imported"),
        ({"bright": "plug_in:none"}, None, ExtraError, "can't be imported"),
    ],
)
def test_what_can_not_be_had_is_said(installed, points, name, error, complaint):
    installed(**points)
    with pytest.raises(error, match=complaint):
        load_faces(name)
