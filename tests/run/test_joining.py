"""What is joined, in which order, at which size and pace, and with which sound."""

import logging
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from mutoscope.errors import MediaError, RunError
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.images import save_image
from mutoscope.run import FilmPlan, Run
from mutoscope.run.joining import Finish, Joined, extras_of, join, letterboxed
from mutoscope.run.material import Clip, Stills, material_of
from mutoscope.sound import SoundFile

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}


def grey(level, size=(48, 32)):
    return torch.full((1, 3, size[1], size[0]), level / 255)


@pytest.fixture
def folder(tmp_path):
    """Makes a folder of grey pictures."""

    def made(name, levels, size=(48, 32)):
        (tmp_path / name).mkdir()
        for number, level in enumerate(levels, 1):
            save_image(grey(level, size), tmp_path / name / f"{number}.png")
        return tmp_path / name

    return made


@pytest.fixture
def run_of(tmp_path):
    """Makes a run of grey frames."""

    def made(name, levels, **plan):
        film = FilmPlan(Fraction(10), recipe=RECIPE, title="A fox", **plan)
        options = {"relative_to": tmp_path, "film": film}
        with Run.start(tmp_path, name, "scenes: a fox\n", **options) as run:
            for number, level in enumerate(levels, 1):
                run.keep(number, grey(level), tensors={}, recipe=RECIPE)
            return run.folder

    return made


@pytest.fixture
def click(tmp_path):
    """Makes a sound of four seconds that clicks at a moment."""

    def made(name, moment):
        samples = np.zeros(4 * 44_100, np.int16)
        samples[round(moment * 44_100) :][:32] = 30_000
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setparams((1, 2, 44_100, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        return tmp_path / name

    return made


def levels_of(source):
    return [round(float(image.mean()) * 255) for image in source]


def click_in(path):
    """When the click of a film is heard, and how long its sound is."""
    sound = SoundFile(path)
    samples = np.concatenate(list(sound.blocks(0, 6 * sound.rate, size=sound.rate)), axis=1)
    return np.abs(samples).max(axis=0).argmax() / sound.rate, sound.ends


# ── order, pace and size ──


def test_all_kinds_follow_each_other_as_given(folder, run_of, tmp_path):
    with FilmSink(tmp_path / "c.mkv", 5) as sink:
        for level in (100, 200):
            sink.write(grey(level))
    given = [run_of("b", (30, 20)), folder("a", (60, 50, 40)), tmp_path / "c.mkv"]
    joined = Joined([material_of(path) for path in given])
    assert joined.rate == 10  # the run's
    assert levels_of(joined) == [30, 20, 60, 50, 40, 100, 100, 200, 200]
    assert joined.length == 9
    assert levels_of(joined) == levels_of(joined)


def test_a_run_that_closes_is_shown_in_its_order(run_of):
    closed = run_of("a", (10, 20, 30, 40, 50, 60), lap=2, files=6)
    assert levels_of(Joined([material_of(closed)])) == [50, 60, 30, 40]


@pytest.mark.parametrize(
    ("span", "levels"),
    [((1, 3), [1, 2, 3]), ((3, 7), [3, 4, 5, 6, 7]), ((6, None), [6, 7, 8, 9]), ((9, 99), [9])],
)
def test_a_span_counts_over_all(folder, tmp_path, span, levels):
    with FilmSink(tmp_path / "b.mkv", 12) as sink:
        for level in (4, 5, 6):
            sink.write(grey(level))
    paths = [folder("a", (1, 2, 3)), tmp_path / "b.mkv", folder("c", (7, 8, 9))]
    joined = Joined([material_of(path) for path in paths], span=span)
    assert levels_of(joined) == levels
    assert joined.length == len(levels)


def test_other_sizes_are_refused_or_lie_in_black(folder):
    materials = [material_of(folder("a", (90,))), material_of(folder("b", (200,), (16, 32)))]
    with pytest.raises(MediaError, match=r"a is 48 × 32, .*b is 16 × 32; .*--fit"):
        Joined(materials)
    first, second = Joined(materials, fit=True)
    assert first.shape == second.shape
    assert second[..., 16:32].mean() == pytest.approx(200 / 255)
    assert second[..., :16].max() == second[..., 32:].max() == 0


@pytest.mark.parametrize("given", [(10, 40), (200, 3), (7, 7), (1, 500), (48, 32)])
def test_nothing_is_distorted(given):
    inside = letterboxed(grey(255, given), (48, 32))[0, 0] > 0.5
    width, height = int(inside.any(dim=0).sum()), int(inside.any(dim=1).sum())
    assert width == 48 or height == 32
    scale = min(48 / given[0], 32 / given[1])
    assert width == pytest.approx(max(1, given[0] * scale), abs=0.5)
    assert height == pytest.approx(max(1, given[1] * scale), abs=0.5)


def test_what_cannot_be_joined_is_named(folder, tmp_path, run_of):
    (tmp_path / "empty").mkdir()
    for path, says in ((tmp_path / "empty", "no picture"), (tmp_path / "x.mp4", "not exist")):
        with pytest.raises(MediaError, match=says):
            material_of(path)
    with pytest.raises(RunError, match="no frame yet"):
        material_of(run_of("a", ()))
    with pytest.raises(MediaError, match=r"1\.\.3"):
        Joined([material_of(folder("b", (1, 2, 3)))], span=(4, None))


def test_a_notice_of_many_pictures_is_given_once(tmp_path, caplog):
    from PIL import Image

    (tmp_path / "a").mkdir()
    for number in range(5):
        Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(tmp_path / f"a/{number}.png")
    joined = Joined([material_of(tmp_path / "a")])
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="mutoscope"):
        join(joined, tmp_path / "a.mkv", extras_of(joined, tmp_path / "a.mkv"), Finish())
    assert [record.getMessage().count("white") for record in caplog.records] == [1]
    assert levels_of(ClipSource(tmp_path / "a.mkv")) == [255] * 5


# ── sound and recipe ──


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".mkv"])
def test_a_run_brings_its_recipe_and_its_sound_in_step(run_of, click, tmp_path, suffix):
    """A flash at 1.5 s, and the click that the sound has at 2.25 s, heard from 0.75 s on."""
    levels = [255 if n == 15 else 0 for n in range(20)]
    run = run_of("a", levels, sound=click("song.wav", 2.25), sound_from=0.75)
    path = tmp_path / f"out{suffix}"
    joined = Joined([material_of(run)], span=(6, 18))
    extras = extras_of(joined, path)
    assert extras.recipe == RECIPE
    join(joined, path, extras, Finish())
    heard, length = click_in(path)
    assert heard == pytest.approx(1.0, abs=0.5 / 10 / 5)
    assert length == pytest.approx(1.3, abs=0.03)
    with av.open(str(path)) as container:
        shown = [(frame.time, frame.reformat(format="gray").to_ndarray().mean())
                 for frame in container.decode(video=0)]  # fmt: skip
    assert len(shown) == 13
    assert max(shown, key=lambda pair: pair[1])[0] == pytest.approx(1.0, abs=0.001)


