import cv2
import numpy as np
import pytest
import torch

from mutoscope.train_gan.strokes import (
    BINS,
    direction_distance,
    grey,
    ink_distance,
    mean_width,
    measure_strokes,
    stroke_widths,
    width_distance,
)


def lines(width, angle=None, *, count=12, size=64, seed=0):
    """Pictures of four long strokes each, drawn large and made small: (n, 1, size, size)."""
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        large = np.full((4 * size, 4 * size), 255, np.uint8)
        for _ in range(4):
            turn = rng.uniform(0, np.pi) if angle is None else angle
            centre = rng.uniform(0, 4 * size, 2)
            reach = 1000 * np.array([np.cos(turn), np.sin(turn)])
            ends = [(centre + side * reach).astype(int).tolist() for side in (-1, 1)]
            cv2.line(large, *ends, 0, 4 * width)
        pictures.append(cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA))
    return torch.from_numpy(np.stack(pictures))[:, None].float() / 255


@pytest.mark.parametrize("width", [1, 2, 3, 5, 9])
def test_widths_are_those_that_were_drawn(width):
    picture = torch.ones(1, 1, 48, 48)
    picture[..., 20 : 20 + width] = 0
    assert mean_width(measure_strokes(picture)[0]) == pytest.approx(width, abs=0.3)


def test_widths_do_not_hang_on_where_in_memory_a_picture_lies():
    rng = np.random.default_rng(0)
    for _ in range(20):
        picture = cv2.GaussianBlur(rng.random((32, 32)).astype(np.float32), (0, 0), 1)
        held, found = [], set()
        for _ in range(10):
            held.append(np.empty(rng.integers(1, 5000), np.uint8))
            found.add(stroke_widths(picture, float(np.median(picture))).tobytes())
        assert len(found) == 1


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 135])
def test_directions_are_those_that_were_drawn(angle):
    strokes, _ = measure_strokes(lines(2, np.deg2rad(angle)))
    found = (np.argmax(strokes.directions) + 0.5) * 180 / BINS
    apart = abs(found - angle) % 180
    assert min(apart, 180 - apart) <= 180 / BINS
    assert strokes.directions.sum() == pytest.approx(1)


def test_ink_is_what_is_dark():
    picture = torch.ones(1, 1, 10, 10)
    picture[..., :3, :] = 0
    assert measure_strokes(picture)[0].ink == pytest.approx([0.3])


def test_colour_counts_as_grey():
    picture = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    wanted = (picture * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    assert torch.allclose(torch.from_numpy(grey(picture)), wanted, atol=1e-6)


def test_equal_sets_are_no_way_apart_and_others_are():
    ours, paper = measure_strokes(lines(2))
    assert ink_distance(ours, ours) == width_distance(ours, ours) == 0
    assert direction_distance(ours, ours) == 0
    thick, _ = measure_strokes(lines(4), paper)
    assert width_distance(thick, ours) > 0.5
    assert ink_distance(thick, ours) > 0.5


def test_twice_as_wide_is_once_the_width_away():
    narrow, wide = torch.ones(2, 1, 1, 48, 48)
    narrow[..., 20:24] = 0
    wide[..., 20:28] = 0
    ours, theirs = measure_strokes(narrow)[0], measure_strokes(wide)[0]
    assert width_distance(theirs, ours) == pytest.approx(1, abs=0.05)
    assert width_distance(ours, theirs) == pytest.approx(0.5, abs=0.05)
    assert ink_distance(theirs, ours) == pytest.approx(1)


def test_directions_are_compared_around_the_circle():
    flat, steep, upright = (
        measure_strokes(lines(2, np.deg2rad(angle)))[0] for angle in (2, 178, 90)
    )
    assert direction_distance(flat, upright) > 0.9
    assert direction_distance(flat, steep) < 0.1
    assert direction_distance(flat, upright) == pytest.approx(direction_distance(upright, flat))


def test_white_paper_has_no_strokes_and_is_far_from_any():
    empty, _ = measure_strokes(torch.ones(3, 1, 32, 32))
    drawn, _ = measure_strokes(lines(2, size=32))
    assert mean_width(empty) == 0
    assert width_distance(empty, drawn) == direction_distance(empty, drawn) == 1
    assert ink_distance(empty, drawn) == pytest.approx(1)
    assert width_distance(empty, empty) == direction_distance(empty, empty) == 0
