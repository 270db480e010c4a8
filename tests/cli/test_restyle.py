"""Footage painted anew, and films that zoom, from the command line."""

import pkgutil

import av
import pytest
import torch

from mutoscope.frames import ClipSource
from mutoscope.frames.mux import add_sound
from mutoscope.provenance import read_recipe
from mutoscope.settings import load_settings
from mutoscope.sound import SoundFile

TOY = [
    "perceptors=tiny", "width=32", "cutouts=2", "seed=7", "steps_per_frame=2",
    "pre_animation_steps=2",
]  # fmt: skip


@pytest.fixture
def dancer(here, shoot, play):
    """A film of six frames, half a second long, with sound."""
    silent = shoot("silent.mp4", [0.2, 0.4, 0.6, 0.8, 0.6, 0.4], size=(32, 24))
    add_sound(silent, SoundFile(play("tone.wav")), here / "dancer.mp4")
    return here / "dancer.mp4"


def streams(path):
    with av.open(str(path)) as container:
        return sorted(stream.type for stream in container.streams)


@pytest.mark.parametrize("name", ["painted.mp4", "painted.webm"])
def test_a_film_is_painted_anew_with_its_sound(here, call, dancer, name):
    code, out, _ = call("restyle", dancer, "a fox: red | oil:0.5", "-o", name, *TOY)
    assert (code, out) == (0, [name])
    assert streams(name) == ["audio", "video"]
    source = ClipSource(here / name)
    assert (source.size, len(list(source))) == ((32, 24), 6)
    assert float(source.rate) == pytest.approx(12, abs=0.02)  # WebM counts in milliseconds
    told = load_settings(read_recipe(here / name)["settings"], quiet=True)
    assert [p.text for p in told.script.scenes[0].prompts] == ["a fox: red", "oil"]
    assert not list(here.glob(".painted*"))


def test_a_film_without_sound_stays_silent(here, call, shoot):
    shoot("silent.mp4", [0.2, 0.8], size=(32, 24))
    assert call("restyle", "silent.mp4", "a fox", "-o", "painted.mp4", *TOY)[0] == 0
    assert streams("painted.mp4") == ["video"]


def test_fewer_frames_by_a_lower_rate(here, call, dancer):
    assert call("restyle", dancer, "a fox", "-o", "p.mp4", *TOY, "frames_per_second=6")[0] == 0
    assert len(list(ClipSource(here / "p.mp4"))) == 3


@pytest.mark.parametrize("at", ["rename", "call.json", "named", "folder"])
def test_a_film_killed_when_it_got_its_name_is_tidied_up_by_the_same_command(
    here, call, shoot, monkeypatch, at
):
    shoot("silent.mp4", [0.2, 0.8], size=(32, 24))
    command = ["restyle", "silent.mp4", "a fox", *TOY, "-o", "p.mkv"]
    stops = {
        "rename": ("mutoscope.atomic.settle", lambda _part, path, **_: path.name == "p.mkv"),
        "call.json": ("pathlib.Path.unlink", lambda path, **_: path.name == "call.json"),
        "named": ("pathlib.Path.unlink", lambda path, **_: path.name == "named"),
        "folder": ("shutil.rmtree", lambda path: path.name == "images_out"),
    }
    with monkeypatch.context() as patched:
        killed_at(patched, *stops[at])
        with pytest.raises(Killed):
            call(*command)
    assert (here / ".p.mkv.work").exists()
    code, out, err = call(*command)
    assert (code, out) == (0, ["p.mkv"])
    assert any("is complete" in line for line in err)
    assert len(list(ClipSource(here / "p.mkv"))) == 2
    assert not list(here.glob(".p*"))
    assert call(*command)[0] == 2  # it exists


def test_what_a_kill_left_of_a_film_that_is_done_is_never_another_ones(
    here, call, shoot, monkeypatch
):
    shoot("silent.mp4", [0.2, 0.8], size=(32, 24))
    with monkeypatch.context() as patched:
        killed_at(patched, "shutil.rmtree", lambda path: path.name == "images_out")
        with pytest.raises(Killed):
            call("restyle", "silent.mp4", "a fox", *TOY, "-o", "p.mkv")
    other = ["restyle", "silent.mp4", "a boat", *TOY, "-o", "p.mkv"]
    assert call(*other)[0] == 2
    assert not list(here.glob(".p*"))
    assert call(*other, "--overwrite")[0] == 0
    told = load_settings(read_recipe(here / "p.mkv")["settings"], quiet=True)
    assert told.script.scenes[0].prompts[0].text == "a boat"


