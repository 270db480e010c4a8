"""Every kind of film: written, and read back by another reader or by ours."""

import math
from fractions import Fraction

import av
import pytest
import torch
from PIL import Image, ImageSequence

from mutoscope.errors import MediaError
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.frames import gif as gif_module
from mutoscope.frames.codecs import CODECS
from mutoscope.images import from_bytes, resize
from mutoscope.provenance import read_recipe

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox " * 100}}
LOSSLESS = (".mkv", ".png")
ANIMATIONS = (".gif", ".webp", ".png")


def pictures(count=10, size=(64, 48), seed=0):
    """Soft colours that drift, as bytes have them."""
    generator = torch.Generator().manual_seed(seed)
    start, end = torch.rand(2, 1, 3, 3, 4, generator=generator)
    steps = [resize(start + (end - start) * n / count, size) for n in range(count)]
    return [(image * 255).round() / 255 for image in steps]


def make(path, frames, rate=12, **options):
    with FilmSink(path, rate, **options) as film:
        for frame in frames:
            film.write(frame)
    return path


def back(path, rate=12):
    """The pictures of a film, and how long it lasts in seconds."""
    if path.suffix != ".webp":
        with av.open(str(path)) as container:
            times = [frame.time for frame in container.decode(video=0)]
        return list(ClipSource(path, rate)), times[-1] + (times[-1] - times[-2])
    frames, duration = [], 0
    with Image.open(path) as film:
        for frame in ImageSequence.Iterator(film):
            frame.load()
            duration += frame.info["duration"]
            frames.append(pixels_of(frame))
    return frames, duration / 1000


def pixels_of(frame):
    data = bytearray(frame.convert("RGB").tobytes())
    array = torch.frombuffer(data, dtype=torch.uint8).view(frame.height, frame.width, 3)
    return from_bytes(array.numpy())


def psnr(ones, others):
    errors = [float((one - other).square().mean()) for one, other in zip(ones, others, strict=True)]
    return 10 * math.log10(1 / max(1e-10, sum(errors) / len(errors)))


@pytest.mark.parametrize(
    ("suffix", "least"),
    [(".mp4", 38), (".mov", 45), (".webm", 38), (".mkv", 99), (".gif", 28), (".webp", 36),
     (".png", 99)],
)  # fmt: skip
def test_a_film_comes_back(tmp_path, suffix, least):
    frames = pictures()
    path = make(tmp_path / f"a{suffix}", frames)
    found, duration = back(path)
    assert len(found) == 10
    assert duration == pytest.approx(10 / 12, abs=1 / 12)
    assert psnr(found, frames) > least
    drift = sum(float((one - other).mean()) for one, other in zip(found, frames, strict=True)) / 10
    assert abs(drift) < 0.004
    if suffix in LOSSLESS:
        assert all(one.equal(other) for one, other in zip(found, frames, strict=True))


def test_every_kind_is_tested():
    assert set(CODECS) == {".mp4", ".mov", ".webm", ".mkv", *ANIMATIONS}


@pytest.mark.parametrize("suffix", list(CODECS))
def test_equal_pictures_are_equal_bytes_and_the_ending_may_be_in_capitals(tmp_path, suffix):
    frames = pictures(5, (80, 70))
    one = make(tmp_path / f"a{suffix}", frames, recipe=RECIPE)
    other = make(tmp_path / f"b{suffix.upper()}", frames, recipe=RECIPE)
    assert one.read_bytes() == other.read_bytes()
    assert read_recipe(other) == RECIPE
    assert read_recipe(make(tmp_path / f"c{suffix}", frames)) is None


@pytest.mark.parametrize("suffix", list(CODECS))
def test_a_recipe_may_be_long_and_a_film_short(tmp_path, suffix):
    long = {**RECIPE, "settings": {"scenes": "fox " * 30_000}}
    path = make(tmp_path / f"a{suffix}", pictures(1), recipe=long, title="A fox")
    assert read_recipe(path) == long
    if suffix in (".webp", ".png"):  # one picture is a still
        with Image.open(path) as film:
            assert psnr([pixels_of(film)], pictures(1)) > 30
    else:
        assert len(list(ClipSource(path))) == 1


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mkv", ".png"])
@pytest.mark.parametrize("size", [(33, 24), (33, 25), (3, 2)])
def test_sides_may_be_odd_where_the_codec_allows_it(tmp_path, suffix, size):
    frames = pictures(3, size)
    found, _ = back(make(tmp_path / f"a{suffix}", frames))
    assert found[0].shape == frames[0].shape


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_odd_sides_are_extended_where_it_does_not(tmp_path, suffix):
    found, _ = back(make(tmp_path / f"a{suffix}", pictures(3, (33, 25))))
    assert found[0].shape == (1, 3, 26, 34)
    assert (found[0][..., -1] - found[0][..., -2]).abs().max() < 0.05


