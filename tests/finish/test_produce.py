"""Films made of pieces: whatever stops the work, the same call makes the same film."""

import shutil
import subprocess
import sys
import wave
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
import torch

from mutoscope.errors import MediaError, RunError
from mutoscope.finish import pieces
from mutoscope.finish import produce as producing
from mutoscope.finish.produce import produce, work_folder
from mutoscope.frames import ClipSource
from mutoscope.images import from_bytes, to_bytes
from mutoscope.lock import FolderLock
from mutoscope.provenance import read_recipe

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}
KEY = {"scale": 2}
TOTAL = 8


def picture(number):
    generator = np.random.default_rng(number)
    return from_bytes(generator.integers(0, 256, (34, 46, 3), dtype=np.uint8))


class Frames:
    """Numbered pictures, which remember where they were begun, and may be stopped."""

    def __init__(self, total=TOTAL, stop=None, error=KeyboardInterrupt):
        self.total, self.stop, self.error = total, stop, error
        self.starts, self.made = [], []

    def __call__(self, start):
        self.starts.append(start)
        for number in range(start, self.total):
            if number == self.stop:
                raise self.error
            self.made.append(number)
            yield picture(number)


def make(out, frames=None, **options):
    given = {"key": KEY, "rate": Fraction(12), "total": TOTAL, **options}
    produce(out, frames or Frames(), **given)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_FRAMES", 3)


