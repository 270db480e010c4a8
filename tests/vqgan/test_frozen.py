import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it

from mutoscope.vqgan import frozen
from mutoscope.vqgan.frozen import convolve, enlarge, normalise


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def assert_same(ours, plain, x):
    """Value and gradient of two functions of ``x``."""
    x.requires_grad_()
    one, other = ours(x), plain(x)
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)
    weights = noise(*other.shape, seed=9)
    gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (one, other)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(3, 1, [1, 1]), (3, 2, [0, 0]), (1, 1, [0, 0]), (3, 1, [1, 0])],
)
def test_convolve(kernel, stride, padding):
    weight, bias = noise(5, 4, kernel, kernel, seed=1), noise(5, seed=2)
    assert_same(
        lambda x: convolve(x, weight, bias, stride=stride, padding=padding),
        lambda x: F.conv2d(x, weight, bias, stride=stride, padding=padding),
        noise(2, 4, 9, 7),
    )


def test_enlarge():
    weight, bias = noise(4, 4, 3, 3, seed=1), noise(4, seed=2)
    assert_same(
        lambda x: enlarge(F.pad(x, (1, 1, 1, 1)), weight, bias),
        lambda x: F.conv2d(F.interpolate(x, scale_factor=2), weight, bias, padding=1),
        noise(2, 4, 5, 3),
    )


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("cached", [64 * 7, 2**17])  # in uneven parts, and all at once
def test_normalise(monkeypatch, active, cached):
    monkeypatch.setattr(frozen, "_CACHED", cached)
    weight, bias = noise(64, seed=1), noise(64, seed=2)
    after = F.silu if active else lambda x: x
    assert_same(
        lambda x: normalise(x, weight, bias, groups=32, epsilon=1e-6, active=active),
        lambda x: after(F.group_norm(x, 32, weight, bias, 1e-6)),
        noise(2, 64, 5, 6) * 3 + 2,
    )


def test_normalise_is_exact_on_large_pictures_far_from_zero():
    x = (noise(1, 32, 256, 256) + 30).contiguous(memory_format=torch.channels_last)
    weight, bias = torch.ones(32), torch.zeros(32)
    exact = F.group_norm(x, 32, weight.double(), bias.double(), 1e-6)
    found = normalise(x.float(), weight, bias, groups=32, epsilon=1e-6, active=False)
    assert (found - exact).abs().max() < 2e-5  # of which float32 can't tell 30 + x finer than 2e-6
