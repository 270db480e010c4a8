"""preview: a film's motion, before it is painted."""

import pytest

from mutoscope.cli import preview
from mutoscope.errors import SettingsError
from mutoscope.frames import ClipSource
from mutoscope.images import load_image


def files(here):
    return sorted(p.name for p in here.iterdir() if p.is_file())


def test_a_film_and_its_plot(call, here, film):
    code, out, err = call("preview", film, "--size", "64")
    assert (code, out) == (0, ["toy-preview.mp4", "toy-preview.png"])
    assert len(err) == 1
    assert err[0].startswith("4 frames of 32 x 32")
    assert ClipSource(here / "toy-preview.mp4").length == 4
    assert load_image(here / "toy-preview.png").shape[3] == 1280
    assert not (here / "images_out").exists()


def test_keys_and_a_stretch(call, here, film):
    code, out, _ = call("preview", film, "steps_per_scene=12", "-o", "a.mp4", "--frames", "2..4",
                        "--size", "64")  # fmt: skip
    assert (code, out) == (0, ["a.mp4", "a.png"])
    assert ClipSource(here / "a.mp4").length == 3


def test_one_frame(call, here, film):
    code, out, _ = call("preview", film, "--still", "0.1", "-o", "a.png", "--size", "64")
    assert (code, out) == (0, ["a.png"])
    assert load_image(here / "a.png").shape[3] > 64
    assert files(here) == ["a.png", "toy.yaml"]


def test_nothing_is_overwritten_unless_it_may_be(call, refused, here, film):
    for name, taken in (("a.mp4", "a.mp4"), ("b.mp4", "b.png")):
        (here / taken).write_bytes(b"mine")
        assert taken in refused("preview", film, "-o", name)
        assert (here / taken).read_bytes() == b"mine"
    assert call("preview", film, "-o", "a.mp4", "--overwrite", "--size", "64")[0] == 0
    assert ClipSource(here / "a.mp4").length == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-o", "a.mov"], "a.mov: previews are written as .mp4"),
        (["-o", "no/a.mp4"], "no/a.mp4"),
        (["--frames", "9..12"], "0 to 3"),
        (["--frames", "2..1"], "ends before it begins"),
        (["--frames", "..x"], "no stretch"),
        (["--size", "3"], "--size"),
        (["--still", "7"], "t = 7"),
        (["--still", "nan"], "t = nan"),
        (["--still", "0", "--frames", "1..2"], "--still"),
        (["zoom_x_2d=1/(frame-2)"], "zoom_x_2d"),
        (["zoom_x_2d=40"], "zoom_x_2d"),
        (["translate_x=log(t-1)"], "translate_x"),
        (["input_audio=no.wav"], "no.wav"),
        (["init_image=no.png"], "no.png"),
        (["scenes="], "scenes: there is no prompt"),
    ],
)
def test_what_can_not_be_shown_is_one_line_and_leaves_nothing(refused, here, film, words, says):
    assert says in refused("preview", film, *words)
    assert files(here) == ["toy.yaml"]


def test_a_still_is_said_not_to_move(call, film):
    code, _, err = call("preview", film, "animation_mode=off", "--size", "64")
    assert code == 0
    assert "nothing moves" in err[-1]


def test_files_that_are_not_moves_are_told(call, film):
    assert "every 2 steps" in call("preview", film, "save_every=2", "--size", "64")[2][0]


def test_stopping_leaves_nothing(call, here, film, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("mutoscope.preview.overlay.Overlay.draw", stopped)
    assert call("preview", film)[0] == 130
    assert files(here) == ["toy.yaml"]


def test_stretches():
    assert preview.stretch(None) == (0, None)
    assert preview.stretch("3..5") == (3, 6)
    assert preview.stretch("3..") == (3, None)
    assert preview.stretch("..5") == (0, 6)
    for text in ("", "..", "3", "-1..2", "5..3"):
        with pytest.raises(SettingsError):
            preview.stretch(text)
