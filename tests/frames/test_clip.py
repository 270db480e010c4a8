import contextlib
import itertools
import struct
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.frames import ClipSource, FilmSink, MaskClip, clip

LEVELS = [20, 60, 100, 140, 180, 220]


def film(path, levels=LEVELS, rate=12, size=(32, 24)):
    with FilmSink(path, rate, crf=6) as sink:
        for level in levels:
            sink.write(torch.full((1, 3, size[1], size[0]), level / 255))
    return path


def read(source, levels=LEVELS):
    """Which of the levels each picture shows."""
    found = [float(image.mean()) * 255 for image in source]
    nearest = [min(levels, key=lambda level: abs(level - value)) for value in found]
    assert found == pytest.approx(nearest, abs=4)
    return [levels.index(level) for level in nearest]


def test_a_film_comes_back_frame_by_frame(tmp_path):
    source = ClipSource(film(tmp_path / "a.mp4"))
    assert (source.size, source.rate, source.length) == ((32, 24), 12, 6)
    assert read(source) == [0, 1, 2, 3, 4, 5]
    assert read(source) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (12, [0, 1, 2, 3, 4, 5]),
        (24, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        (6, [0, 2, 4]),
        (4, [0, 3]),
        (18, [0, 0, 1, 2, 2, 3, 4, 4, 5]),
        (Fraction(12000, 1001), [0, 1, 2, 3, 4, 5]),
    ],
)
def test_any_rate_shows_what_is_on_at_that_time(tmp_path, rate, shown):
    source = ClipSource(film(tmp_path / "a.mp4"), rate)
    assert source.rate == rate
    assert source.length == len(shown)
    assert read(source) == shown


def test_animations_come_through_the_same_door(tmp_path):
    pictures = [Image.new("RGB", (16, 12), (level,) * 3) for level in LEVELS]
    for name in ("a.gif", "a.png"):
        pictures[0].save(
            tmp_path / name, save_all=True, append_images=pictures[1:], duration=100, loop=0
        )
        assert read(ClipSource(tmp_path / name)) == [0, 1, 2, 3, 4, 5]
        assert read(ClipSource(tmp_path / name, 20)) == [n for n in range(6) for _ in "ab"]


def test_transparent_parts_lie_on_white(tmp_path):
    frames = [Image.new("RGBA", (8, 8), (0, 0, 0, alpha)) for alpha in (255, 0)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=100)
    assert [round(float(image.mean()), 2) for image in ClipSource(tmp_path / "a.png")] == [0, 1]


def turned(path, matrix):
    """Write another display matrix into an MP4 of ours."""
    plain = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    data = path.read_bytes()
    track = data.index(b"tkhd")
    place = data.index(plain, track)
    path.write_bytes(data[:place] + struct.pack(">9i", *matrix) + data[place + len(plain) :])


def test_a_phone_held_sideways_is_turned(tmp_path):
    picture = torch.zeros(1, 3, 24, 32)
    picture[..., :8, :8] = 1  # white at the top left
    with FilmSink(tmp_path / "a.mp4", 12, crf=4) as sink:
        sink.write(picture)
    one = 65536
    # x' = -y, y' = x: shown a quarter turn clockwise, as phones note it
    turned(tmp_path / "a.mp4", (0, one, 0, -one, 0, 0, 24 * one, 0, 1 << 30))
    source = ClipSource(tmp_path / "a.mp4")
    assert source.size == (24, 32)
    image = next(iter(source))
    assert image.shape == (1, 3, 32, 24)
    assert image[..., :6, -6:].min() > 0.9
    assert image[..., :, :12].max() < 0.1


