"""Smoothing what lies on the disk: films, folders and runs, with what belongs to them."""

import logging
import shutil
import wave
from fractions import Fraction

import numpy as np
import pytest
import torch

from mutoscope.errors import MediaError
from mutoscope.finish.numbered import NOTE, missing_numbers, produce_pictures
from mutoscope.finish.smooth import smoothed
from mutoscope.finish.smooth_files import Smoothing, smooth_to_film, smooth_to_folder
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.frames.mux import add_sound
from mutoscope.images import from_bytes, load_image, save_image, to_bytes
from mutoscope.lock import FolderLock
from mutoscope.provenance import read_recipe
from mutoscope.smoothing import Window
from mutoscope.sound import SoundFile

pytestmark = pytest.mark.usefixtures("single_thread")

WINDOW = Window(3, 0.5)
RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}


def picture(number, size=(48, 36)):
    """A gradient that moves, with grain."""
    width, height = size
    x = np.arange(width)[None, :, None] + number
    y = np.arange(height)[:, None, None]
    waves = np.sin(x / 3 + y / 5 + np.arange(3)) * 80 + 128
    grain = np.random.default_rng(number).normal(0, 12, (height, width, 3))
    return from_bytes((waves + grain).clip(0, 255).astype(np.uint8))


FILM = [picture(number) for number in range(6)]
CALM = [torch.from_numpy(to_bytes(each)) for each in smoothed(lambda n: iter(FILM[n:]), WINDOW)(0)]


@pytest.fixture
def folder(tmp_path):
    """Six pictures with recipes, numbered from 8 to 13."""
    made = tmp_path / "pictures"
    made.mkdir()
    for number, image in enumerate(FILM, 8):
        save_image(image, made / f"fox_{number}.png", recipe={**RECIPE, "frame": number})
    return made


@pytest.fixture
def film(tmp_path):
    """The same as a lossless film of 10 pictures a second, with sound."""
    silent, path = tmp_path / "silent.mkv", tmp_path / "film.mkv"
    with FilmSink(silent, 10, recipe=RECIPE) as sink:
        for image in FILM:
            sink.write(image)
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.sin(np.arange(4800) / 4) * 9000).astype("<i2").tobytes())
    add_sound(silent, SoundFile(tmp_path / "tone.wav"), path)
    return path


def bytes_of(images):
    return [torch.from_numpy(to_bytes(image)) for image in images]


def same(ours, theirs):
    return all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))


def state_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# ── films ──


def test_a_film_keeps_rate_sound_and_recipe(film, tmp_path):
    out, told = tmp_path / "calm.mkv", []
    smooth_to_film(Smoothing(film, WINDOW), out, progress=lambda *counts: told.append(counts))
    source = ClipSource(out)
    assert source.rate == 10
    assert same(bytes_of(source), CALM)
    assert SoundFile(out).rate == SoundFile(film).rate  # and there is one
    assert read_recipe(out) == {**RECIPE, "smooth": {"buffer": 3, "alpha": 0.5}}
    assert told == [(number, 6) for number in range(7)]


def test_a_film_of_a_folder_has_the_rate_that_is_asked_for(folder, tmp_path):
    out = tmp_path / "calm.mkv"
    smooth_to_film(Smoothing(folder, WINDOW), out, rate=Fraction(25))
    assert ClipSource(out).rate == 25
    assert same(bytes_of(ClipSource(out)), CALM)


