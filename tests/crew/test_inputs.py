"""The files that go along with a task: those that its settings name, and no others."""

from pathlib import Path

import pytest

from mutoscope.crew.inputs import inputs_of
from mutoscope.crew.task import Task
from mutoscope.elsewhere import BROUGHT, brought, place_under
from mutoscope.errors import SettingsError
from mutoscope.settings import load_settings


def task(folder, **order):
    return Task("a", "run", folder, order)


@pytest.fixture
def desk(tmp_path):
    names = ["init.png", "my_mask.png", "photo_2.png", "song.wav", "other.txt", "off", "clip/1.png",
             "fox/big.bin", "gan/generator.safetensors", "gan/state/9.safetensors"]  # fmt: skip
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def test_settings_take_along_what_they_name(desk):
    settings = load_settings(
        {
            "scenes": "a fox:2_[my_mask.png] | [photo_2.png]:0.5",
            "direct_image_prompts": "photo_2.png:0.5_my_mask.png",
            "init_image": "init.png",
            "input_audio": str(desk / "song.wav"),
            "file_namespace": "fox",
            "image_model": "Fourier",
        },
        base=desk,
    )
    found = inputs_of(task(desk / "run", settings=settings.to_dict()))
    wanted = {"my_mask.png", "photo_2.png", "init.png", "song.wav"}
    assert {path.name for path in found} - {"off"} == wanted
    assert all(path.is_absolute() for path in found)


def test_of_a_training_only_the_generator_goes_and_of_a_folder_all(desk):
    order = {"files": [str(desk / "gan"), str(desk / "clip"), str(desk / "gone.png")]}
    found = inputs_of(task(desk, **order))
    assert found == [desk / "gan" / "generator.safetensors", desk / "clip" / "1.png"]


def test_settings_that_cannot_be_read_are_refused(desk):
    with pytest.raises(SettingsError):
        inputs_of(task(desk, settings={"widht": 3}))


def test_what_was_brought_is_found_by_its_path_elsewhere(desk, tmp_path, monkeypatch):
    root, home = tmp_path / "root", Path("/home/somebody/pictures")
    there = place_under(root, home / "init.png")
    there.parent.mkdir(parents=True)
    there.write_bytes(b"")
    settings = load_settings({"scenes": "a fox", "init_image": "../pictures/init.png"}, base=home)
    assert settings.resolve(settings.init_image) == str(home / "../pictures/init.png")
    monkeypatch.setenv(BROUGHT, str(root))
    assert settings.resolve(settings.init_image) == str(there)
    assert settings.resolve("absent.png") == str(home / "absent.png")
    assert brought(desk / "init.png") == desk / "init.png"
    assert settings.to_dict()["init_image"] == "../pictures/init.png"
