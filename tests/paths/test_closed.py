"""Closed curves: they close, go through their keys, and are as smooth as they say."""

import math

import pytest
import torch

from mutoscope import paths
from mutoscope.errors import SettingsError
from mutoscope.paths.closed import harmonics
from mutoscope.paths.frames import bezier_frames

D = 24


def draws(count, dimensions=D, seed=0):
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


def curve(name):
    rng = torch.Generator().manual_seed(5)
    return {
        "zigzag": lambda: paths.zigzag(draws(5)),
        "bezier": lambda: paths.bezier(draws(15)),
        "spline": lambda: paths.spline(draws(5), sphere=False),
        "spline on the sphere": lambda: paths.spline(draws(5), sphere=True),
        "orbit": lambda: paths.orbit(torch.zeros(D), *draws(2)),
        "noise loop": lambda: paths.noise_loop(torch.zeros(D), draws(2 * harmonics(5)), 5),
        "sine": lambda: paths.sine(draws(1)[0], torch.rand(D, generator=rng)),
        "period": lambda: paths.period(draws(1)[0], torch.randint(1, 6, (D,), generator=rng)),
        "bitloop": lambda: paths.bitloop(
            draws(1)[0], torch.tensor([1.0, 0.0] * (D // 2)), torch.rand(D, generator=rng)
        ),
    }[name]()


NAMES = ["zigzag", "bezier", "spline", "spline on the sphere", "orbit", "noise loop", "sine",
         "period", "bitloop"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_curve_closes_and_moves(name):
    way = curve(name).at(torch.linspace(0, 1, 801, dtype=torch.float64))
    assert way.shape == (801, D)
    assert way.dtype == torch.float64
    assert torch.allclose(way[0], way[-1], atol=1e-5)
    steps = way.diff(dim=0).norm(dim=1)
    assert steps.min() > 0
    assert steps.max() < 0.2 * math.sqrt(D)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "zigzag"])
def test_all_but_the_zigzag_turn_no_corner_not_even_where_they_close(name):
    n = 4000
    way = curve(name).at(torch.arange(n, dtype=torch.float64) / n)
    steps = way.roll(-1, 0) - way
    turns = torch.nn.functional.cosine_similarity(steps, steps.roll(1, 0))
    assert turns.min() > 0.995


@pytest.mark.parametrize("sphere", [False, True])
def test_a_spline_goes_through_its_keys(sphere):
    keys = draws(6)
    made = paths.spline(keys, sphere=sphere)
    there = made.at(torch.tensor(made.breaks, dtype=torch.float64))
    if sphere:
        assert torch.allclose(
            torch.nn.functional.cosine_similarity(there, keys.double()), torch.ones(6).double()
        )
        way = made.at(torch.linspace(0, 1, 99, dtype=torch.float64))
        assert torch.allclose(way.norm(dim=1), torch.full((99,), math.sqrt(D)).double())
    else:
        assert torch.allclose(there, keys.double(), atol=1e-5)


def test_a_zigzag_goes_straight_between_its_keys():
    keys = draws(4).double()
    way = paths.zigzag(keys).at(torch.tensor([0, 0.125, 0.25, 0.875], dtype=torch.float64))
    wanted = torch.stack([keys[0], (keys[0] + keys[1]) / 2, keys[1], (keys[3] + keys[0]) / 2])
    assert torch.allclose(way, wanted)


def test_a_bezier_is_the_old_one_between_its_frames():
    n = draws(9).double()
    old = bezier_frames(n, 11)[:10]  # the first curve without its end
    new = paths.bezier(n).at(torch.arange(10, dtype=torch.float64) / 30)
    assert torch.allclose(old, new)


def test_an_orbit_goes_through_both_keys_and_stays_in_their_plane():
    centre, first, second = draws(3).double()
    way = paths.orbit(centre, first, second).at(torch.arange(8, dtype=torch.float64) / 8)
    assert torch.allclose(way[0], first)
    assert torch.allclose(way[2], second)
    assert int(torch.linalg.matrix_rank(way - centre, tol=1e-8)) == 2


def test_a_noise_loop_has_the_kernel_that_it_says():
    segments, many = 6, 10_000
    count = 2 * harmonics(segments)
    made = paths.noise_loop(torch.zeros(many), draws(count, many), segments)
    way = made.at(torch.tensor([0, 1 / segments, 0.5, 0.3, 0.3 + 1 / segments]))
    found = way @ way.T / many
    wide = math.sin(math.pi / segments)
    opposite = math.exp(-2 / wide**2)
    assert torch.allclose(found.diagonal(), torch.ones(5).double(), atol=0.06)
    assert found[0, 1].item() == pytest.approx(math.exp(-2), abs=0.05)
    assert found[3, 4].item() == pytest.approx(math.exp(-2), abs=0.05)
    assert found[0, 2].item() == pytest.approx(opposite, abs=0.05)


def test_what_makes_no_path_is_refused():
    same = draws(3)
    same[2] = same[1]
    with pytest.raises(SettingsError, match="number 2 and the next, number 3, are the same"):
        paths.spline(same, sphere=True)
    same[2] = same[0]
    with pytest.raises(SettingsError, match="number 3 and the next, number 1"):
        paths.zigzag(same)
    with pytest.raises(SettingsError, match="at least 2"):
        paths.spline(same[:1], sphere=False)
    with pytest.raises(SettingsError, match="two keys"):
        paths.orbit(torch.zeros(D), same[0], same[0])
    with pytest.raises(SettingsError, match="at least 2"):
        harmonics(1)
