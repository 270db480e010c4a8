import errno
import itertools
from fractions import Fraction

import av
import pytest
import torch

from mutoscope.errors import MediaError
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.frames import film as film_module
from mutoscope.images import resize


def pictures(count=6, size=(32, 24)):
    generator = torch.Generator().manual_seed(0)
    return [resize(torch.rand(1, 3, 3, 4, generator=generator), size) for _ in range(count)]


def make(path, frames, rate=12, **options):
    with FilmSink(path, rate, **options) as film:
        for frame in frames:
            film.write(frame)


def stream_of(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        decoded = list(container.decode(stream))
        return {
            "frames": len(decoded),
            "rate": stream.average_rate,
            "codec": context.name,
            "format": context.pix_fmt,
            "size": (context.width, context.height),
            "colour": (
                context.color_primaries, context.color_trc, context.colorspace, context.color_range,
            ),
            "times": [frame.time for frame in decoded],
            "duration": stream.duration * stream.time_base,
        }  # fmt: skip


@pytest.mark.parametrize("rate", [12, Fraction(30000, 1001), 23.976, Fraction(1, 2)])
def test_every_frame_is_there_at_its_time(tmp_path, rate):
    make(tmp_path / "a.mp4", pictures(7), rate)
    found = stream_of(tmp_path / "a.mp4")
    exact = Fraction(rate).limit_denominator(1001)
    assert found["frames"] == 7
    assert found["rate"] == exact
    assert found["times"] == pytest.approx([n / exact for n in range(7)])
    assert found["duration"] == pytest.approx(7 / exact)
    assert (found["codec"], found["format"]) == ("h264", "yuv420p")
    assert found["colour"] == (1, 1, 1, 1)


def test_the_index_is_in_front(tmp_path):
    make(tmp_path / "a.mp4", pictures())
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_colours_come_back(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (30, 200, 100)]
    flats = [torch.tensor(c).view(1, 3, 1, 1).expand(1, 3, 32, 32) / 255 for c in colours]
    make(tmp_path / "a.mp4", flats, crf=4)
    for image, flat in zip(ClipSource(tmp_path / "a.mp4"), flats, strict=True):
        assert (image - flat).abs().max() <= 3 / 255


def test_frames_come_back_nearly_as_they_went(tmp_path):
    frames = pictures(5, (64, 48))
    make(tmp_path / "a.mp4", frames)
    back = list(ClipSource(tmp_path / "a.mp4"))
    for one, other in zip(frames, back, strict=True):
        assert (one - other).abs().mean() < 0.02
        assert (one - other).mean().abs() < 0.003  # no drift in lightness


@pytest.mark.parametrize("size", [(33, 24), (32, 25), (33, 25)])
def test_odd_sides_are_extended_by_their_edge(tmp_path, size):
    frame = torch.full((1, 3, size[1], size[0]), 0.2)
    frame[..., -1:] = 1.0
    frame[..., -1, :] = 1.0
    make(tmp_path / "a.mp4", [frame] * 3, crf=2)
    image = next(iter(ClipSource(tmp_path / "a.mp4")))
    width, height = image.shape[-1], image.shape[-2]
    assert (width, height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert image[..., -1].min() > 0.9
    assert image[..., -1, :].min() > 0.9


@pytest.mark.parametrize("size", [(32, 24), (224, 224)])
def test_equal_frames_are_equal_bytes(tmp_path, size):
    """Six times, in memory that other work has left in six states."""
    generator = torch.Generator().manual_seed(0)
    frames = [torch.rand(1, 3, size[1], size[0], generator=generator) for _ in range(5)]
    frames = [(one + other) / 2 for one, other in itertools.pairwise(frames)]
    films = set()
    for trial in range(6):
        litter = [bytearray(range(256)) * (trial * number) for number in range(20)]
        make(tmp_path / "a.mp4", [frame.clone() for frame in frames], title="fox", overwrite=True)
        films.add((tmp_path / "a.mp4").read_bytes())
        del litter
    assert len(films) == 1


def test_while_it_is_made_it_has_no_name(tmp_path):
    with FilmSink(tmp_path / "a.mp4", 12) as film:
        film.write(pictures(1)[0])
        assert not (tmp_path / "a.mp4").exists()
        assert all(path.name.startswith(".") for path in tmp_path.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError])
def test_what_was_filmed_before_an_error_is_kept(tmp_path, trouble):
    def stop_in_the_middle():
        with FilmSink(tmp_path / "a.mp4", 12) as film:
            for frame in pictures(4):
                film.write(frame)
            raise trouble

    with pytest.raises(trouble):
        stop_in_the_middle()
    assert stream_of(tmp_path / "a.mp4")["frames"] == 4


def test_an_aborted_film_leaves_nothing_and_touches_nothing(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")
    film = FilmSink(tmp_path / "a.mp4", 12, overwrite=True)
    film.write(pictures(1)[0])
    film.abort()
    film.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


def test_of_no_frame_no_file_is_made(tmp_path):
    make(tmp_path / "a.mp4", [])
    assert list(tmp_path.iterdir()) == []


def test_an_existing_film_is_not_overwritten_unasked(tmp_path):
    make(tmp_path / "a.mp4", pictures(2))
    with pytest.raises(MediaError, match="exists already"):
        FilmSink(tmp_path / "a.mp4", 12)
    make(tmp_path / "a.mp4", pictures(3), overwrite=True)
    assert stream_of(tmp_path / "a.mp4")["frames"] == 3


def test_one_film_has_one_size(tmp_path):
    film = FilmSink(tmp_path / "a.mp4", 12, (32, 24))
    with pytest.raises(MediaError, match="frame 1 is 30 × 24, the film 32 × 24"):
        film.write(pictures(1, (30, 24))[0])


@pytest.mark.parametrize(("rate", "crf"), [(0, 17), (12, 52), (12, -1)])
def test_impossible_films_are_refused(tmp_path, rate, crf):
    with pytest.raises(MediaError):
        FilmSink(tmp_path / "a.mp4", rate, crf=crf)


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(MediaError, match="no folder"):
        FilmSink(tmp_path / "nowhere" / "a.mp4", 12)


def test_a_disk_that_fills_at_the_end_leaves_no_half_film(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "no space")

    film = FilmSink(tmp_path / "a.mp4", 12)
    film.write(pictures(1)[0])
    monkeypatch.setattr(film_module, "settle", full)
    with pytest.raises(MediaError, match=r"a\.mp4.*disk is full.*1 of its frames"):
        film.close()
    assert list(tmp_path.iterdir()) == []


def test_names_are_names_and_nothing_else(tmp_path):
    for name in ("-i.mp4", "a%03d.mp4", "a b'ö(1).mp4", "x:y.mp4"):
        make(tmp_path / name, pictures(2))
        assert ClipSource(tmp_path / name).length == 2
