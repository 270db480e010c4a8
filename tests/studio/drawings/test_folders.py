"""Uploads are refused when hostile, and folders listed without leaving the place."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from mutoscope.errors import MediaError, SettingsError
from mutoscope.studio.drawings import folders as drawing_folders
from mutoscope.studio.drawings.folders import (
    new_folder,
    pages_in,
    safe_name,
    scans_in,
    take_in,
    trainings_in,
)


def png(size=(30, 20)):
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0]), np.uint8)
    Image.fromarray(pixels).save(file, "PNG", dpi=(200, 200))
    return file.getvalue()


class Sent:
    """A file that was sent, as a page hands it on."""

    def __init__(self, data):
        self.data = data

    def size(self):
        return len(self.data)

    async def save(self, path):
        path.write_bytes(self.data)


def taken(place, folder, name, data):
    return asyncio.run(take_in(place, folder, name, Sent(data)))


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("page 01.png", "page 01.png"),
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\x\\a.png", "a.png"),
        (".hidden.png", "hidden.png"),
        ("zeichnung-ä.tif", "zeichnung-ä.tif"),
        ("a\x00b\n<script>.png", "a-b-script-.png"),
        ("CON.png", "_CON.png"),
        ("...", ""),
        ("x" * 300 + ".png", "x" * 76 + ".png"),
    ],
)
def test_names_are_made_safe(given, safe):
    assert safe_name(given) == safe


def test_an_uploaded_scan_is_listed_and_never_replaces_another(place):
    folder = new_folder(place, "my lines")
    first = taken(place, folder, "a.png", png())
    second = taken(place, folder, "../a.png", png((10, 10)))
    assert (first.name, second.name) == ("a.png", "a-2.png")
    assert first.read_bytes() == png()
    (found,) = scans_in(place)
    assert (found.name, found.files) == ("drawings/my lines", 2)
    pages, wrong = pages_in(folder)
    assert sorted(page.size for page in pages) == [(10, 10), (30, 20)]
    assert not wrong
    assert sorted(path.name for path in folder.iterdir()) == ["a-2.png", "a.png"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.html", b"<script>"),
        ("a.svg", b"<svg/>"),
        ("a.png", b"<script>alert(1)</script>"),
        ("a.png", png()[:40]),
        ("a", png()),
        (".png", png()),
        ("a.png.exe", png()),
    ],
)
def test_what_is_no_scan_is_refused_and_leaves_nothing(place, name, data):
    folder = new_folder(place, "mine")
    with pytest.raises(MediaError) as caught:
        taken(place, folder, name, data)
    assert str(place.root) not in str(caught.value)
    assert not list(folder.iterdir())


def test_limits_hold(place, monkeypatch):
    folder = new_folder(place, "mine")
    monkeypatch.setattr(drawing_folders, "MOST_BYTES", 100)
    with pytest.raises(MediaError, match="large"):
        taken(place, folder, "a.png", png())
    monkeypatch.setattr(drawing_folders, "MOST_BYTES", 10**6)
    monkeypatch.setattr(drawing_folders, "MOST_FILES", 1)
    taken(place, folder, "a.png", png())
    with pytest.raises(MediaError, match="holds 1"):
        taken(place, folder, "b.png", png())
    monkeypatch.setattr(drawing_folders, "MOST_FILES", 9)
    monkeypatch.setattr(drawing_folders, "MOST_TOTAL", len(png()) + 1)
    with pytest.raises(MediaError, match="more than"):
        taken(place, folder, "b.png", png())


def test_nothing_is_written_through_a_link_out_of_the_place(place, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (place.drawings / "link").symlink_to(outside)
    with pytest.raises(MediaError):
        new_folder(place, "link")
    with pytest.raises(MediaError):
        taken(place, outside, "a.png", png())
    assert not list(outside.iterdir())


@pytest.mark.parametrize("name", ["", "..", "/", "\x00", "..."])
def test_folders_without_a_name_are_refused(place, name):
    with pytest.raises(SettingsError):
        new_folder(place, name)


def test_runs_links_hidden_folders_and_trainings_are_no_scans(place, tmp_path, small_generator):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.png").write_bytes(png())
    (place.root / "out").symlink_to(tmp_path / "outside")
    for name in ("images_out/run", ".hidden", "drawings/gan/samples", "mine/deep"):
        (place.root / name).mkdir(parents=True)
        (place.root / name / "a.png").write_bytes(png())
    (place.root / "drawings/gan/settings.json").write_text('{"kind": "mutoscope train"}')
    assert [one.name for one in scans_in(place)] == ["mine/deep"]
    assert trainings_in(place) == ["drawings/gan"]
    data = (small_generator / "generator.safetensors").read_bytes()
    (place.root / "lies").mkdir()
    (place.root / "lies" / "generator.safetensors").write_bytes(data)
    assert trainings_in(place)[0] == "lies"  # the newest first
