"""show: from a picture back to the generator, its training and the scans."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mutoscope.gan.files import read_origin
from mutoscope.provenance import read_recipe
from mutoscope.train_gan import lesson

KEYS = (
    "z=8", "w=8", "cbase=64", "cmax=4", "batch=4", "images=16", "tick=8", "compared=8",
    "path_weight=0", "penalty_every=16",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_network(monkeypatch, single_thread, here):
    monkeypatch.setattr(lesson, "embedded_embedding", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))


@pytest.fixture
def pages(here):
    """Two tiny pages of lines."""
    (here / "pages").mkdir()
    rng = np.random.default_rng(0)
    for index in range(2):
        page = np.full((220, 170), 255, np.uint8)
        for row in rng.integers(20, 200, 12):
            page[row : row + 2, 15:150] = 0
        Image.fromarray(page).save(here / f"pages/{index}.png", dpi=(20, 20))
    return here / "pages"


@pytest.fixture
def trained(call, here, pages):
    """The folder of a training on them."""
    code, _, err = call("train", "pages", "--preset", "smoke", "-o", "lines", *KEYS)
    assert code == 0, err
    return here / "lines"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shown(call, *words):
    code, out, err = call("show", *words)
    assert (code, err) == (0, [])
    return [line.removeprefix("# ") for line in out]


def test_a_frame_of_a_walk_leads_back_to_the_scans(call, here, pages, trained):
    walk = ("walk", "lines", "--segments", "2", "--frames", "4", "--pace", "raw")
    assert call(*walk, "-o", "walk")[0] == 0
    assert call(*walk, "-o", "walk.mp4")[0] == 0
    scans = {name: sha256(pages / name) for name in ("0.png", "1.png")}
    listed = "".join(f"{digest}  {name}\n" for name, digest in scans.items()).encode()
    generator = sha256(trained / "generator.safetensors")
    images = read_origin(trained / "generator.safetensors").images
    for picture in ("walk/walk_3.png", "walk.mp4"):
        lines = shown(call, picture)
        assert f"generator: sha256 {generator}" in lines
        assert any(f"of the training lines: smoke, {images} images" in line for line in lines)
        assert any("generator in" in line and line.endswith("lines is the same") for line in lines)
        assert f"scans: 2 in pages, list sha256 {hashlib.sha256(listed).hexdigest()}" in lines
        for name, digest in scans.items():
            assert f"  {digest}  {name}" in lines
        assert f"  in {pages}: all 2 are the same" in lines
    _, out, _ = call("show", "--json", "walk.mp4")
    told = json.loads("\n".join(out))["generator"]
    assert told["file"] == f"sha256:{generator}"
    assert told["origin"]["material"][0]["files"]["named"] == scans


def test_what_has_changed_since_is_named(call, here, pages, trained):
    assert call("walk", "lines", "-o", "walk", "--segments", "2", "--frames", "2")[0] == 0
    with (pages / "1.png").open("ab") as file:
        file.write(b"more")
    (pages / "0.png").unlink()
    assert call("train", "lines", "images=16")[0] == 2  # finished: nothing is changed
    path = trained / "generator.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    lines = shown(call, "walk/walk_1.png")
    assert any(line.endswith("lines has changed since") for line in lines)
    assert f"  in {pages}: 0 of 2 are the same; 1 changed: 1.png; 1 gone: 0.png" in lines


def test_far_from_its_training_a_frame_still_names_all(call, here, pages, trained, monkeypatch):
    assert call("walk", "lines", "-o", "walk", "--segments", "2", "--frames", "2")[0] == 0
    digest = sha256(pages / "0.png")
    far = here / "far/away/from/home"
    far.mkdir(parents=True)
    shutil.move(here / "walk/walk_1.png", far / "frame.png")
    moved = here / "elsewhere"
    moved.mkdir()
    shutil.move(trained, moved / "other")
    shutil.move(pages, moved / "pages")
    monkeypatch.chdir(far)
    lines = shown(call, "frame.png")
    assert "  its training is not near; --gan FOLDER names it, and compares" in lines
    assert f"  {digest}  0.png" in lines
    assert "  they are not to be found near" in lines
    lines = shown(call, "frame.png", "--gan", moved / "other")
    assert f"  the generator in {moved / 'other'} is the same" in lines
    assert f"  in {moved / 'pages'}: all 2 are the same" in lines


def test_a_picture_that_was_painted_by_a_generator_says_so_too(call, here, trained, pages, small):
    keys = [key for key in small if not key.startswith(("width", "height"))]
    code, out, err = call("image", "a fox", "image_model=GAN", "gan_model=lines", *keys)
    assert code == 0, err
    lines = shown(call, out[0])
    assert f"generator: sha256 {sha256(trained / 'generator.safetensors')}" in lines
    assert f"  {sha256(pages / '1.png')}  1.png" in lines


def test_tiles_lead_back_to_the_scans_that_they_were_cut_from(call, here, pages):
    cut = ("drawings", "tiles", "pages", "-o", "tiles", "--size", "32", "--steps", "1", "--dpi")
    code, _, err = call(*cut, "20")
    assert code == 0, err
    assert call("train", "tiles", "--preset", "smoke", "-o", "lines", *KEYS)[0] == 0
    assert call("walk", "lines", "-o", "walk", "--segments", "2", "--frames", "2")[0] == 0
    lines = shown(call, "walk/walk_1.png")
    count = len(list((here / "tiles").rglob("*.png")))
    assert any(line.startswith(f"tiles: {count} in tiles, list sha256") for line in lines)
    assert any("cut from 2 scans" in line for line in lines)
    assert f"  {sha256(pages / '0.png')}  0" in lines
    assert any(line.endswith(f"tiles: all {count} are the same") for line in lines)


def test_a_generator_of_before_is_shown_as_such(call, here, small_generator):
    assert call("walk", small_generator, "-o", "walk", "--segments", "2", "--frames", "2")[0] == 0
    lines = shown(call, "walk/walk_1.png")
    digest = sha256(small_generator / "generator.safetensors")
    assert f"generator: sha256 {digest}" in lines
    assert "  its file says nothing of its training" in lines


def test_a_forged_lineage_looks_at_no_file_outside_and_steers_no_terminal(call, here, draw):
    from mutoscope.images import load_image, save_image

    secret = here / "secret"
    secret.write_text("mine")
    listing = {"count": 1, "digest": "0" * 64, "named": {"../secret": "0" * 64}}
    stretch = {
        "after": 0, "kind": "scans\x1b[2J", "folder": "..", "files": listing, "scans": None,
        "picked": None,
    }  # fmt: skip
    origin = {"run": "x", "recipe": "0" * 64, "preset": "p", "images": 1, "material": [stretch]}
    for behind in (
        {"file": f"sha256:{'0' * 64}", "origin": origin}, {"file": "no"}, 3,
        {"file": f"sha256:{'0' * 64}", "origin": {"run": 3}},
    ):  # fmt: skip
        told = {"program": "mutoscope", "version": "1", "settings": {}, "generator": behind}
        save_image(load_image(draw("plain.png")), here / "evil.png", recipe=told)
        code, out, err = call("show", "evil.png")
        assert (code, err) == (0, [])
        assert "\x1b" not in "".join(out)
        assert not any("changed" in line for line in out)
        assert read_recipe("evil.png")["generator"] == behind