def test_a_damaged_end_is_said_and_the_rest_used(tmp_path, caplog):
    path = film(tmp_path / "a.mp4", LEVELS * 20, size=(64, 48))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat")
    data[start + (len(data) - start) // 2 :] = b"\xff" * (
        len(data) - start - (len(data) - start) // 2
    )
    path.write_bytes(data)
    try:
        count = len(list(ClipSource(path)))
    except MediaError as error:
        pytest.fail(f"refused wholly: {error}")
    assert 0 < count <= 120


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 4096, b"#EXTM3U\n#EXTINF:1,\na.mp4\n"])
def test_what_is_no_film_is_refused_with_its_name(tmp_path, content):
    film(tmp_path / "a.mp4")
    path = tmp_path / "b.m3u8"
    path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        ClipSource(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_missing_films_and_folders_are_refused(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        ClipSource(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match="folder"):
        ClipSource(tmp_path)


def test_too_large_a_film_is_refused(tmp_path):
    with pytest.raises(MediaError, match="32 × 24"):
        ClipSource(film(tmp_path / "a.mp4"), max_pixels=32 * 24 - 1)


def test_bytes_changed_anywhere_end_in_our_errors_only(tmp_path):
    data = film(tmp_path / "a.mp4").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "b.mp4"
    answers = set()
    for _ in range(60):
        changed = bytearray(data[: rng.integers(len(data) // 2, len(data) + 1)])
        for place in rng.integers(0, len(changed), 4):
            changed[place] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            source = iter(ClipSource(path))
            for _, image in zip(range(50), source, strict=False):
                assert image.shape[:2] == (1, 3)
            answers.add("read")
        except MediaError:
            answers.add("refused")
    assert "refused" in answers


def test_masks_follow_the_film_and_hold_its_last_frame(tmp_path, caplog):
    caplog.set_level("INFO", "mutoscope")
    with MaskClip(film(tmp_path / "a.mp4"), 6) as mask:
        values = [float(mask.frame(index).mean()) * 255 for index in range(8)]
        assert mask.frame(0).shape == (24, 32)
    assert values == pytest.approx([20, 100, 180] + [180] * 5, abs=4)
    assert caplog.text.count("last frame is held") == 1


def test_masks_may_be_asked_for_in_any_order(tmp_path):
    mask = MaskClip(film(tmp_path / "a.mp4"), 12)
    order = [3, 3, 0, 5, 9, 2, 1, 4]
    values = [float(mask.frame(index).mean()) * 255 for index in order]
    assert values == pytest.approx([LEVELS[min(index, 5)] for index in order], abs=4)
    mask.close()


def test_a_mask_is_the_same_tensor_while_it_is_the_same(tmp_path):
    mask = MaskClip(film(tmp_path / "a.mp4"), 12)
    assert mask.frame(2) is mask.frame(2)
    assert mask.frame(3) is not mask.frame(2)
    assert mask.frame(99) is mask.frame(100)
    mask.close()


def test_going_forward_decodes_each_frame_once(tmp_path, monkeypatch):
    mask = MaskClip(film(tmp_path / "a.mp4"), 12)
    opened = []
    timed = ClipSource._timed
    monkeypatch.setattr(ClipSource, "_timed", lambda self: (opened.append(1), timed(self))[1])
    for index in (0, 0, 1, 3, 5, 8):
        mask.frame(index)
    assert len(opened) == 1
    mask.close()


# ── time stamps that a stranger wrote ──


def stamped(path, times, *, codec="ffv1", clock=1000):
    """A film whose frames are shown at these times, in thousandths of a second; None is unsaid."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        stream.time_base = stream.codec_context.time_base = Fraction(1, clock)
        for level, time in zip(LEVELS, times, strict=False):
            picture = np.full((24, 32, 3), level, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, clock)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def taken(path, rate=25, most=200_000):
    """How many pictures a film has, if they end."""
    return sum(1 for _ in itertools.islice(ClipSource(path, rate).shown(), most + 1))


@pytest.mark.parametrize("later", [36_000_000, 2**40])
def test_a_frame_shown_hours_later_is_refused_before_it_is_repeated(tmp_path, later):
    path = stamped(tmp_path / "a.mkv", [0, 40, 80, later])
    for source in (ClipSource(path), ClipSource(path, 25), ClipSource(path, 1)):
        seen = []
        with pytest.raises(MediaError, match=r"frame 3, at 0\.08 s, stands until") as caught:
            seen.extend(itertools.islice(source.shown(), 100))
        assert len(seen) < 10
        assert str(caught.value).startswith(f"{path}: ")
        assert "3600 s" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pause", [5_000, 60_000, 1_500_000, 3_500_000])
def test_pauses_of_seconds_and_minutes_are_films(tmp_path, pause):
    path = stamped(tmp_path / "a.mkv", [0, 40, 80, 80 + pause, 120 + pause])
    assert taken(path) == 2 + pause // 40 + 2


def test_pauses_that_are_many_are_refused_together(tmp_path):
    path = stamped(tmp_path / "a.mkv", [3_000_000 * n for n in range(6)])
    assert taken(path, 1) == 5 * 3000 + 1  # 50 minutes each, and seldom repeated
    with pytest.raises(MediaError, match=r"frame 3, at 6000 s, .* only repeat one that stands"):
        taken(path)


def test_a_film_that_is_slow_need_not_be_repeated(tmp_path):
    path = stamped(tmp_path / "a.mkv", [7_200_000 * n for n in range(4)])
    source = ClipSource(path)
    source.source_rate = source.rate = Fraction(1, 7200)  # as some containers say
    assert sum(1 for _ in source.shown()) == 4


def test_a_last_frame_that_claims_hours_is_refused(tmp_path):
    source = ClipSource(stamped(tmp_path / "a.mkv", [0, 40]), 25)
    source.source_rate = Fraction(1, 40_000)  # as a header may say
    with pytest.raises(MediaError, match=r"frame 2, at 0\.04 s, stands until"):
        next(itertools.islice(source.shown(), 5, None))


def test_time_stamps_that_go_back_or_are_negative_cost_nothing(tmp_path):
    assert read(ClipSource(stamped(tmp_path / "a.mkv", [-200, -160, -120, -80]))) == [0, 1, 2, 3]
    source = ClipSource(film(tmp_path / "b.mp4"), 12)
    frames = [frame for _, frame in source._timed()]
    for at, number in enumerate((9000, 9001, 0, -5, 9002, 9003)):
        frames[at].pts, frames[at].time_base = number, Fraction(1, 12)
    moments = [time for time, _ in reread(source, frames)]
    assert moments == [Fraction(n, 12) for n in (0, 1, 1, 1, 2, 3)]


def test_frames_without_a_time_stamp_follow_those_before_them(tmp_path):
    source = ClipSource(film(tmp_path / "a.mp4"), 12)
    frames = [frame for _, frame in source._timed()]
    for frame, number in zip(frames, (None, 900, 901, None, None, 904), strict=True):
        frame.pts, frame.time_base = number, Fraction(1, 12)
    moments = [time for time, _ in reread(source, frames)]
    assert moments == [Fraction(n, 12) for n in range(6)]


def reread(source, frames):
    """What a film makes of the time stamps of ``frames``, were they what its decoder gave."""
    with pytest.MonkeyPatch.context() as patch:
        container = contextlib.nullcontext(SimpleNamespace(decode=lambda _: iter(frames)))
        patch.setattr(clip, "open_film", lambda _: container)
        patch.setattr(clip, "picture_stream", lambda *_: SimpleNamespace())
        return list(source._timed())


def test_a_number_of_frames_that_no_file_holds_is_not_believed(tmp_path):
    path = stamped(tmp_path / "a.avi", range(6), clock=25)
    assert ClipSource(path).length == 6
    data = bytearray(path.read_bytes())
    for mark, place in ((b"avih", 24), (b"strh", 40)):
        at = data.index(mark) + place
        assert data[at : at + 4] == struct.pack("<I", 6)
        data[at : at + 4] = struct.pack("<I", 2**31 - 1)
    path.write_bytes(data)
    assert ClipSource(path).length is None
    assert len(list(ClipSource(path))) == 6
