"""Third Study's frames as they were, with the doubled ones they had."""

import math

import pytest
import torch

from mutoscope.errors import SettingsError
from mutoscope.paths.frames import (
    CYCLES,
    bezier_frames,
    bitloop_frames,
    period_frames,
    sine_frames,
    zigzag_frames,
)


def draws(count, dimensions=8, seed=0):
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


def doubled(vectors):
    return int((vectors == vectors.roll(1, 0)).all(dim=1).sum())


def test_bezier_has_the_frames_duplicates_and_closure_that_it_had():
    path = bezier_frames(draws(96), 256)
    assert path.shape == (8192, 8)
    assert doubled(path) == 32
    assert torch.equal(path[0], path[-1])


def test_bezier_follows_its_formula():
    n = draws(9).double()
    path = bezier_frames(n, 5)
    first = n[8], 2 * n[8] - n[7], n[0], n[1], n[2]
    for frame, t in enumerate((0, 0.25, 0.5, 0.75, 1)):
        weights = [math.comb(4, k) * (1 - t) ** (4 - k) * t**k for k in range(5)]
        wanted = sum(w * p for w, p in zip(weights, first, strict=True))
        assert torch.allclose(path[frame], wanted)
    assert torch.equal(path[5], n[2])
    # The speed is the same on both sides of a knot.
    fine = bezier_frames(n, 10_001)
    assert torch.allclose(fine[10_000] - fine[9_999], fine[10_002] - fine[10_001], atol=1e-5)


def test_zigzag_is_open_and_has_inner_knots_twice():
    knots = draws(5)
    path = zigzag_frames(knots, 16)
    assert path.shape == (64, 8)
    assert torch.equal(path[::16], knots[:-1])
    assert torch.equal(path[15::16], knots[1:])
    assert doubled(path) == 3
    with pytest.raises(SettingsError, match="at least 2"):
        zigzag_frames(knots[:1], 16)


def test_sine_rolls_each_dimension_and_doubles_one_frame_of_its_wave():
    base, rolls = draws(1)[0], torch.tensor([0, 1, 2, 3, 5, 8, 13, 21])
    path = sine_frames(base, rolls, 40)
    wave = torch.sin(torch.linspace(0, 2 * math.pi, 40))
    for k, roll in enumerate(rolls.tolist()):
        assert torch.allclose(path[:, k], base[k] + wave.roll(roll))
    assert path[0, 0].item() == pytest.approx(path[-1, 0].item(), abs=1e-6)


def test_sine_travels_as_far_as_it_was_measured_to():
    base = draws(1, 512)[0]
    rolls = torch.randint(1, 1801, (512,), generator=torch.Generator().manual_seed(1))
    way = torch.nn.functional.normalize(sine_frames(base, rolls, 1800).double(), dim=1)
    steps = torch.rad2deg(2 * torch.asin((way - way.roll(-1, 0)).norm(dim=1) / 2))
    assert steps.sum().item() == pytest.approx(211, abs=6)
    apart = torch.rad2deg(torch.acos((way[::30] @ way[::30].T).clamp(-1, 1)))
    assert apart.max().item() == pytest.approx(73, abs=4)


def test_period_swings_whole_times_and_takes_whole_minutes():
    path = period_frames(torch.zeros(12), torch.tensor(CYCLES), 1800)
    for k, cycles in enumerate(CYCLES):
        once = 1800 // cycles
        assert torch.equal(path[:once, k].repeat(cycles), path[:, k])
        assert path[: once // 2, k].max() > 0.99
    with pytest.raises(SettingsError, match="multiples of 1800"):
        period_frames(torch.zeros(12), torch.tensor(CYCLES), 1801)


def test_bitloop_moves_the_dimensions_of_its_ones():
    base = draws(1, 10)[0]
    path = bitloop_frames(base, "1100", 512)
    moves = (path - base).abs().amax(dim=0) > 0.5
    assert moves.tolist() == [bit == "1" for bit in "1100110011"]
    assert torch.equal(path[:, 0] - base[0] != 0, path[:, 1] - base[1] != 0)


@pytest.mark.parametrize("bits", ["", "0000", "12", "one"])
def test_bits_are_ones_and_zeros(bits):
    with pytest.raises(SettingsError, match="ones and zeros"):
        bitloop_frames(torch.zeros(4), bits, 8)
