"""Constant speed: frames at even steps of what is seen, whatever the curve does."""

import numpy as np
import pytest
import torch

from mutoscope import paths
from mutoscope.errors import SettingsError
from mutoscope.paths.closed import harmonics
from mutoscope.paths.pace import Pace, shared

pytestmark = pytest.mark.usefixtures("single_thread")

D = 64


def draws(count, seed=0):
    return torch.randn(count, D, generator=torch.Generator().manual_seed(seed))


def seen(vectors):
    """An analytic generator: smooth, and much faster in some places than in others."""
    rng = torch.Generator().manual_seed(1)
    first, second = torch.randn(D, 48, generator=rng), torch.randn(48, 100, generator=rng)
    on = torch.nn.functional.normalize(vectors, dim=1) * 8
    return torch.tanh(torch.sin(2 * on @ first.double() / 8) @ second.double() / 7)


def steps(curve, places, features=seen):
    there = features(curve.at(torch.from_numpy(places)))
    return (there.roll(-1, 0) - there).norm(dim=1)  # the last one leads to the first


CURVES = {
    "zigzag": lambda: paths.zigzag(draws(4)),
    "bezier": lambda: paths.bezier(draws(12)),
    "spline": lambda: paths.spline(draws(4), sphere=True),
    "orbit": lambda: paths.orbit(torch.zeros(D), *draws(2)),
    "noise loop": lambda: paths.noise_loop(torch.zeros(D), draws(2 * harmonics(4)), 4),
    "sine": lambda: paths.sine(draws(1)[0], torch.rand(D, generator=torch.Generator())),
}


@pytest.mark.parametrize("name", CURVES)
def test_the_speed_varies_by_less_than_one_per_cent(name):
    curve = CURVES[name]()
    raw = steps(curve, paths.pace_of(curve).frames(2048))
    assert raw.std() / raw.mean() > 0.1
    pace = paths.measure(curve, seen, frames=2048)
    even = steps(curve, pace.frames(2048))
    assert pace.even
    assert pace.measured < 512
    assert even.std() / even.mean() < 0.005
    assert float((even / even.mean() - 1).abs().max()) < 0.04
    assert float(even[-1] / even.mean()) == pytest.approx(1, abs=0.015)
    assert even.min() > 0


def test_the_length_is_that_of_the_curve():
    circle = paths.orbit(torch.zeros(2), torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0]))
    pace = paths.measure(circle, torch.Tensor.double, frames=1000)
    assert pace.lengths[-1] == pytest.approx(6 * np.pi, rel=5e-3)
    assert (np.diff(pace.places) > 0).all()
    assert (np.diff(pace.lengths) > 0).all()
    assert pace.at(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]


def test_a_leap_is_found_and_gone_along_slowly():
    line = paths.orbit(torch.zeros(2), torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))

    def leaping(vectors):
        return torch.tanh(40 * vectors[:, :1])

    pace = paths.measure(line, leaping, frames=400)
    there = leaping(line.at(torch.from_numpy(pace.frames(400))))
    moved = (there.roll(-1, 0) - there).abs()
    assert moved.max() < 1.1 * 4 / 400
    blind = leaping(line.at(torch.arange(400) / 400))
    assert (blind.roll(-1, 0) - blind).abs().max() > 10 * 4 / 400


def test_no_more_is_looked_at_than_is_allowed_and_it_is_said():
    curve = CURVES["bezier"]()
    calls = []

    def counted(vectors):
        calls.append(len(vectors))
        return seen(vectors)

    pace = paths.measure(curve, counted, frames=2048, most=150)
    assert sum(calls) == pace.measured == 150
    assert not pace.even
    even, raw = steps(curve, pace.frames(2048)), steps(curve, np.arange(2048) / 2048)
    assert even.std() / even.mean() < 0.2 * raw.std() / raw.mean()


def test_a_limit_below_the_coarse_look_is_no_trouble():
    pace = paths.measure(CURVES["bezier"](), seen, frames=2048, most=8)
    assert (pace.measured, pace.even) == (33, False)


def test_what_never_changes_is_gone_along_evenly():
    curve = CURVES["orbit"]()
    pace = paths.measure(curve, lambda vectors: torch.zeros(len(vectors), 3), frames=100)
    assert np.allclose(pace.frames(100), np.arange(100) / 100)


def test_frames_fall_on_corners():
    keys = draws(3)
    curve = paths.zigzag(keys)
    pace = paths.measure(curve, seen, frames=200)
    places = pace.frames(200)
    assert len(places) == 200
    for corner in curve.breaks:
        assert np.abs(places - corner).min() < 1e-9


def test_few_frames_are_shared_out_all_the_same():
    ends = np.array([0.0, 1.0])
    assert len(Pace(ends, ends, (0.0, 0.01)).frames(4)) == 4
    assert len(Pace(ends, ends, (0.0, 0.5)).frames(1)) == 1
    assert shared(np.array([0.98, 0.01, 0.01]), 10) == [8, 1, 1]
    assert sum(shared(np.array([0.3, 0.3, 0.4]), 101)) == 101


def test_a_warped_walk_moves_by_what_pushes_it_and_still_closes():
    speeds = np.array([1.0, 3.0, 1.0, 5.0])
    shares = paths.warped(speeds)
    assert np.allclose(np.diff([*shares, 1.0]), speeds / 10)
    for wrong in (np.zeros(4), np.array([1.0, -1.0]), np.array([1.0, np.nan])):
        with pytest.raises(SettingsError, match="gain"):
            paths.warped(wrong)


def test_angles_see_directions_alone():
    vectors = draws(4)
    assert torch.allclose(paths.angles(vectors), paths.angles(7 * vectors))
