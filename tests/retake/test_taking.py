"""A run that begins with another: what comes out, what stays, and what a kill leaves."""

import contextlib
import hashlib
import json
import os
import shutil

import pytest

from mutoscope import atomic
from mutoscope.build import build
from mutoscope.errors import RunError, SettingsError
from mutoscope.images import load_image
from mutoscope.paint import Watch
from mutoscope.perform import finish, perform, start_run
from mutoscope.retake import Stretch, begin, plan_retake, settings_beside, taking
from mutoscope.run import InUseError, Run
from mutoscope.run.layout import TAKING

pytestmark = pytest.mark.usefixtures("single_thread")

FILM = {
    "scenes": "a fox || a boat",
    "steps_per_scene": 6,
    "interpolation_steps": 2,
    "animation_mode": "2D",
    "pre_animation_steps": 3,
    "steps_per_frame": 3,
    "save_every": 3,
    "zoom_x_2d": 1,
    "scene_suffix": "| dusk:1",
    "file_namespace": "toy",
    "backups": "all",
}


def rendered(settings, out, stop=None):
    parts = build(settings)
    left = iter([False] * (stop - 1)) if stop else None
    watch = Watch(stopped=lambda: next(left, True)) if stop else None
    with start_run(parts, out) as run:
        list(perform(parts, run, watch=watch))
    return run.folder


def retaken(folder, settings, out, frames=None):
    """The new run's folder, and the plan by which it was made."""
    stretch = Stretch.parse(frames) if frames else None
    with taking(folder) as take:
        retake = plan_retake(take, settings, stretch)
        parts = build(settings)
        run = begin(parts, out, retake)
    with run:
        saved = run.state()
        if not (saved and finish(run, parts.settings, saved)):
            list(perform(parts, run, saved=saved))
    return run.folder, retake


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def painted(folder):
    """All that a run has made, without the names and recipes of its frames."""
    frames = sorted(folder.glob("frames/*.png"), key=lambda p: int(p.stem.rpartition("_")[2]))
    return {
        "frames": [load_image(path).numpy().tobytes() for path in frames],
        "log": (folder / "log.jsonl").read_text(),
        "states": {path.name: path.read_bytes() for path in folder.glob("state/*")},
        "losses": (folder / "losses.png").exists(),
        "film": next(folder.glob("*.mp4")).read_bytes(),
    }


CHANGES = [
    ({"scenes": "a fox || a ship"}, 2),
    ({"scenes": "a fox || a boat || a house"}, 4),
    ({"scenes": "a fox"}, 2),
    ({"scene_suffix": "| dusk:1 if step < 8 else 2"}, 2),
    ({"smoothing_weight": "0.02 if step < 5 else 0.5"}, 1),
    ({"rotate_2d": "0:(0), 2:(0), 3:(9)"}, 3),
    ({"infill_mode": "black", "zoom_x_2d": 3}, 1),
    ({"semantic_stabilization_weight": 1}, 1),
    ({"seed": 8}, 0),
    ({"image_model": "Fourier"}, 0),
]


@pytest.mark.parametrize(("change", "kept"), CHANGES, ids=lambda value: str(value)[:50])
def test_a_retake_is_the_run_painted_in_full(toy, tmp_path, change, kept):
    old, new = toy(**FILM), toy(**FILM | change)
    take = rendered(old, tmp_path / "old")
    before = digests(take)
    folder, retake = retaken(take, new, tmp_path / "new")
    assert (retake.point.number if retake.point else 0) == kept
    assert painted(folder) == painted(rendered(new, tmp_path / "full"))
    assert digests(take) == before
    # What stands are the old take's very files.
    for number in range(1, kept + 1):
        name = f"frames/toy_{number}.png"
        assert (folder / name).read_bytes() == (take / name).read_bytes()