def test_a_film_brings_its_sound_whatever_the_rate(run_of, click, tmp_path):
    run = run_of("a", [0] * 20, sound=click("song.wav", 1.5))
    material = material_of(run / "a.mp4")
    joined = Joined([material], rate=Fraction(24))
    extras = extras_of(joined, tmp_path / "b.mkv")
    join(joined, tmp_path / "b.mkv", extras, Finish())
    assert extras.recipe == RECIPE
    assert len(list(ClipSource(tmp_path / "b.mkv"))) == 48
    assert click_in(tmp_path / "b.mkv")[0] == pytest.approx(1.5, abs=0.003)


def test_a_sound_that_no_longer_fits_is_left_out_and_said(run_of, click, tmp_path, caplog):
    run = run_of("a", [0] * 5, sound=click("song.wav", 1))
    out = tmp_path / "a.mp4"
    for joined, why in (
        (Joined([material_of(run)], rate=Fraction(20)), "another pace"),
        (Joined([material_of(run), material_of(run)]), "joined with others"),
    ):
        caplog.clear()
        assert extras_of(joined, out).sound is None
        assert why in caplog.text
        caplog.clear()
        told = extras_of(joined, out, sound=run.parent / "song.wav", sound_from=0.5)
        assert (told.sound, told.sound_from) == (run.parent / "song.wav", 0.5)
        assert caplog.text == ""
    silent = extras_of(Joined([material_of(run)]), tmp_path / "a.gif")
    assert (silent.sound, silent.recipe, caplog.text) == (None, RECIPE, "")
    (tmp_path / "song.wav").unlink()
    assert extras_of(Joined([material_of(run)]), out).sound is None
    assert "song.wav" in caplog.text


def test_a_film_may_go_round_under_one_sound(folder, click, tmp_path):
    joined = Joined([material_of(folder("a", [10] * 6))], rate=Fraction(6))
    extras = extras_of(joined, tmp_path / "a.mkv", sound=click("song.wav", 2.5))
    join(joined, tmp_path / "a.mkv", extras, Finish(loop=3))
    assert len(list(ClipSource(tmp_path / "a.mkv"))) == 18
    heard, length = click_in(tmp_path / "a.mkv")
    assert (heard, length) == pytest.approx((2.5, 3.0), abs=0.003)


# ── what a failure leaves ──


class Ended(Stills):
    def pictures(self, rate, first=0, last=None):
        yield from super().pictures(rate, first, 1)
        raise KeyboardInterrupt


@pytest.mark.parametrize("sounding", [False, True])
def test_ctrl_c_leaves_what_was_there(folder, click, tmp_path, sounding):
    pictures = folder("a", (1, 2, 3))
    song = click("song.wav", 1) if sounding else None
    (tmp_path / "out.mp4").write_bytes(b"mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    joined = Joined([Ended(pictures, sorted(pictures.iterdir()))])
    extras = extras_of(joined, tmp_path / "out.mp4", sound=song)
    with pytest.raises(KeyboardInterrupt):
        join(joined, tmp_path / "out.mp4", extras, Finish(overwrite=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "out.mp4").read_bytes() == b"mine"


def test_a_sound_that_fails_at_the_end_leaves_nothing(folder, click, tmp_path, monkeypatch):
    def fails(self, *_, **__):
        raise MediaError("song.wav: is damaged")

    joined = Joined([material_of(folder("a", (1, 2, 3)))])
    extras = extras_of(joined, tmp_path / "out.mov", sound=click("song.wav", 1))
    monkeypatch.setattr(SoundFile, "blocks", fails)
    with pytest.raises(MediaError, match="is damaged"):
        join(joined, tmp_path / "out.mov", extras, Finish())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "song.wav"]


def test_nothing_is_overwritten_unasked(folder, click, tmp_path):
    joined = Joined([material_of(folder("a", (1, 2, 3)))])
    (tmp_path / "out.mp4").write_bytes(b"mine")
    for sound in (None, click("song.wav", 1)):
        extras = extras_of(joined, tmp_path / "out.mp4", sound=sound)
        with pytest.raises(MediaError, match="exists already"):
            join(joined, tmp_path / "out.mp4", extras, Finish())
        assert (tmp_path / "out.mp4").read_bytes() == b"mine"
    join(joined, tmp_path / "out.mp4", extras, Finish(overwrite=True))
    assert isinstance(material_of(tmp_path / "out.mp4"), Clip)
