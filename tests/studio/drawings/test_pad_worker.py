"""What the pad's process answers, in this process and in one of its own."""

import base64
import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.errors import MutoscopeError, SettingsError
from mutoscope.gan.files import write_generator
from mutoscope.gan.generator import Generator
from mutoscope.gan.shape import Shape
from mutoscope.studio.drawings.pad_worker import Pad, in_words, mixed, serve
from mutoscope.walk.places import Map, parse_place
from mutoscope.walk.render import load_renderer

CORNERS = ["3", "17", "42", "8"]


@pytest.fixture
def run(small_generator, tmp_path):
    """A training's folder of one's own, as its bookmarks are written there."""
    return shutil.copytree(small_generator, tmp_path / "gan")


@pytest.fixture
def renderer(run):
    return load_renderer(run, torch.device("cpu"))


@pytest.fixture(scope="module")
def pad():
    """One that keeps what it has read, as it does in the studio."""
    return Pad()


def asked(folder, **changes):
    return {"do": "draw", "run": str(folder), "corners": CORNERS, "at": [0, 0], "truncation": 0.7,
            "side": 64, **changes}  # fmt: skip


def pixels(answer):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["jpeg"]))), float)


def test_corners_of_the_pad_are_the_picked_latents(run, renderer):
    places = Map.of(renderer)
    for at, corner in zip([(0, 0), (1, 0), (0, 1), (1, 1)], CORNERS, strict=True):
        words = in_words(CORNERS, at, {})
        assert words == corner
        answer = Pad().answer(asked(run, at=list(at)))
        expected = renderer.images(places.find(corner)[None], "w", torch.tensor([0.7]))[0, 0]
        assert np.abs(pixels(answer) - 255 * expected.numpy()).mean() < 4  # as a JPEG


@pytest.mark.parametrize("at", [(0.5, 0.5), (0.1234567, 0.98), (1 / 3, 2 / 3), (1e-9, 0.5)])
def test_words_between_corners_are_a_place_near_the_pad(renderer, at):
    words = in_words(["3", "0.5*17 + 0.5*42", "42 - 0.25*sefa-1", "mean"], at, {"pca-1": -1.5})
    points = [t.factor for t in parse_place(words) if "-" not in str(t.what)]
    assert sum(points) == pytest.approx(1, abs=1e-9)
    x, y = at
    by_name = {t.what: t.factor for t in parse_place(words)}
    assert by_name.get(3, 0) == pytest.approx((1 - x) * (1 - y), abs=2e-4)
    assert by_name.get("pca-1") == -1.5


def test_a_place_in_words_is_where_the_picture_was_drawn(run, renderer):
    pad = Pad()
    moved = pad.answer(asked(run, at=[0.3, 0.6], moves={"sefa-1": 2.0}))
    still = pad.answer(asked(run, at=[0.3, 0.6]))
    assert np.abs(pixels(moved) - pixels(still)).mean() > 0.1
    again = pad.answer(asked(run, corners=[moved["place"]] * 4))
    assert again["place"] == moved["place"]
    assert again["jpeg"] == moved["jpeg"]


def test_mixing_with_all_or_no_layers_is_one_of_the_two(run, renderer):
    places, layers = Map.of(renderer), renderer.generator.layers
    one, other = places.find("3"), places.find("42")
    for split, expected in ((layers, one), (0, other)):
        drawn = mixed(renderer, one, other, split, 0.7)
        plain = renderer.images(expected[None], "w", torch.tensor([0.7]))[0]
        torch.testing.assert_close(drawn, plain)
    between = mixed(renderer, one, other, 4, 0.7)
    for end in (0, layers):
        assert (between - mixed(renderer, one, other, end, 0.7)).abs().mean() > 1e-3
    pad = Pad()
    assert pad.answer(asked(run, mix="42", split=layers))["jpeg"] == pad.answer(asked(run))["jpeg"]
    fine = pad.answer(asked(run, mix="42", split=0))["jpeg"]
    assert fine == pad.answer(asked(run, at=[0, 1]))["jpeg"]


def test_truncation_zero_is_the_mean_wherever_the_pad_stands(run):
    pad = Pad()
    one = pad.answer(asked(run, truncation=0.0))
    other = pad.answer(asked(run, truncation=0.0, at=[1, 1]))
    assert np.abs(pixels(one) - pixels(other)).max() <= 2
    assert np.abs(pixels(pad.answer(asked(run, truncation=1.0))) - pixels(one)).mean() > 0.5


