import struct
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.frames import FilmSink
from mutoscope.frames.clip import ClipSource
from mutoscope.frames.source import SourceFilm, _Reader


def ramp(count):
    """Grey levels that rise, one for each frame."""
    return [20 + 200 * n // max(1, count - 1) for n in range(count)]


def film(path, count=12, rate=12, size=(32, 24)):
    with FilmSink(path, rate, crf=2) as sink:
        for level in ramp(count):
            sink.write(torch.full((1, 3, size[1], size[0]), level / 255))
    return path


def coded(path, codec, pictures, times, *, form="yuv420p", options=None, clock=1000):
    """A film written frame by frame, each at a time of its own in thousandths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = form
        stream.time_base = stream.codec_context.time_base = Fraction(1, clock)
        for picture, time in zip(pictures, times, strict=True):
            kind = "rgba" if picture.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(picture, format=kind)
            frame.pts, frame.time_base = time, Fraction(1, clock)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def lively(count, size=(48, 32)):
    """Pictures of which every one differs everywhere from every other."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 256, (size[1] + count, size[0], 3), dtype=np.uint8)
    return [np.ascontiguousarray(ground[n : n + size[1]]) for n in range(count)]


def shown(source, indices, count=12):
    levels = ramp(count)
    found = [float(source.frame(index).mean()) * 255 for index in indices]
    nearest = [min(levels, key=lambda level: abs(level - value)) for value in found]
    assert found == pytest.approx(nearest, abs=4)
    return [levels.index(level) for level in nearest]


@pytest.mark.parametrize(
    ("rate", "stride", "expected"),
    [
        (12, 1, [0, 1, 2, 3, 4, 5]),
        (24, 1, [0, 0, 1, 1, 2, 2]),
        (6, 1, [0, 2, 4, 6, 8, 10]),
        (12, 3, [0, 3, 6, 9, 11, 11]),
        (24, 4, [0, 2, 4, 6, 8, 10]),
    ],
)
def test_pictures_keep_step_with_the_film_being_made(tmp_path, rate, stride, expected):
    source = SourceFilm(film(tmp_path / "a.mp4"), rate, stride=stride)
    assert shown(source, range(6)) == expected
    assert source.length == -(-12 * rate // 12 // stride)


def test_pictures_have_the_size_that_is_painted(tmp_path):
    pictures = [np.full((25, 33, 3), level, np.uint8) for level in ramp(12)]
    times = [100 * n for n in range(12)]
    path = coded(tmp_path / "a.mkv", "ffv1", pictures, times, form="bgr0")
    assert SourceFilm(path, 10).frame(0).shape == (1, 3, 25, 33)
    source = SourceFilm(path, 10, size=(20, 41))
    assert source.size == (20, 41)
    assert source.frame(3).shape == (1, 3, 41, 20)
    assert shown(source, [3]) == [3]


def test_past_its_end_the_last_picture_stands_still_and_that_is_said_once(tmp_path, caplog):
    caplog.set_level("INFO", "mutoscope")
    source = SourceFilm(film(tmp_path / "a.mp4"), 12)
    assert shown(source, [10, 11]) == [10, 11]
    assert "held" not in caplog.text
    assert source.frame(12) is source.frame(500)
    assert shown(source, [500, 12, 11]) == [11, 11, 11]
    assert caplog.text.count("last frame is held") == 1


def test_a_clip_of_one_frame_is_a_still(tmp_path):
    source = SourceFilm(film(tmp_path / "a.mp4", count=1), 12)
    assert shown(source, [0, 1, 9], count=1) == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"g": "20", "bf": "3"}),
        ("a.mp4", "libx264", {"g": "20", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
        ("a.mp4", "libx265", {"x265-params": "keyint=20:log-level=none"}),
        ("a.mkv", "libx264", {"g": "250"}),
        ("a.webm", "libvpx-vp9", {"g": "24", "deadline": "realtime", "cpu-used": "8"}),
        ("a.avi", "mpeg4", {"g": "12"}),
        ("a.ts", "mpeg2video", {"g": "12"}),
    ],
)
def test_a_picture_reached_by_a_jump_is_the_one_reached_in_order(tmp_path, name, codec, options):
    count = 90
    # x265 writes beyond its memory where pictures are smaller than its blocks of 64.
    path = coded(
        tmp_path / name, codec, lively(count, (128, 96)), [5 * n for n in range(count)],
        options=options, clock=25,
    )  # fmt: skip
    whole = SourceFilm(path, 5)
    pictures = [whole.frame(index) for index in range(count)]
    assert len({picture.numpy().tobytes() for picture in pictures}) == count
    for index in (89, 47, 88, 0, 60, 59, 20, 21, 41):
        assert torch.equal(SourceFilm(path, 5).frame(index), pictures[index]), index
    wanderer = SourceFilm(path, 5)
    for index in (3, 70, 69, 12, 75, 76, 300, 2):
        assert torch.equal(wanderer.frame(index), pictures[min(index, count - 1)]), index


def test_far_places_are_jumped_to_and_near_ones_read_on_to(tmp_path, monkeypatch):
    count = 90
    path = coded(
        tmp_path / "a.mp4", "libx264", lively(count), [1000 * n for n in range(count)],
        options={"g": "10"},
    )  # fmt: skip
    jumped, begun = [], []
    jump, begin = _Reader._timed_from, ClipSource._timed
    monkeypatch.setattr(
        _Reader, "_timed_from", lambda self, time: (jumped.append(time), jump(self, time))[1]
    )
    monkeypatch.setattr(ClipSource, "_timed", lambda self: (begun.append(1), begin(self))[1])
    source = SourceFilm(path, 1)
    begun.clear()
    for index in range(20):
        source.frame(index)
    assert (len(begun), len(jumped)) == (1, 0)
    source.frame(80)
    source.frame(82)
    source.frame(70)
    assert (len(begun), [round(float(time)) for time in jumped]) == (1, [79, 69])