def test_what_has_no_say_before_is_no_more_than_a_column_of_zeros(toy, tmp_path):
    new = toy(**FILM | {"symmetry_weight": "0:(0), 2:(0), 3:(1)"})
    folder, retake = retaken(rendered(toy(**FILM), tmp_path / "old"), new, tmp_path / "new")
    full = rendered(new, tmp_path / "full")
    assert retake.point.number == 3
    assert painted(folder)["frames"] == painted(full)["frames"]
    assert painted(folder)["film"] == painted(full)["film"]
    lines, others = (
        [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        for run in (folder, full)
    )
    assert lines[9:] == others[9:]
    assert [line | {"symmetry": 0} for line in lines[:9]] == others[:9]


def test_with_sound(toy, tmp_path, play):
    for name, stop in (("a.wav", 2.0), ("b.wav", 0.17)):
        play(name, stop=stop)
    film = FILM | {"input_audio": "a.wav", "translate_x": "0 if frame < 3 else 9*bass"}
    old, new = toy(**film), toy(**film | {"input_audio": "b.wav"})
    take = rendered(old, tmp_path / "old")
    folder, retake = retaken(take, new, tmp_path / "new")
    assert retake.point.number == 3
    assert painted(folder) == painted(rendered(new, tmp_path / "full"))


def test_an_unfinished_run_gives_what_it_has_also_between_frames(toy, tmp_path):
    new = toy(**FILM | {"scenes": "a fox || a boat || a house"})
    take = rendered(toy(**FILM), tmp_path / "old", stop=8)
    folder, retake = retaken(take, new, tmp_path / "new")
    assert (retake.point.number, retake.point.steps) == (2, 8)
    assert painted(folder) == painted(rendered(new, tmp_path / "full"))


def test_a_retake_can_be_retaken_and_resumed(toy, tmp_path):
    take = rendered(toy(**FILM), tmp_path)
    first, _ = retaken(take, toy(**FILM | {"scenes": "a fox || a ship"}), tmp_path)
    assert first.name == "toy(1)"
    last = toy(**FILM | {"scenes": "a fox || a ship", "rotate_2d": "0:(0), 2:(0), 3:(9)"})
    second, retake = retaken(first, last, tmp_path)
    assert (second.name, retake.point.number) == ("toy(2)", 3)
    assert painted(second) == painted(rendered(last, tmp_path / "full"))


def test_a_stretch_takes_all_before_it_as_it_is(toy, tmp_path):
    take = rendered(toy(**FILM), tmp_path / "old")
    new = toy(**FILM | {"smoothing_weight": 3})
    folder, retake = retaken(take, new, tmp_path / "new", frames="3..4")
    assert retake.point.number == 2
    assert "frames 1-2 are the old take's although it touches them" in retake.line()
    old, made = painted(take), painted(folder)
    assert made["frames"][:2] == old["frames"][:2]
    assert made["frames"][2] != old["frames"][2]
    full = painted(rendered(new, tmp_path / "full"))
    assert made["frames"][2] != full["frames"][2]


def test_a_state_that_is_damaged_or_not_there_means_an_earlier_one(toy, tmp_path, caplog):
    take = rendered(toy(**FILM), tmp_path / "old")
    path = take / "state/2.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    new = toy(**FILM | {"scenes": "a fox || a ship"})
    folder, retake = retaken(take, new, tmp_path / "new")
    assert retake.point.number == 1
    assert "2.safetensors: is damaged" in caplog.text
    assert "the newest state kept before frame 3 is that of frame 1" in retake.line()
    assert painted(folder)["frames"] == painted(rendered(new, tmp_path / "full"))["frames"]


def test_the_line_says_what_stands(toy, tmp_path):
    take = rendered(toy(**FILM), tmp_path / "old")
    with taking(take) as opened:
        line = plan_retake(opened, toy(**FILM | {"scenes": "a fox || a ship"})).line()
        assert line == (
            f"frames 1-2 of {take} stand (the change begins at frame 3, t = 0.1 s: scenes); "
            "2 frames to paint"
        )
        line = plan_retake(opened, toy(**FILM | {"seed": 8})).line()
        assert line == (
            f"nothing of {take} stands (the change begins at frame 1, t = -0.1 s: seed); "
            "4 frames to paint"
        )
        line = plan_retake(opened, toy(**FILM | {"scenes": "a fox"})).line()
        assert "the change ends it after frame 2: scenes); 0 frames to paint" in line
        assert plan_retake(opened, toy(**FILM | {"film_quality": 3})).touch is None


# ── what is refused ──


def test_a_run_that_is_painted_is_left_alone(toy, tmp_path):
    take = rendered(toy(**FILM), tmp_path)
    with Run.open(take), pytest.raises(InUseError, match="nothing can be taken"), taking(take):
        pass


def test_what_is_no_run_gives_nothing(tmp_path):
    with pytest.raises(RunError, match="is not the folder of a run"), taking(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "..", "a..b", "0..3", "5..3", "-1..2", "1..2..3", "0"])
def test_what_is_no_stretch(text):
    with pytest.raises(SettingsError, match="no stretch of frames"):
        Stretch.parse(text)


