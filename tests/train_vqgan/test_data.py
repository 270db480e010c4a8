import logging

import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.paint import rng_for
from mutoscope.train_vqgan.data import (
    Crops,
    Pictures,
    shrink,
    split,
    squares,
)
from mutoscope.training.files import find_pictures


def bomb(path):
    """A PNG whose header claims 60,000 × 60,000 pixels."""
    Image.new("L", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("count", "trained", "judged"), [(1, 1, 1), (9, 9, 8), (10, 9, 1), (37, 34, 3), (500, 492, 8)]
)
def test_one_in_ten_is_held_out_where_there_are_many(tmp_path, count, trained, judged):
    paths = [tmp_path / f"{index:03}.png" for index in range(count)]
    kept, shown = split(paths, 0)
    assert (len(kept), len(shown)) == (trained, judged)
    assert kept == sorted(kept)
    assert (count < 10) == bool(set(kept) & set(shown))
    assert split(paths, 0) == (kept, shown)


# ── copies ──


@pytest.mark.parametrize(
    ("size", "copy"),
    [((100, 80), (100, 80)), ((20, 10), (64, 32)), ((600, 300), (256, 128)), ((32, 32), (32, 32))],
)
def test_copies_are_neither_too_small_nor_too_large(draw, size, copy):
    width, height = copy
    assert shrink(draw("a.png", size), 32).shape == (height, width, 3)


def test_what_cannot_be_used_is_one_line_each_and_a_count(tmp_path, draw, caplog):
    bomb(tmp_path / "bomb.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    draw("good.png", colour=(255, 0, 0))
    draw("ribbon.png", (1700, 10))
    pictures = Pictures(find_pictures(tmp_path), crop=32)
    with caplog.at_level(logging.INFO, "mutoscope"):
        batch = pictures.crops(64, rng_for(0, 0))
    assert torch.equal(batch[:, 0], torch.ones_like(batch[:, 0]))
    assert pictures.skipped == 3
    lines = sorted(record.getMessage() for record in caplog.records)
    assert [line.partition(": ")[0].rpartition("/")[2] for line in lines] == [
        "bomb.png", "broken.jpg", "ribbon.png"
    ]  # fmt: skip
    assert {line.rpartition("; ")[2] for line in lines} == {
        f"skipped ({count} so far)" for count in (1, 2, 3)
    }


def test_where_none_can_be_used_the_allowed_are_named(tmp_path):
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(b"nothing")
    with pytest.raises(MediaError, match="none of its 3 pictures can be read; allowed are PNG"):
        Pictures(find_pictures(tmp_path), crop=32).crops(4, rng_for(0, 0))


def test_a_small_memory_changes_nothing_but_time(tmp_path, draw):
    for index in range(4):
        draw(f"{index}.png", (90, 70), seed=index)
    paths = find_pictures(tmp_path)
    roomy, tight = Pictures(paths, crop=32), Pictures(paths, crop=32, cache_bytes=20_000)
    for step in range(5):
        assert roomy.crops(4, rng_for(0, step)).equal(tight.crops(4, rng_for(0, step)))
    assert sum(copy.nbytes for copy in tight._copies.values()) <= 20_000
    assert len(roomy._copies) > len(tight._copies)


def test_notices_that_are_worth_a_line_for_one_picture_are_kept_quiet(tmp_path, caplog):
    Image.new("RGBA", (40, 40), (255, 0, 0, 100)).save(tmp_path / "clear.png")
    with caplog.at_level(logging.INFO, "mutoscope"):
        assert shrink(tmp_path / "clear.png", 32).shape == (40, 40, 3)
        assert not caplog.records
        logging.getLogger("mutoscope").info("heard")
    assert [record.getMessage() for record in caplog.records] == ["heard"]


# ── crops ──


def test_crops_are_parts_of_the_picture_at_many_scales_and_mirrored(tmp_path):
    ramp = np.linspace(0, 255, 128).astype(np.uint8)
    pixels = np.stack([np.broadcast_to(ramp, (128, 128))] * 3, axis=-1)
    Image.fromarray(pixels).save(tmp_path / "ramp.png")
    batch = Pictures(find_pictures(tmp_path), crop=32).crops(200, rng_for(0, 0))
    assert batch.shape == (200, 3, 32, 32)
    slopes = (batch[:, 0, :, 1:] - batch[:, 0, :, :-1]).mean(dim=(1, 2)) * 127
    assert 0.3 < (slopes > 0).float().mean() < 0.7
    assert slopes.abs().min() == pytest.approx(1, abs=0.15)  # of its own size
    assert slopes.abs().max() == pytest.approx(4, abs=0.4)  # the whole picture, made small
    assert batch.mean(dim=(1, 2, 3)).std() > 0.05


def test_steps_have_their_crops_in_whatever_order_they_are_asked_for(tmp_path, draw):
    for index in range(3):
        draw(f"{index}.png", (60, 50), seed=index)
    pictures = Pictures(find_pictures(tmp_path), crop=32)
    with Crops(pictures, batch=2, seed=5) as crops:
        forward = [crops(step) for step in range(4)]
    with Crops(pictures, batch=2, seed=5) as crops:
        backward = [crops(step) for step in reversed(range(4))]
    assert all(a.equal(b) for a, b in zip(forward, reversed(backward), strict=True))
    assert not forward[0].equal(forward[1])
    with Crops(pictures, batch=2, seed=6) as crops:
        assert not crops(0).equal(forward[0])


def test_some_steps_have_fewer_and_larger_crops(tmp_path, draw):
    draw("a.png", (60, 50))
    with Crops(Pictures(find_pictures(tmp_path), crop=32), batch=8, seed=0) as crops:
        shapes = [tuple(crops(step).shape) for step in range(9)]
    usual, large, huge = (8, 3, 32, 32), (2, 3, 64, 64), (1, 3, 128, 128)
    assert shapes == [usual, usual, usual, large, usual, huge, usual, large, usual]


def test_squares_are_the_middle(tmp_path):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 20:60] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    (tmp_path / "broken.png").write_bytes(b"")
    found = squares(Pictures(find_pictures(tmp_path), crop=32), 64)
    assert found.shape == (1, 3, 64, 64)
    assert found.mean() == pytest.approx(1, abs=1e-3)
