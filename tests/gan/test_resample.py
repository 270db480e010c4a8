import pytest
import torch
from torch.nn import functional

from mutoscope.gan.layers import Conv, double
from mutoscope.gan.resample import blur, halve

TAPS = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 8
KERNEL = torch.outer(TAPS, TAPS)


def impulse(size, row, column):
    image = torch.zeros(1, 1, size, size, dtype=torch.float64)
    image[0, 0, row, column] = 1
    return image


def centroid(image):
    """Row and column of the centre of mass."""
    weights = image[0, 0] / image.sum()
    places = torch.arange(image.shape[-1], dtype=image.dtype)
    return (weights.sum(1) @ places).item(), (weights.sum(0) @ places).item()


def by_zeros(image):
    """Doubling as it is defined: zeros between pixels, the filter, gain 4."""
    n, c, h, w = image.shape
    spaced = torch.zeros(n, c, 2 * h, 2 * w, dtype=image.dtype)
    spaced[:, :, ::2, ::2] = image
    kernel = (4 * KERNEL).expand(c, 1, 4, 4)
    return functional.conv2d(functional.pad(spaced, (2, 1, 2, 1)), kernel, groups=c)


def test_doubling_keeps_the_centre_and_the_light():
    large = double(impulse(16, 5, 9))
    # Pixel i covers 2i and 2i + 1, whose middle is 2i + 1/2.
    assert centroid(large) == (10.5, 18.5)
    assert large.sum() == 4
    again = double(large)
    assert centroid(again) == (4 * 5 + 1.5, 4 * 9 + 1.5)


def test_doubling_is_the_filter_with_gain_four():
    image = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    inner = (..., slice(1, -1), slice(1, -1))  # the border repeats instead of fading
    assert torch.allclose(double(image)[inner], by_zeros(image)[inner])


def test_halving_keeps_the_centre_and_the_light():
    image = impulse(16, 6, 8) + impulse(16, 7, 9)  # the middle is (6.5, 8.5), pixel (3, 4)
    small = halve(image)
    assert centroid(small) == (3.0, 4.0)
    flat = halve(torch.ones(1, 2, 8, 8))
    assert torch.allclose(flat[..., 1:-1, 1:-1], torch.ones(1))


def test_both_branches_of_a_block_look_at_the_same_place(rng):
    """A strided 3×3 kernel that is symmetric, and the shortcut, have one centre."""
    image = torch.zeros(1, 1, 32, 32)
    image[0, 0, 13, 18] = 1
    branches = []
    for kernel in (3, 1):
        conv = Conv(1, 1, kernel, rng, halve=True)
        conv.weight.data.fill_(1.0)
        out = conv(image)
        assert out.shape == (1, 1, 16, 16)
        branches.append(centroid(out.detach()))
    # By hand: 13 lies at (13 - 1/2) / 2 of the half size; what pixels there can hold is split.
    for found, wanted in zip(branches[0], (6.25, 8.75), strict=True):
        assert found == pytest.approx(wanted, abs=1e-5)
    assert branches[0] == pytest.approx(branches[1], abs=1e-5)


@pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 2), (2, 1), (0, 0)])
def test_blurring_is_the_filter_and_has_two_derivatives(before, after):
    x = torch.rand(2, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    kernel = (2 * KERNEL).expand(3, 1, 4, 4)
    padded = functional.pad(x, (before, after, before, after))
    plain = functional.conv2d(padded, kernel, groups=3)

    def blurred(y):
        return blur(y, before=before, after=after, gain=2.0)

    assert torch.allclose(blurred(x), plain)
    assert torch.autograd.gradcheck(blurred, x)
    assert torch.autograd.gradgradcheck(blurred, x)


def test_halving_is_the_filter_and_has_two_derivatives():
    x = torch.rand(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    plain = functional.conv2d(x, KERNEL.expand(2, 1, 4, 4), padding=1, stride=2, groups=2)
    assert torch.allclose(halve(x), plain)
    assert torch.autograd.gradcheck(halve, x)
    assert torch.autograd.gradgradcheck(halve, x)