def test_a_kept_place_is_a_bookmark_that_walks_and_corners_can_name(run):
    pad = Pad()
    drawn = pad.answer(asked(run, at=[0.25, 0.75]))
    pad.answer(asked(run, at=[0.25, 0.75], do="keep", name="bird"))
    assert pad.answer({"do": "open", "run": str(run)})["bookmarks"] == {"bird": True}
    named = pad.answer(asked(run, corners=["bird", "1", "1", "1"]))
    assert np.abs(pixels(named) - pixels(drawn)).max() <= 2
    kept = Map.of(load_renderer(run, torch.device("cpu"))).bookmarks["bird"]
    assert kept.latent == drawn["place"]
    pad.answer({"do": "forget", "run": str(run), "name": "bird"})
    assert pad.answer({"do": "open", "run": str(run)})["bookmarks"] == {}


def test_a_generator_that_was_trained_further_is_read_anew(run):
    pad = Pad()
    before = pad.answer({"do": "open", "run": str(run)})
    shape = Shape(size=64, channels=3, z=8, w=8, cbase=64, cmax=8, mapping_layers=2)
    write_generator(run / "generator.safetensors", Generator(shape, torch.Generator()))
    after = pad.answer({"do": "open", "run": str(run)})
    assert (before["size"], after["size"]) == (32, 64)
    assert after["directions"]
    assert pixels(pad.answer(asked(run))).shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"do": "rm"}, "do"),
        ({"corners": ["3"]}, "corners"),
        ({"corners": [3, 4, 5, 6]}, "text"),
        ({"corners": ["nobody", "1", "1", "1"]}, "no bookmark"),
        ({"at": [float("nan"), 0]}, "at"),
        ({"at": 3}, "at"),
        ({"moves": {"sefa-1": "far"}}, "sefa-1"),
        ({"moves": {"sefa-999": 1}}, "sefa-999"),
        ({"moves": {"x" * 300: 1}}, "characters"),
        ({"truncation": 9}, "truncation"),
        ({"mix": "42", "split": 99}, "split"),
        ({"mix": "42", "split": True}, "split"),
        ({"run": "/nowhere"}, "does not exist"),
        ({"run": None}, "text"),
        ({"do": "keep", "name": "../x"}, "name"),
        ({"do": "samples", "places": ["1"] * 100}, "places"),
    ],
)
def test_what_makes_no_sense_is_refused(pad, small_generator, changes, words):
    with pytest.raises(MutoscopeError, match=words):
        pad.answer(asked(small_generator, **changes))


def test_a_hostile_file_is_refused_and_the_next_request_answered(run):
    (run / "generator.safetensors").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    lines = [asked(run), {"do": "presets"}]
    told = io.BytesIO()
    serve(io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)), told)
    first, second = map(json.loads, told.getvalue().splitlines())
    assert "error" in first
    assert second["ok"]["default"] in second["ok"]["presets"]


@pytest.mark.parametrize(
    "line", [b"[]\n", b"{\n", b'{"do": NaN}\n', b"\xff\n", b"[" * 9999 + b"\n"]
)
def test_lines_that_are_no_request_are_answered_with_an_error(line):
    told = io.BytesIO()
    serve(io.BytesIO(line + b'{"do": 1}\n'), told)
    answers = [json.loads(one) for one in told.getvalue().splitlines()]
    assert len(answers) == 2
    assert all("error" in one for one in answers)


def test_a_line_without_end_ends_it():
    told = io.BytesIO()
    serve(io.BytesIO(b"x" * 200_000), told)
    assert told.getvalue() == b""


def test_samples_are_drawn_as_the_pad_draws_them(run):
    pad = Pad()
    told = {"do": "samples", "run": str(run), "truncation": 0.7, "side": 64}
    found = pad.answer({**told, "places": ["3", "nobody"]})["jpegs"]
    assert found == [pad.answer(asked(run))["jpeg"], None]


def test_scans_are_looked_at(tmp_path):
    page = np.full((300, 200), 255, np.uint8)
    page[100:150, 60:90] = 0
    Image.fromarray(page).save(tmp_path / "a.png", dpi=(100, 100))
    (found,) = Pad().answer({"do": "check", "folder": str(tmp_path)})["pages"]
    assert found["facts"].startswith("200 × 300, 100 dpi")
    assert found["margins"] == pytest.approx((60, 100, 110, 150), abs=3)
    with pytest.raises(SettingsError):
        Pad().answer({"do": "check", "folder": 3})