@pytest.fixture
def sound(tmp_path):
    """A sound of two seconds that clicks at 0.25 s."""
    samples = np.zeros(88_200, np.int16)
    samples[11_025:11_100] = 30_000
    with wave.open(str(tmp_path / "click.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(samples.tobytes())
    return tmp_path / "click.wav"


def heard(path):
    """The moment of the loudest sample in a film, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        blocks = [frame.to_ndarray()[0] for frame in container.decode(stream)]
        rate = stream.rate
    return int(np.abs(np.concatenate(blocks).astype(float)).argmax()) / rate


def test_a_film_holds_each_picture_bit_for_bit_and_its_recipe(tmp_path):
    out = tmp_path / "film.mkv"
    told = []
    make(out, recipe=RECIPE, progress=told.append)
    pictures = [to_bytes(image) for image in ClipSource(out, 12)]
    assert len(pictures) == TOTAL
    assert all((to_bytes(picture(n)) == each).all() for n, each in enumerate(pictures))
    assert told == list(range(TOTAL + 1))
    assert read_recipe(out) == RECIPE
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path, ending):
    out = tmp_path / f"film{ending}"
    work = work_folder(out)
    states = []

    def remember(done):
        states.append(tmp_path / f"state-{done}")
        shutil.copytree(work, states[-1])

    make(out, recipe=RECIPE, progress=remember)
    whole = out.read_bytes()
    for done, state in enumerate(states):
        out.unlink()
        shutil.copytree(state, work)
        frames = Frames()
        make(out, frames, recipe=RECIPE)
        # Only whole pieces count; what lay in a piece that was not closed is made again.
        assert frames.starts == [max(0, done - 1) // 3 * 3]
        assert out.read_bytes() == whole
        assert not work.exists()


def test_a_process_killed_in_the_middle_leaves_what_another_goes_on_with(tmp_path):
    out = tmp_path / "film.mkv"
    code = f"""
import os, signal, torch
from fractions import Fraction
from pathlib import Path
from mutoscope.finish import pieces
from mutoscope.finish import pieces
from mutoscope.finish import produce as producing
pieces.PIECE_FRAMES = 2
def frames(start):
    for number in range(start, {TOTAL}):
        if number == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        yield torch.full((1, 3, 16, 16), number / 255)
producing.produce(Path({str(out)!r}), frames, key={KEY!r}, rate=Fraction(12), total={TOTAL})
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert not out.exists()
    starts = []

    def frames(start):
        starts.append(start)
        for number in range(start, TOTAL):
            yield torch.full((1, 3, 16, 16), number / 255)

    make(out, frames)
    assert starts == [4]
    assert [int(to_bytes(image).max()) for image in ClipSource(out)] == list(range(TOTAL))


@pytest.mark.parametrize("error", [KeyboardInterrupt, MediaError("no more")])
def test_an_interruption_keeps_every_picture_and_leaves_no_half_film(tmp_path, error):
    out = tmp_path / "film.mp4"
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        make(out, Frames(stop=5, error=error))
    assert [path.name for path in tmp_path.iterdir()] == [".film.mp4.work"]
    frames = Frames()
    make(out, frames)
    assert frames.starts == [5]
    make(tmp_path / "again.mp4")
    assert out.read_bytes() == (tmp_path / "again.mp4").read_bytes()


def test_a_stop_while_the_film_is_put_together_costs_no_picture(tmp_path, monkeypatch):
    out = tmp_path / "film.mp4"

    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(producing, "join", stopped)
        with pytest.raises(KeyboardInterrupt):
            make(out)
    assert not out.exists()
    frames, told = Frames(), []
    make(out, frames, progress=told.append)
    assert (frames.starts, told) == ([], [TOTAL])
    assert out.exists()


@pytest.mark.parametrize("change", ["key", "version"])
def test_work_of_another_kind_begins_anew_and_touches_only_its_own_files(
    tmp_path, caplog, monkeypatch, change
):
    out = tmp_path / "film.mkv"
    with pytest.raises(KeyboardInterrupt):
        make(out, Frames(stop=5))
    work = work_folder(out)
    (work / "notes.txt").write_text("mine")
    if change == "version":
        monkeypatch.setattr(producing, "version", lambda name: "99")
    frames = Frames()
    with caplog.at_level("INFO", "mutoscope"):
        make(out, frames, key={"scale": 4} if change == "key" else KEY)
    assert frames.starts == [0]
    assert "begun anew" in caplog.text
    assert [path.name for path in work.iterdir()] == ["notes.txt"]


def test_going_on_is_said(tmp_path, caplog):
    out = tmp_path / "film.mkv"
    with pytest.raises(KeyboardInterrupt):
        make(out, Frames(stop=5))
    with caplog.at_level("INFO", "mutoscope"):
        make(out)
    assert f"{out}: goes on after frame 5 of 8" in caplog.messages


def test_a_piece_is_closed_after_a_while_however_short(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 0)
    out = tmp_path / "film.mkv"
    with pytest.raises(KeyboardInterrupt):
        make(out, Frames(stop=3))
    names = sorted(path.name for path in work_folder(out).glob("*-*.mkv"))
    assert names == [f"{n:08d}-{n:08d}.mkv" for n in range(3)]
    assert all(a < b for a, b in pairwise(names))


@pytest.mark.parametrize("harm", ["cut", "empty"])
def test_a_damaged_piece_is_named_and_made_again(tmp_path, harm):
    out = tmp_path / "film.mkv"
    with pytest.raises(KeyboardInterrupt):
        make(out, Frames(stop=7))
    piece = work_folder(out) / "00000003-00000005.mkv"
    piece.write_bytes(piece.read_bytes()[:-9000] if harm == "cut" else b"")
    with pytest.raises(MediaError, match="damaged and has been removed"):
        make(out)
    assert not out.exists()
    frames = Frames()
    make(out, frames)
    assert frames.starts == [3]
    assert len(list(ClipSource(out))) == TOTAL


def test_the_sound_is_kept_in_step(tmp_path, sound):
    for start in (0.0, 0.125):
        out = tmp_path / f"film-{start}.mp4"
        make(out, sound=sound, sound_from=start)
        assert heard(out) == pytest.approx(0.25 - start, abs=0.03)


def test_a_taken_name_is_refused_before_any_work(tmp_path):
    out = tmp_path / "film.mp4"
    out.write_bytes(b"mine")
    frames = Frames()
    with pytest.raises(MediaError, match="exists already"):
        make(out, frames)
    assert frames.starts == []
    assert out.read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_an_existing_film_stands_until_the_new_one_is_whole(tmp_path):
    out = tmp_path / "film.mp4"
    out.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        make(out, Frames(stop=5), overwrite=True)
    assert out.read_bytes() == b"old"
    make(out, overwrite=True)
    assert len(list(ClipSource(out))) == TOTAL


def test_a_name_taken_meanwhile_is_not_replaced(tmp_path):
    out = tmp_path / "film.mp4"
    with pytest.raises(MediaError, match="came to exist"):
        make(out, progress=lambda done: out.write_bytes(b"mine") if done == 4 else None)
    assert out.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("film.txt", {}, "films are not written as"),
        ("none/film.mp4", {}, "there is no folder"),
        ("film.gif", {"rate": 60}, "at most 50"),
        ("film.mp4", {"rate": 0}, "frames per second"),
        ("film.mp4", {"recipe": {"a": 1}}, "not a recipe"),
        ("film.mp4", {"sound": "none.wav"}, "does not exist"),
        ("film.gif", {"sound": "click.wav"}, "has no sound"),
    ],
)
def test_what_can_not_become_a_film_is_refused_before_any_work(
    tmp_path, sound, name, options, complaint
):
    if "sound" in options:
        options = {"sound": tmp_path / options["sound"]}
    frames = Frames()
    with pytest.raises(MediaError, match=complaint):
        make(tmp_path / name, frames, **options)
    assert frames.starts == []
    assert [path.name for path in tmp_path.iterdir()] == ["click.wav"]


