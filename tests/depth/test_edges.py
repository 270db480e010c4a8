"""Filters that stop at the edges of a picture."""

import pytest
import torch

from mutoscope.depth.edges import enlarge_along, local_mean, smooth_within, steps_between


def halves(height: int, width: int) -> torch.Tensor:
    """Black on the left, white on the right: (1, h, w)."""
    picture = torch.zeros(1, height, width)
    picture[..., width // 2 :] = 1
    return picture


def test_steps_are_those_from_the_left_and_from_above() -> None:
    picture = torch.tensor([[[0.0, 0.25], [1.0, 1.0]], [[0.0, 0.5], [0.0, 0.0]]])
    across, down = (steps_between(picture, across=across) for across in (True, False))
    torch.testing.assert_close(across, torch.tensor([[0, 0.75], [0, 0]]))
    torch.testing.assert_close(down, torch.tensor([[0, 0], [1, 1.25]]))


def test_smoothing_leaves_what_is_even_and_never_leaves_the_range() -> None:
    picture = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(1))
    even = smooth_within(torch.full((20, 30), 0.3), picture, reach=9, contrast=0.2)
    torch.testing.assert_close(even, torch.full((20, 30), 0.3))
    noise = torch.rand(20, 30, generator=torch.Generator().manual_seed(2))
    smooth = smooth_within(noise, picture, reach=9, contrast=0.2)
    assert noise.min() - 1e-6 <= smooth.min() < smooth.max() <= noise.max() + 1e-6
    assert smooth.std() < noise.std()


def test_smoothing_reaches_as_far_as_it_says_where_colour_is_even() -> None:
    impulse = torch.zeros(81, 81)
    impulse[40, 40] = 1
    spread = smooth_within(impulse, torch.zeros(1, 81, 81), reach=5, contrast=0.2)
    x = torch.arange(81.0) - 40
    assert float(spread.sum()) == pytest.approx(1, abs=0.01)
    deviation = float((spread.sum(0) * x**2).sum()) ** 0.5
    assert deviation == pytest.approx(5, rel=0.05)


def test_smoothing_stops_at_an_edge() -> None:
    picture = halves(24, 40)
    noise = torch.rand(24, 40, generator=torch.Generator().manual_seed(3))
    values = noise * 0.2 + picture[0] * 0.5
    smooth = smooth_within(values, picture, reach=10, contrast=0.1)
    assert float(smooth[:, :19].mean()) == pytest.approx(0.1, abs=0.02)
    assert float(smooth[:, 21:].mean()) == pytest.approx(0.6, abs=0.02)
    assert smooth[:, :19].std() < values[:, :19].std() / 4
    through = smooth_within(values, torch.zeros_like(picture), reach=10, contrast=0.1)
    assert float(through[:, 21].mean() - through[:, 18].mean()) < 0.1


def test_smoothing_knows_no_left_and_no_above() -> None:
    rng = torch.Generator().manual_seed(4)
    values, picture = torch.rand(16, 23, generator=rng), torch.rand(2, 16, 23, generator=rng)
    smooth = smooth_within(values, picture, reach=6, contrast=0.5)
    for axis in (-1, -2):
        turned = smooth_within(values.flip(axis), picture.flip(axis), reach=6, contrast=0.5)
        torch.testing.assert_close(turned.flip(axis), smooth, atol=1e-5, rtol=0)


def test_enlarging_puts_a_blurred_edge_where_the_picture_has_it() -> None:
    picture = torch.zeros(1, 3, 64, 64)
    picture[..., 34:] = 1
    small = torch.linspace(0, 1, 16).expand(1, 1, 16, 16)
    large = enlarge_along(small, picture, radius=3, contrast=0.05)
    assert large.shape == (1, 1, 64, 64)
    step = large[0, 0, 32].diff()
    assert int(step.argmax()) == 33
    assert step.max() > 5 * step.median()


def test_enlarging_adds_nothing_that_is_only_texture() -> None:
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    large = enlarge_along(torch.full((1, 1, 16, 16), 0.4), picture, radius=3, contrast=0.05)
    torch.testing.assert_close(large, torch.full((1, 1, 64, 64), 0.4))


def test_local_means_are_of_what_lies_inside() -> None:
    x = torch.arange(12.0).view(1, 1, 3, 4)
    means = local_mean(x, 1)
    assert float(means[0, 0, 0, 0]) == pytest.approx((0 + 1 + 4 + 5) / 4)
    assert float(means[0, 0, 1, 1]) == pytest.approx(5)
    torch.testing.assert_close(local_mean(x, 9), torch.full_like(x, 5.5))