def test_a_film_that_is_stopped_goes_on_to_the_same(film, tmp_path):
    whole, out = tmp_path / "whole.mkv", tmp_path / "out.mkv"
    smooth_to_film(Smoothing(film, WINDOW), whole)

    def stop(done, _total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        smooth_to_film(Smoothing(film, WINDOW), out, progress=stop)
    assert not out.exists()
    told = []
    smooth_to_film(Smoothing(film, WINDOW), out, progress=lambda done, _: told.append(done))
    assert told == [2, 3, 4, 5, 6] or told == [3, 4, 5, 6]
    assert out.read_bytes() == whole.read_bytes()


def test_another_window_or_source_is_other_work(film):
    key = Smoothing(film, WINDOW).key([film])
    assert Smoothing(film, Window(5, 0.5)).key([film]) != key
    assert Smoothing(film, Window(3, 0.4)).key([film]) != key
    film.write_bytes(film.read_bytes() + b" ")
    assert Smoothing(film, WINDOW).key([film]) != key


def test_a_film_that_is_there_is_refused_unless_it_may_be_replaced(folder, film):
    before = film.read_bytes()
    with pytest.raises(MediaError, match="exists already"):
        smooth_to_film(Smoothing(folder, WINDOW), film)
    assert film.read_bytes() == before
    smooth_to_film(Smoothing(folder, WINDOW, overwrite=True), film)
    assert same(bytes_of(ClipSource(film)), CALM)


# ── folders ──


def test_pictures_keep_names_and_recipes(folder, tmp_path):
    out = tmp_path / "calm"
    smooth_to_folder(Smoothing(folder, WINDOW), out)
    names = [f"fox_{number}.png" for number in range(8, 14)]
    assert {path.name for path in out.iterdir()} == {*names, NOTE}
    assert same(bytes_of(load_image(out / name) for name in names), CALM)
    assert read_recipe(out / "fox_9.png") == {
        **RECIPE, "frame": 9, "smooth": {"buffer": 3, "alpha": 0.5}
    }  # fmt: skip


def test_a_film_may_become_pictures(film, tmp_path):
    out = tmp_path / "calm"
    smooth_to_folder(Smoothing(film, WINDOW), out)
    paths = [out / f"film_{number}.png" for number in range(1, 7)]
    assert same(bytes_of(map(load_image, paths)), CALM)
    assert read_recipe(paths[3])["frame"] == 4


def test_pictures_that_are_there_are_not_made_again(folder, tmp_path):
    out = tmp_path / "calm"

    def stop(done, _total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        smooth_to_folder(Smoothing(folder, WINDOW), out, progress=stop)
    before = {path: path.stat().st_mtime_ns for path in out.glob("fox_*.png")}
    assert len(before) == 4
    smooth_to_folder(Smoothing(folder, WINDOW), out)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert same(bytes_of(load_image(out / f"fox_{n}.png") for n in range(8, 14)), CALM)
    lost = out / "fox_10.png"
    lost.unlink()
    smooth_to_folder(Smoothing(folder, WINDOW), out)
    assert same(bytes_of([load_image(lost)]), CALM[2:3])


def test_a_folder_with_other_files_is_refused_and_stays(folder, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    (out / "fox_8.png").write_bytes(b"mine")
    before = state_of(out)
    with pytest.raises(MediaError, match=r"mine: is not empty \(fox_8.png .*another folder"):
        smooth_to_folder(Smoothing(folder, WINDOW), out)
    assert state_of(out) == before
    smooth_to_folder(Smoothing(folder, WINDOW, overwrite=True), out)
    assert (out / "letter.txt").read_text() == "dear"
    assert same(bytes_of([load_image(out / "fox_8.png")]), CALM[:1])


def test_the_results_of_other_work_are_refused(folder, tmp_path):
    out = tmp_path / "calm"
    smooth_to_folder(Smoothing(folder, WINDOW), out)
    before = state_of(out)
    with pytest.raises(MediaError, match="pictures of another work"):
        smooth_to_folder(Smoothing(folder, Window(5, 0.5)), out)
    assert state_of(out) == before
    smooth_to_folder(Smoothing(folder, Window(5, 0.5), overwrite=True), out)
    assert state_of(out)["fox_10.png"] != before["fox_10.png"]


def test_what_was_overwritten_half_is_made_to_its_end(folder, tmp_path):
    """Old pictures of the same names must not count as made."""
    out = tmp_path / "calm"
    smooth_to_folder(Smoothing(folder, Window(5, 0)), out)

    def stop(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        smooth_to_folder(Smoothing(folder, WINDOW, overwrite=True), out, progress=stop)
    smooth_to_folder(Smoothing(folder, WINDOW), out)
    assert same(bytes_of(load_image(out / f"fox_{n}.png") for n in range(8, 14)), CALM)


def test_a_folder_is_never_smoothed_into_itself(folder):
    before = state_of(folder)
    with pytest.raises(MediaError, match="holds the pictures themselves"):
        smooth_to_folder(Smoothing(folder, WINDOW, overwrite=True), folder)
    assert state_of(folder) == before


def test_a_file_or_a_folder_in_use_is_refused(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="file: is a file"):
        smooth_to_folder(Smoothing(folder, WINDOW), tmp_path / "file")
    out = tmp_path / "calm"
    out.mkdir()
    lock = FolderLock(out)
    try:
        with pytest.raises(Exception, match="in use by process"):
            smooth_to_folder(Smoothing(folder, WINDOW), out)
    finally:
        lock.release()


# ── what is wrong with the source ──


def test_missing_numbers_are_named_and_gone_on_without(folder, tmp_path, caplog):
    (folder / "fox_10.png").unlink()
    (folder / "fox_12.png").unlink()
    with caplog.at_level(logging.WARNING, "mutoscope"):
        smooth_to_folder(Smoothing(folder, WINDOW), tmp_path / "calm")
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}: pictures are missing (10, 12); those around them are smoothed as neighbours"
    ]
    assert len(list((tmp_path / "calm").glob("*.png"))) == 4


@pytest.mark.parametrize("to", ["calm", "calm.mkv"])
def test_another_size_is_named_in_one_line(folder, tmp_path, to):
    save_image(picture(9, (40, 36)), folder / "fox_10.png")
    write = smooth_to_film if to.endswith(".mkv") else smooth_to_folder
    with pytest.raises(MediaError) as caught:
        write(Smoothing(folder, WINDOW), tmp_path / to)
    text = str(caught.value)
    assert "\n" not in text
    assert "is 40 × 36, but the first is 48 × 36" in text
    assert ("fox_10.png" if to == "calm" else "picture 3") in text


def test_a_damaged_picture_stops_a_folder_and_is_left_out_of_a_film(folder, tmp_path):
    (folder / "fox_11.png").write_bytes(b"\x89PNG")
    with pytest.raises(MediaError, match=r"fox_11\.png"):
        smooth_to_folder(Smoothing(folder, WINDOW), tmp_path / "calm")
    smooth_to_film(Smoothing(folder, WINDOW), tmp_path / "calm.mkv")
    assert len(list(ClipSource(tmp_path / "calm.mkv"))) == 5


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(MediaError, match="nothing: does not exist; give the folder of a run"):
        smooth_to_folder(Smoothing(tmp_path / "nothing", WINDOW), tmp_path / "calm")
    with pytest.raises(MediaError, match="does not exist"):
        smooth_to_film(Smoothing(tmp_path / "nothing", WINDOW), tmp_path / "calm.mp4")
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match="holds no picture"):
        smooth_to_folder(Smoothing(tmp_path / "empty", WINDOW), tmp_path / "calm")


# ── numbered pictures ──


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["a_1", "a_2", "a_3"], ""),
        (["a_1", "a_3", "a_4"], "2"),
        (["a_0", "a_10", "a_20"], ""),
        (["a_0", "a_10", "a_30"], "20"),
        (["a_01", "a_02", "a_05"], "3, 4"),
        ([f"a_{n}" for n in (*range(1, 20), *range(27, 50))], "20, 21, 22, 23, 24 and 2 more"),
        (["a_1", "b_3", "c_4"], ""),
        (["fox", "hen"], ""),
        (["a_1"], ""),
        (["a_1", "a_01", "a_3"], ""),
        (["a_1_x", "a_3_x", "a_4_x"], "2"),
        (["a_1", "a_2", "a_1000"], ""),
    ],
)
def test_missing_numbers(tmp_path, names, missing):
    assert missing_numbers([tmp_path / f"{name}.png" for name in names]) == missing


def test_pictures_in_a_folder_that_can_t_be_made(tmp_path):
    with pytest.raises(MediaError, match="can't be written: it does not exist"):
        produce_pictures(tmp_path / "no" / "such", lambda _: iter(FILM), ["a.png"], key={})


def test_part_files_of_a_killed_process_are_swept(folder, tmp_path):
    out = tmp_path / "calm"
    smooth_to_folder(Smoothing(folder, WINDOW), out)
    (out / ".fox_8.png.1-0123abcd.part").write_bytes(b"half")
    shutil.copy(out / "fox_8.png", tmp_path / "first.png")
    (out / "fox_8.png").unlink()
    smooth_to_folder(Smoothing(folder, WINDOW), out)
    assert (out / "fox_8.png").read_bytes() == (tmp_path / "first.png").read_bytes()
    assert not list(out.glob(".*.part"))