class Killed(BaseException):
    """Stands for a kill: nothing that would clean up hears of it."""


def killed_at(patch, name, there):
    """Kill this process, as it were, before a call by that name where ``there`` is true."""
    place, _, attribute = name.rpartition(".")
    owner = pkgutil.resolve_name(place)
    original = getattr(owner, attribute)

    def called(*args, **options):
        if there(*args, **options):
            raise Killed
        return original(*args, **options)

    patch.setattr(owner, attribute, called)


def test_a_film_that_was_stopped_goes_on_by_the_same_command(here, call, dancer, monkeypatch):
    from mutoscope.run import Run

    keep = Run.keep

    def stop(run, number, image, **rest):
        if number == 4:
            raise KeyboardInterrupt
        return keep(run, number, image, **rest)

    command = ["restyle", dancer, "a fox ^ a boat", *TOY, "-o"]
    assert call(*command, "whole.mkv")[0] == 0
    with monkeypatch.context() as patched:
        patched.setattr(Run, "keep", stop)
        code, _, err = call(*command, "parts.mkv")
    assert code == 130
    assert any("mutoscope resume" in line for line in err)
    assert not (here / "parts.mkv").exists()
    code, out, err = call(*command, "parts.mkv")
    assert (code, out) == (0, ["parts.mkv"])
    assert any("going on with what was begun" in line for line in err)
    for one, other in zip(
        ClipSource(here / "whole.mkv"), ClipSource(here / "parts.mkv"), strict=True
    ):
        assert torch.equal(one, other)
    assert not list(here.glob(".parts*"))


def test_a_zooming_film_with_serial_prompts(here, call):
    code, out, _ = call(
        "video", "a fox ^ a boat | sea:0.5", "-o", "film.mp4", "--frames", 5, "--zoom", 1.05,
        *TOY, "height=24",
    )  # fmt: skip
    assert (code, out) == (0, ["film.mp4"])
    assert len(list(ClipSource(here / "film.mp4"))) == 5
    told = load_settings(read_recipe(here / "film.mp4")["settings"], quiet=True)
    assert told.curve("zoom_x_2d")({}) == pytest.approx(32 * (1 - 1 / 1.05))
    (scene,) = told.script.scenes
    weights = [
        [p.weight({"frame": frame, "t": 0, "step": 0}) for p in scene.prompts] for frame in range(5)
    ]
    assert weights == [[1, 0, 0]] * 2 + [[0, 1, 0.5]] * 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["restyle", "none.mp4", "a", "-o", "a.mp4"], "none.mp4"),
        (["restyle", ".", "a", "-o", "a.mp4"], "is a folder"),
        (["restyle", "empty.mp4", "a", "-o", "a.mp4"], "empty.mp4"),
        (["restyle", "dancer.mp4", "a", "-o", "there.mp4"], "exists already"),
        (["restyle", "dancer.mp4", "a", "-o", "a.txt"], "films are not written as"),
        (["restyle", "dancer.mp4", " ", "-o", "a.mp4"], "No valid prompts"),
        (["restyle", "dancer.mp4", "a", "red", "fox", "-o", "a.mp4"], "stands in quotes"),
        (["video", "a", "-o", "no/a.mp4"], "there is no folder"),
        (["video", "a", "-o", "a.mp4", "--zoom", "0"], "--zoom"),
        (["video", "a", "-o", "a.mp4", "widht=3"], "did you mean 'width'"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(here, call, dancer, arguments, why):
    (here / "empty.mp4").write_bytes(b"")
    (here / "there.mp4").write_bytes(b"mine")
    code, _, err = call(*arguments)
    assert code == 2
    assert why in err[-1]
    assert (here / "there.mp4").read_bytes() == b"mine"
    assert not list(here.glob(".*.work"))
