import math

import pytest
import torch

from mutoscope.terms.base import pull, spherical


def pair(cosine):
    x = torch.tensor([[1.0, 0.0]])
    y = torch.tensor([[cosine, math.sqrt(1 - cosine * cosine)]])
    return x, y


@pytest.mark.parametrize(
    ("cosine", "distance"),
    [(1, 0), (0.9, 0.10171), (0.3, 0.80151), (0.2, 0.93768), (0, 1.23370), (-1, 4.93480)],
)
def test_distance_anchors(cosine, distance):
    assert spherical(*pair(cosine)).item() == pytest.approx(distance, abs=1e-5)


@pytest.mark.parametrize("cosine", [1.0, 1 - 1e-7, 0.5, 0.0, -0.5, -1 + 1e-7, -1.0])
def test_the_gradient_is_finite_and_as_long_as_the_angle(cosine):
    x, y = (v.double() for v in pair(cosine))
    x.requires_grad_()
    spherical(x, y).sum().backward()
    tangent = x.grad - (x.grad * x).sum() * x.detach()
    assert x.grad.isfinite().all()
    if abs(cosine) < 1:
        assert tangent.norm().item() == pytest.approx(math.acos(cosine), rel=1e-4)


@pytest.mark.parametrize(
    ("raw", "weight", "stop", "value", "slope"),
    [
        (0.9, 2.0, 0.8, 1.8, 2.0),  # pulls until 0.8
        (0.7, 2.0, 0.8, 1.4, 0.0),  # near enough; the value still shows
        (0.75, 2.0, 0.75, 1.5, 1.0),  # half at equality
        (0.5, -1.0, -0.9, -0.5, -1.0),  # pushes until 0.9
        (0.95, -1.0, -0.9, -0.95, 0.0),
        (0.5, 3.0, -math.inf, 1.5, 3.0),
        (0.5, 3.0, math.inf, 1.5, 0.0),
        (0.5, 0.0, -math.inf, 0.0, 0.0),
    ],
)
def test_pull_shows_the_whole_and_pulls_above_the_stop(raw, weight, stop, value, slope):
    x = torch.tensor(raw, requires_grad=True)
    got = pull(x, weight, stop)
    got.backward()
    assert got.item() == pytest.approx(value)
    assert x.grad.item() == pytest.approx(slope)


def test_pull_is_a_mean_over_elements_each_with_its_weight_and_stop():
    x = torch.tensor([0.2, 0.6, 0.8], requires_grad=True)
    got = pull(x, torch.tensor([1.0, -2.0, 3.0]), torch.tensor([0.0, -1.0, 0.9]))
    got.backward()
    assert got.item() == pytest.approx((0.2 - 1.2 + 2.4) / 3)
    assert x.grad.tolist() == pytest.approx([1 / 3, -2 / 3, 0.0])
