import struct
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.frames import ClipSource, FilmSink, MaskClip

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