def delays(path):
    with Image.open(path) as film:
        found = []
        for frame in ImageSequence.Iterator(film):
            frame.load()
            found.append(frame.info["duration"])
        return found


@pytest.mark.parametrize("rate", [12, 30, Fraction(24_000, 1001), 7])
def test_the_delays_of_an_animation_add_up(tmp_path, rate):
    for suffix in ANIMATIONS:
        found = delays(make(tmp_path / f"a{suffix}", pictures(25, (8, 8)), rate, overwrite=True))
        step = {".gif": 10, ".webp": 1, ".png": 0.01}[suffix]
        assert len(found) == 25
        assert sum(found) == pytest.approx(25_000 / float(rate), abs=2 * step)
        assert max(found) - min(found) <= step


@pytest.mark.parametrize(("plays", "said"), [(0, 0), (3, 3), (1, 1)])
@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_how_often_it_is_played(tmp_path, suffix, plays, said):
    with Image.open(make(tmp_path / f"a{suffix}", pictures(3), plays=plays)) as film:
        assert film.info["loop"] == said


@pytest.mark.parametrize(("plays", "said"), [(0, 0), (3, 2), (1, None)])
def test_how_often_a_gif_is_played(tmp_path, plays, said):
    """It counts the repetitions after the first time, and says nothing of none."""
    with Image.open(make(tmp_path / "a.gif", pictures(3), plays=plays)) as film:
        assert film.info.get("loop") == said


def test_a_gif_has_one_palette_and_what_stands_still_does(tmp_path):
    frames = pictures(4)
    frames = [torch.cat([frames[0][..., :32], frame[..., 32:]], dim=-1) for frame in frames]
    found, _ = back(make(tmp_path / "a.gif", frames))
    assert all(frame[..., :32].equal(found[0][..., :32]) for frame in found)
    assert not found[3][..., 32:].equal(found[0][..., 32:])
    colours = torch.cat(found).permute(0, 2, 3, 1).reshape(-1, 3).unique(dim=0)
    assert 64 < len(colours) <= 256


def test_prores_has_ten_bits_and_says_its_colours(tmp_path):
    with av.open(str(make(tmp_path / "a.mov", pictures(2)))) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("prores", "yuv422p10le")
        assert context.profile == "HQ"
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)


@pytest.mark.parametrize("suffix", list(CODECS))
def test_an_aborted_or_empty_film_leaves_nothing(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    make(path, [])
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"mine")
    with pytest.raises(MediaError, match="exists already"):
        FilmSink(path, 12)
    film = FilmSink(path, 12, overwrite=True)
    for frame in pictures(3):
        film.write(frame)
    film.abort()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_second_pass_leaves_nothing(tmp_path, monkeypatch, trouble):
    def stop(*_):
        raise trouble

    film = FilmSink(tmp_path / "a.gif", 12)
    film.write(pictures(1)[0])
    monkeypatch.setattr(gif_module, "_ready", stop)
    with pytest.raises(trouble):
        film.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", list(CODECS))
def test_names_are_names_and_nothing_else(tmp_path, suffix):
    for name in ("-i", "a%03d", "a b'ö(1)", "x:y", "pipe:1", "a?b#c", "狐" * 60):
        path = make(tmp_path / f"{name}{suffix}", pictures(2), recipe=RECIPE)
        assert read_recipe(path) == RECIPE
    assert len(list(tmp_path.iterdir())) == 7


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("a.avi", {}, r"a\.avi: films are not written as '\.avi'; allowed are \.mp4"),
        ("a", {}, "without ending"),
        ("a.mpp4", {}, "did you mean"),
        ("a.gif", {"rate": 60}, "at most 50"),
        ("a.mov", {"crf": 5}, "leave it out"),
        ("a.webm", {"crf": 64}, "0 .best. to 63"),
        ("a.mp4", {"plays": 2}, "how often"),
        ("a.gif", {"plays": -1}, "-1 plays"),
    ],
)
def test_what_a_kind_cannot_do_is_said(tmp_path, name, options, says):
    with pytest.raises(MediaError, match=says):
        FilmSink(tmp_path / name, **{"rate": 12, **options})


def test_what_is_too_large_for_a_kind_is_said(tmp_path):
    film = FilmSink(tmp_path / "a.webp", 12)
    with pytest.raises(MediaError, match="16383"):
        film.write(torch.zeros(1, 3, 1, 16_384))
    film.close()
    assert list(tmp_path.iterdir()) == []
