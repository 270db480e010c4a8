"""The fence: what other people's settings may read."""

from pathlib import Path

import pytest

from mutoscope import fence
from mutoscope.errors import MediaError, SettingsError
from mutoscope.fetch import fetch_picture
from mutoscope.settings import load_settings


@pytest.fixture
def fenced(tmp_path, monkeypatch):
    """A folder with a fence around it."""
    folder = tmp_path / "studio"
    folder.mkdir()
    monkeypatch.setenv(fence.VARIABLE, "")
    fence.put_up(folder)
    return folder


def test_without_one_all_is_allowed(monkeypatch, tmp_path):
    monkeypatch.delenv(fence.VARIABLE, raising=False)
    assert not fence.is_up()
    fence.refuse_outside("/etc/passwd")
    settings = load_settings({"scenes": "a fox"}, base=tmp_path)
    assert settings.resolve("/etc/passwd") == "/etc/passwd"


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.png", "~/secret.png", "link.png"])
def test_settings_name_nothing_outside(fenced, path):
    (fenced / "link.png").symlink_to(fenced.parent / "secret.png")
    settings = load_settings({"scenes": "a fox", "init_image": path}, base=fenced)
    with pytest.raises(SettingsError, match="lies outside of the studio's folder") as caught:
        settings.resolve(settings.init_image)
    assert str(fenced.parent) not in str(caught.value)


def test_settings_name_nothing_of_the_studio_itself(fenced):
    settings = load_settings({"scenes": "a fox", "init_image": ".studio/key"}, base=fenced)
    with pytest.raises(SettingsError, match="lies outside"):
        settings.resolve(settings.init_image)


def test_networks_lie_where_the_machine_has_them_and_nowhere_else_outside(fenced):
    usual = load_settings({"scenes": "a fox"}, base=fenced)
    assert usual.models_folder == Path("~/.cache").expanduser()
    within = load_settings({"scenes": "a fox", "models_parent_dir": "networks"}, base=fenced)
    assert within.models_folder == fenced / "networks"
    outside = load_settings({"scenes": "a fox", "models_parent_dir": "/usr/share"}, base=fenced)
    with pytest.raises(SettingsError, match="lies outside"):
        _ = outside.models_folder


def test_settings_name_what_lies_within(fenced):
    settings = load_settings({"scenes": "a fox"}, base=fenced)
    assert settings.resolve("a/b.png") == str(fenced / "a/b.png")
    assert settings.resolve("https://example.org/a.png") == "https://example.org/a.png"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]"])
def test_private_addresses_are_not_fetched(fenced, host):
    with pytest.raises(MediaError, match="public"):
        fetch_picture(f"http://{host}:9/a.png")