def test_pictures_too_large_for_the_film_are_refused_at_the_first(tmp_path):
    def frames(start):
        yield torch.zeros(1, 3, 2, 16_400)

    with pytest.raises(MediaError, match=r"film\.mp4: its frames would be 16400 × 2"):
        make(tmp_path / "film.mp4", frames)


def test_of_no_picture_no_film_is_made(tmp_path):
    with pytest.raises(MediaError, match="no picture for it"):
        make(tmp_path / "film.mp4", Frames(total=0))
    assert list(tmp_path.iterdir()) == []


def test_two_can_not_make_one_film(tmp_path):
    out = tmp_path / "film.mp4"
    work_folder(out).mkdir()
    lock = FolderLock(work_folder(out))
    with pytest.raises(RunError, match="in use"):
        make(out)
    lock.release()
    make(out)


# ── killed when the film has its name ──


@pytest.mark.parametrize("left", ["all", "the film too", "only the mark"])
def test_what_was_ended_after_the_naming_is_only_tidied_up(tmp_path, monkeypatch, left):
    out = tmp_path / "film.mkv"
    work, remove = work_folder(out), producing._Work.remove

    def killed(self):
        if left == "the film too":  # its renaming has not reached the disk in both folders
            shutil.copy(out, self.folder / "film.mkv")
        if left == "only the mark":
            for path in self.folder.iterdir():
                if path.name != "named":
                    path.unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(producing._Work, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        make(out)
    whole = out.read_bytes()
    assert not producing.is_taken(out)
    monkeypatch.setattr(producing._Work, "remove", remove)
    again = Frames()
    make(out, again)
    assert (again.made, out.read_bytes()) == ([], whole)
    assert not work.exists()
    assert producing.is_taken(out)
    with pytest.raises(MediaError, match="exists already"):
        make(out)


def test_a_film_of_another_key_is_no_reason_to_tidy_up(tmp_path, monkeypatch):
    out = tmp_path / "film.mkv"

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(producing._Work, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        make(out)
    whole = out.read_bytes()
    with pytest.raises(MediaError, match="exists already"):
        make(out, key={"scale": 3})
    assert out.read_bytes() == whole
    assert producing.is_taken(out)
