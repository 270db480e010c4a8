"""``mutoscope walk``."""

import pytest
import torch

from mutoscope.frames import ClipSource
from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.images import load_image
from mutoscope.provenance import read_recipe


@pytest.fixture
def trained(here):
    """A folder as a training leaves it: random weights, 32 × 32."""
    rng = torch.Generator().manual_seed(0)
    shape = Shape(size=32, channels=1, z=8, w=8, cbase=64, cmax=8, mapping_layers=1)
    (here / "trained").mkdir()
    write_generator(here / "trained" / "generator.safetensors", Generator(shape, rng))
    return here / "trained"


def test_a_sheet_and_then_a_film_through_what_was_seen_on_it(trained, call):
    assert call("walk", trained, "--sheet", "keys.png", "--count", "6") == (0, ["keys.png"], [])
    assert load_image("keys.png").shape[-1] > 3 * 32
    code, out, _ = call(
        "walk", trained, "-o", "a.mkv", "--keys", "2,5,1", "--frames", "8", "--fps", "12",
        "--style", "zigzag", "--size", "48", "--pace", "latent",
    )  # fmt: skip
    assert (code, out) == (0, ["a.mkv"])
    film = list(ClipSource("a.mkv"))
    assert len(film) == 24
    assert film[0].shape == (1, 3, 48, 48)
    assert read_recipe("a.mkv")["walk"]["keys"] == [2, 5, 1]


def test_the_film_is_as_long_as_its_song_unless_that_is_said(trained, call, play):
    play("song.wav", length=1.0)
    song = ("walk", trained, "--sound", "song.wav", "--drive", "bass", "--pace", "raw")
    assert call(*song, "-o", "a.mkv")[0] == 0
    assert len(list(ClipSource("a.mkv"))) == 30
    assert call(*song, "-o", "b.mkv", "--seconds", "0.5")[0] == 0
    assert len(list(ClipSource("b.mkv"))) == 15
    assert call(*song, "-o", "c.mkv", "--frames", "4", "--segments", "3")[0] == 0
    assert len(list(ClipSource("c.mkv"))) == 12


def test_without_an_ending_it_is_a_folder(trained, call, here):
    (here / "k.json").write_text("[3, 4]")
    assert call("walk", trained, "-o", "walk", "--keys-from", "k.json", "--frames", "2")[0] == 0
    assert len(list((here / "walk").glob("*.png"))) == 4


def test_words_lead_the_film(trained, call, here):
    walk = ("walk", trained, "--segments", "2", "--frames", "3", "--pace", "raw")
    words = ("--toward", "a bird | feathers:0.5", "--perceptors", "tiny")
    assert call(*walk, "-o", "plain.mkv")[0] == 0
    code, _, err = call(*walk, "-o", "led.mkv", *words)
    assert code == 0
    assert err[0].startswith("toward a bird | feathers:0.5: ")
    assert call(*walk, "-o", "still.mkv", *words, "--toward-strength", "0") == (
        0, ["still.mkv"], [],
    )  # fmt: skip
    films = [list(ClipSource(f"{name}.mkv")) for name in ("plain", "led", "still")]
    for one, led, still in zip(*films, strict=True):
        assert torch.equal(one, still)
        assert not torch.equal(one, led)
    assert read_recipe("led.mkv")["walk"]["toward"]["perceptors"] == ["tiny"]
    assert not any(path.name.endswith(".toward") for path in here.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "a.mp4", "--toward", "a || b"], "--toward: holds 2 scenes"),
        (["-o", "a.mp4", "--toward", "a", "--toward-strength", "9"], "--toward-strength: 9"),
        (["-o", "a.mp4", "--toward", "a", "--perceptors", "labls"], "did you mean 'labels'"),
        (["-o", "a.mp4", "--toward-strength", "1"], "means nothing without --toward"),
        (["--sheet", "a.png", "--toward", "a"], "--toward means nothing for a sheet"),
        ([], "give -o FILM"),
        (["-o", "a.mp4", "--sheet", "a.png"], "give -o FILM"),
        (["-o", "a.mp4", "--count", "3"], "--count means nothing for a film"),
        (["--sheet", "a.png", "--keys", "3"], "--keys means nothing for a sheet"),
        (["--sheet", "a.png", "--truncation", "sin(t)"], "one number"),
        (["-o", "a.mp4", "--keys", "1,2", "--keys-from", "k.json"], "leave one out"),
        (["-o", "a.xyz"], ".mp4"),
        (["-o", "a.mp4", "--seed", "-1"], "--seed: -1"),
        (["-o", "a.mp4", "--seconds", "0"], "--seconds: 0"),
        (["-o", "a.mp4", "--seconds", "nan"], "--seconds: nan"),
        (["-o", "a.mp4", "--device", "abacus"], "abacus"),
        (["-o", "a.mp4", "--drive", "bass"], "bass"),
        (["-o", "a.gif", "--sound", "song.wav"], "fps"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(trained, refused, here, options, said):
    if "song.wav" in options:
        said = "a.gif"
    before = set(here.iterdir())
    assert said in refused("walk", trained, *options)
    assert set(here.iterdir()) == before