def test_stretches():
    assert Stretch.parse("120..180") == Stretch(120, 180)
    assert Stretch.parse("..180") == Stretch(None, 180)
    assert Stretch.parse("120..") == Stretch(120, None)
    assert Stretch.parse("7") == Stretch(7, 7)


def test_another_canvas_is_refused_before_anything_is_made(toy, tmp_path):
    take = rendered(toy(**FILM), tmp_path / "old")
    for change, words in ({"image_model": "Fourier"}, "was painted with"), (
        {"width": 48}, "another canvas",
    ):  # fmt: skip
        with pytest.raises(RunError, match=words):
            retaken(take, toy(**FILM | change), tmp_path / "new", frames="3..")
    assert not (tmp_path / "new").exists()


def test_a_stretch_before_the_change_or_beyond_the_end(toy, tmp_path):
    take = rendered(toy(**FILM), tmp_path / "old")
    with taking(take) as opened:
        new = toy(**FILM | {"scenes": "a fox || a ship"})
        with pytest.raises(SettingsError, match="the change begins at frame 3"):
            plan_retake(opened, new, Stretch.parse("..2"))
        with pytest.raises(SettingsError, match="frames 1 to 4 only"):
            plan_retake(opened, new, Stretch.parse("3..5"))


# ── what a file leaves open ──


def test_what_is_left_open_is_the_runs(toy, tmp_path):
    old = toy(seed=41, perceptors="tiny")
    file = tmp_path / "new.yaml"
    file.write_text("scenes: a boat\n")
    settings, taken = settings_beside(old, file)
    assert (settings.seed, settings.perceptors) == (41, ("tiny",))
    assert taken == ("seed 41", "perceptors tiny")
    file.write_text("scenes: a boat\nseed: 5\nperceptors: labels\n")
    assert settings_beside(old, file)[1] == ()
    assert settings_beside(old, file, ["seed=null"])[0].seed == 41
    assert settings_beside(old, file, ["seed=6"])[0].seed == 6


# ── killed while it is copied ──


def copying_ends_at(monkeypatch, event):
    """The program is gone before its event number ``event`` on the disk: what it leaves."""

    class Killed(BaseException):
        pass

    left = [event]

    def counted(function):
        def wrapper(*args, **kwargs):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return function(*args, **kwargs)

        return wrapper

    monkeypatch.setattr(atomic, "settle", counted(atomic.settle))
    monkeypatch.setattr(os, "link", counted(os.link))
    return Killed


@pytest.mark.slow
def test_killed_at_any_moment_it_is_no_run_or_goes_on(toy, tmp_path, monkeypatch):
    from mutoscope.run import folder as folders

    take = rendered(toy(**FILM), tmp_path / "old")
    before = digests(take)
    new = toy(**FILM | {"scenes": "a fox || a ship"})
    full = painted(rendered(new, tmp_path / "full"))
    # A killed process undoes nothing.
    monkeypatch.setattr(folders.layout, "dissolve", lambda *_: None)
    states = set()
    for event in range(2, 12):
        out = tmp_path / f"killed{event}"
        with monkeypatch.context() as patch, taking(take) as opened:
            retake = plan_retake(opened, new)
            parts = build(new)
            killed = copying_ends_at(patch, event)
            with contextlib.suppress(killed):
                begin(parts, out, retake).close()
        folder = out / "images_out/toy/toy"
        if cut := (folder / TAKING).exists():
            with pytest.raises(RunError, match="give the command that began it again"):
                Run.open(folder)
            again, _ = retaken(take, new, out)
            assert again == folder  # nothing is left of the false start
        else:
            with Run.open(folder) as run:
                saved = run.state()
                list(perform(build(new), run, saved=saved))
        states.add(cut)
        assert not (folder / TAKING).exists()
        assert painted(folder) == full
    assert states == {True, False}
    assert digests(take) == before


def test_a_full_disk_leaves_nothing(toy, tmp_path, monkeypatch):
    take = rendered(toy(**FILM), tmp_path / "old")
    new = toy(**FILM | {"scenes": "a fox || a ship"})

    def full(*_):
        raise OSError(28, "No space left on device")

    with taking(take) as opened:
        retake = plan_retake(opened, new)
        parts = build(new)
        monkeypatch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(RunError, match="the disk is full; no step was made"):
            begin(parts, tmp_path / "new", retake)
    assert not [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    assert json.loads((take / "run.json").read_text())["base"] == "toy"
