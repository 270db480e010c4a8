import pytest
import torch

from mutoscope.gan import SIZES
from mutoscope.gan.discriminator import spread


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_has_its_score(networks, rng, size, channels):
    _, network = networks(size, channels=channels, cbase=max(64, size), cmax=4)
    with torch.no_grad():
        scores = network(torch.randn(2, channels, size, size, generator=rng))
    assert scores.shape == (2,)
    assert scores.dtype == torch.float32


def test_gradients_reach_every_parameter(networks, rng):
    _, network = networks(channels=3)
    network(torch.randn(4, 3, 32, 32, generator=rng)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_scores_of_noise_begin_neither_tiny_nor_huge(networks, rng):
    _, network = networks(cbase=1024, cmax=32)
    with torch.no_grad():
        scores = network(torch.randn(16, 1, 32, 32, generator=rng))
    assert 0.05 < scores.square().mean().sqrt() < 3


def test_equal_images_have_no_spread():
    image = torch.rand(1, 3, 4, 4).expand(4, -1, -1, -1)
    assert torch.allclose(spread(image), torch.full((4, 1, 4, 4), 1e-4))  # the root of epsilon


def test_the_spread_of_a_group_is_its_standard_deviation():
    x = torch.zeros(4, 2, 4, 4)
    x[:2, 0] = 2.0  # half the group: a standard deviation of 1 in half the features
    assert torch.allclose(spread(x), torch.tensor(0.5), atol=1e-3)


@pytest.mark.parametrize(("count", "groups"), [(8, 2), (6, 2), (5, 1), (4, 1), (3, 1), (1, 1)])
def test_groups_are_as_large_as_the_batch_allows(rng, count, groups):
    found = spread(torch.randn(count, 3, 4, 4, generator=rng))
    assert found.shape == (count, 1, 4, 4)
    assert len(found[:, 0, 0, 0].unique()) == groups


def test_parts_of_a_batch_have_the_groups_of_the_whole(rng):
    x = torch.randn(12, 3, 4, 4, generator=rng)
    assert torch.equal(torch.cat([spread(x[:8]), spread(x[8:])]), spread(x))
