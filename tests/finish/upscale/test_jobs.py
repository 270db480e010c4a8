"""Pictures, folders and films: what is kept, what is refused, and going on."""

import os
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.finish.upscale.jobs import (
    JOURNAL,
    upscale_film,
    upscale_folder,
    upscale_picture,
)
from mutoscope.finish.upscale.upscaler import Upscaler
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.frames.mux import add_sound
from mutoscope.images import load_image, save_image
from mutoscope.provenance import read_recipe
from mutoscope.sound import SoundFile

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}
NOTE = {"model": "doubler", "scale": 2.0}


def picture(number, size=(12, 8)):
    generator = torch.Generator().manual_seed(number)
    return torch.rand(1, 3, size[1], size[0], generator=generator)


def doubled(image):
    return image.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(1, 5):
        save_image(picture(number), tmp_path / f"in/frame_{number}.png", recipe=RECIPE)
    return tmp_path / "in"


@pytest.fixture
def film(tmp_path):
    """Eight frames, of which two and two are the same, with a click at half a second."""
    samples = np.zeros(88_200, np.int16)
    samples[22_050:22_100] = 30_000
    with wave.open(str(tmp_path / "click.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(samples.tobytes())
    path = tmp_path / "in.mkv"
    with FilmSink(path, Fraction(30_000, 3003), recipe=RECIPE) as sink:
        for number in range(8):
            sink.write(picture(number // 2))
    add_sound(path, SoundFile(tmp_path / "click.wav"))
    return path


class Stopping:
    """An engine that is stopped after some pictures."""

    def __init__(self, engine, after):
        self.engine, self.left = engine, after
        self.name, self.factor = engine.name, engine.factor
        self.overlap, self.memory = engine.overlap, engine.memory

    def __call__(self, image):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return self.engine(image)


# --- pictures ------------------------------------------------------------------------------------


def test_a_picture_carries_its_recipe_with_a_note_for_each_time(folder, tmp_path, doubler):
    upscale_picture(folder / "frame_1.png", tmp_path / "a.png", doubler)
    assert read_recipe(tmp_path / "a.png") == {**RECIPE, "upscaled": [NOTE]}
    before = load_image(folder / "frame_1.png")
    assert load_image(tmp_path / "a.png").equal(doubled(before))
    upscale_picture(tmp_path / "a.png", tmp_path / "b.webp", doubler)
    assert read_recipe(tmp_path / "b.webp")["upscaled"] == [NOTE, NOTE]
    assert load_image(tmp_path / "b.webp").shape == (1, 3, 32, 48)


def test_a_picture_without_recipe_gets_none(tmp_path, doubler):
    save_image(picture(1), tmp_path / "in.png")
    upscale_picture(tmp_path / "in.png", tmp_path / "out.png", doubler)
    assert read_recipe(tmp_path / "out.png") is None


def test_transparency_is_kept(tmp_path, doubler):
    pixels = np.full((8, 12, 4), 200, np.uint8)
    pixels[:, :6, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "in.png")
    upscale_picture(tmp_path / "in.png", tmp_path / "out.png", doubler)
    with Image.open(tmp_path / "out.png") as made:
        alpha = np.asarray(made)[..., 3]
    assert alpha.shape == (16, 24)
    assert (alpha[:, :9] == 0).all()
    assert (alpha[:, 15:] == 200).all()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("taken.png", "exists already"),
        ("out.bmp", "not written as '.bmp'"),
        ("out", "without ending"),
        ("none/out.png", "there is no folder"),
        ("in", "not written"),
        ("folder.png", "is a folder"),
    ],
)
def test_what_can_not_be_written_is_refused_before_any_work(
    folder, tmp_path, doubler, name, complaint
):
    (tmp_path / "taken.png").write_bytes(b"mine")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(MediaError, match=complaint):
        upscale_picture(folder / "frame_1.png", tmp_path / name, doubler)
    assert doubler.engine.count == 0
    assert (tmp_path / "taken.png").read_bytes() == b"mine"


# --- folders -------------------------------------------------------------------------------------


def test_a_folder_is_upscaled_under_the_same_names(folder, tmp_path, doubler):
    told = []
    out = tmp_path / "a/out"
    assert upscale_folder(folder, out, doubler, told=lambda *at: told.append(at)) == 4
    names = {f"frame_{number}.png" for number in range(1, 5)}
    assert {path.name for path in out.iterdir()} == names | {JOURNAL}
    assert told == [(n, 4) for n in range(1, 5)]
    for name in names:
        assert load_image(out / name).equal(doubled(load_image(folder / name)))


def test_a_folder_goes_on_where_it_was_stopped(folder, tmp_path, doubler):
    out = tmp_path / "out"
    stopping = Upscaler(Stopping(doubler.engine, 2), 2.0, 0)
    with pytest.raises(KeyboardInterrupt):
        upscale_folder(folder, out, stopping)
    with (out / JOURNAL).open("a") as file:
        file.write('{"name": "frame_3.p')  # as if killed while writing
    assert upscale_folder(folder, out, doubler) == 2
    assert doubler.engine.count == 4
    assert upscale_folder(folder, out, doubler) <= 1


def test_a_picture_that_changed_or_vanished_is_made_again(folder, tmp_path, doubler):
    out = tmp_path / "out"
    upscale_folder(folder, out, doubler)
    assert upscale_folder(folder, out, doubler) == 0
    save_image(picture(9), folder / "frame_2.png")
    os.utime(folder / "frame_2.png", ns=(1, 1))
    (out / "frame_4.png").unlink()
    assert upscale_folder(folder, out, doubler) == 2
    made = load_image(out / "frame_2.png")
    assert made.equal(doubled(load_image(folder / "frame_2.png")))


def test_a_folder_that_holds_other_things_is_refused(folder, tmp_path, doubler):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(MediaError, match=r"holds other files \(thesis.txt\)"):
            upscale_folder(folder, out, doubler, overwrite=overwrite)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_results_of_another_scale_are_replaced_only_when_told(folder, tmp_path, doubler):
    out = tmp_path / "out"
    upscale_folder(folder, out, doubler)
    larger = Upscaler(doubler.engine, 3.0, 0)
    with pytest.raises(MediaError, match="made otherwise"):
        upscale_folder(folder, out, larger)
    assert upscale_folder(folder, out, larger, overwrite=True) == 4
    assert load_image(out / "frame_1.png").shape == (1, 3, 24, 36)


def test_a_folder_never_becomes_its_own_result(folder, doubler):
    with pytest.raises(MediaError, match="the pictures themselves"):
        upscale_folder(folder, folder, doubler, overwrite=True)


def test_a_damaged_picture_is_named_and_the_others_are_made(folder, tmp_path, doubler, caplog):
    (folder / "frame_2.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match=r"1 of 4 pictures .* \(frame_2.png\)"):
        upscale_folder(folder, tmp_path / "out", doubler)
    assert "frame_2.png" in caplog.text
    made = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert made == {"frame_1.png", "frame_3.png", "frame_4.png"}


# --- films ---------------------------------------------------------------------------------------


def test_a_film_keeps_rate_sound_and_recipe(film, tmp_path, doubler):
    out, told = tmp_path / "out.mkv", []
    upscale_film(film, out, doubler, told=lambda done, total: told.append(done))
    before, after = ClipSource(film), ClipSource(out)
    assert after.rate == before.rate
    pairs = list(zip(before, after, strict=True))
    assert len(pairs) == 8
    assert all(made.equal(doubled(image)) for image, made in pairs)
    assert read_recipe(out) == {**RECIPE, "upscaled": [NOTE]}
    assert told == list(range(9))
    assert doubler.engine.count == 4  # what stands still is worked on once
    with av.open(str(out)) as container:
        stream = container.streams.audio[0]
        blocks = [frame.to_ndarray()[0].astype(float) for frame in container.decode(stream)]
    assert np.abs(np.concatenate(blocks)).argmax() / 44_100 == pytest.approx(0.5, abs=0.01)


def test_a_film_goes_on_where_it_was_stopped(film, tmp_path, doubler):
    upscale_film(film, tmp_path / "whole.mp4", doubler)
    out = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        upscale_film(film, out, Upscaler(Stopping(doubler.engine, 2), 2.0, 0))
    assert not out.exists()
    count = doubler.engine.count
    upscale_film(film, out, doubler)
    assert doubler.engine.count - count == 2
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_sound_that_the_film_can_not_hold_is_left_out_with_a_notice(
    film, tmp_path, doubler, caplog
):
    upscale_film(film, tmp_path / "out.gif", doubler)
    assert "has no sound" in caplog.text
    assert ClipSource(tmp_path / "out.gif").size == (24, 16)


def test_a_film_is_not_written_over_itself(film, doubler):
    with pytest.raises(MediaError, match="is the film itself"):
        upscale_film(film, film, doubler, overwrite=True)