def test_siblings_stand_where_they_like(tmp_path):
    first = SourceFilm(film(tmp_path / "a.mp4"), 12)
    second = first.sibling()
    for index in range(2, 10):
        assert shown(first, [index]) == [index]
        assert shown(second, [index - 2]) == [index - 2]
    first.close()
    assert shown(second, [9]) == [9]
    assert shown(first, [1]) == [1]


def test_variable_rates_go_by_their_time_stamps(tmp_path):
    pictures = [np.full((24, 32, 3), level, np.uint8) for level in ramp(12)]
    times = [0, 40, 80, 1000, 1040, 1500, 1900, 1950, 2000, 2600, 2610, 3000]
    path = coded(tmp_path / "a.mkv", "libx264", pictures, times, options={"crf": "2"})
    source = SourceFilm(path, 4)
    expected = [max(n for n, time in enumerate(times) if time <= 250 * k + 9) for k in range(13)]
    assert shown(source, range(13)) == expected


def test_ten_bits_and_half_transparent_films_are_pictures_too(tmp_path):
    pictures = [np.full((96, 128, 3), level, np.uint8) for level in ramp(3)]
    path = coded(
        tmp_path / "a.mkv", "libx265", pictures, [0, 100, 200], form="yuv420p10le",
        options={"x265-params": "log-level=none:crf=2"},
    )  # fmt: skip
    assert shown(SourceFilm(path, 10), range(3), count=3) == [0, 1, 2]
    clear = [np.full((24, 32, 4), (0, 0, 0, alpha), np.uint8) for alpha in (255, 128, 0)]
    path = coded(tmp_path / "b.mov", "qtrle", clear, [0, 100, 200], form="argb")
    source = SourceFilm(path, 10)
    levels = [float(source.frame(n).mean()) for n in range(3)]
    assert levels == pytest.approx([0, 127 / 255, 1], abs=0.01)


def test_a_phone_held_sideways_is_upright_at_the_size_that_is_painted(tmp_path):
    picture = torch.zeros(1, 3, 24, 32)
    picture[..., :8, :8] = 1  # white at the top left
    path = tmp_path / "a.mp4"
    with FilmSink(path, 12, crf=4) as sink:
        sink.write(picture)
    one, data = 65536, path.read_bytes()
    plain = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    place = data.index(plain, data.index(b"tkhd"))
    turned = struct.pack(">9i", 0, one, 0, -one, 0, 0, 24 * one, 0, 1 << 30)
    path.write_bytes(data[:place] + turned + data[place + len(plain) :])
    assert SourceFilm(path, 12).size == (24, 32)
    image = SourceFilm(path, 12, size=(48, 64)).frame(0)
    assert image.shape == (1, 3, 64, 48)
    assert image[..., :12, -12:].min() > 0.9
    assert image[..., :, :24].max() < 0.15


def test_animations_are_films(tmp_path):
    frames = [Image.new("RGB", (16, 12), (level,) * 3) for level in ramp(6)]
    for name in ("a.gif", "a.png"):
        frames[0].save(
            tmp_path / name, save_all=True, append_images=frames[1:], duration=2000, loop=0
        )
        source = SourceFilm(tmp_path / name, 1)
        assert shown(source, [0, 2, 10, 1, 4], count=6) == [0, 1, 5, 0, 2]


def test_sound_alone_is_no_film(tmp_path):
    path = tmp_path / "a.ogg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 48000), np.float32), format="flt", layout="mono"
        )
        frame.rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(MediaError, match="no pictures in it") as caught:
        SourceFilm(path, 12)
    assert "\n" not in str(caught.value)


def test_a_film_that_is_gone_is_said_to_be(tmp_path):
    source = SourceFilm(film(tmp_path / "a.mp4"), 12)
    (tmp_path / "a.mp4").unlink()
    with pytest.raises(MediaError, match="does not exist"):
        source.frame(0)


def test_bytes_changed_anywhere_end_in_our_errors_only(tmp_path):
    path = coded(
        tmp_path / "a.mp4", "libx264", lively(30), [1000 * n for n in range(30)],
        options={"g": "5"},
    )  # fmt: skip
    data, rng, answers = path.read_bytes(), np.random.default_rng(1), set()
    for _ in range(40):
        changed = bytearray(data)
        for place in rng.integers(0, len(changed), 6):
            changed[place] = rng.integers(0, 256)
        for place in rng.integers(data.index(b"moov"), len(changed), rng.integers(0, 3)):
            changed[place] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            source = SourceFilm(path, 1, size=(48, 32))
            for index in (0, 1, 20, 29, 12, 60):
                assert source.frame(index).shape == (1, 3, 32, 48)
            answers.add("read")
        except MediaError:
            answers.add("refused")
    assert answers == {"read", "refused"}


def test_what_makes_no_sense_is_a_mistake_of_ours(tmp_path):
    path = film(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="stride"):
        SourceFilm(path, 12, stride=0)
    with pytest.raises(ValueError, match="counted from 0"):
        SourceFilm(path, 12).frame(-1)
