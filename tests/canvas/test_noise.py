import pytest
import torch

from mutoscope.canvas.noise import NOISES, gradient


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", NOISES)
def test_a_noise_is_a_picture_of_the_size_and_of_its_seed(name):
    one, again, other = (NOISES[name]((30, 20), generator=rng(seed)) for seed in (0, 0, 1))
    assert one.shape == (1, 3, 20, 30)
    assert one.min() >= 0
    assert one.max() <= 1
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_gradient_runs_across_in_red_and_down_in_the_others():
    red, green, blue = gradient((30, 20), generator=rng(3))[0]
    assert torch.equal(red, red[:1].expand_as(red))
    assert (red.diff(dim=1) > 0).all()
    for channel in (green, blue):
        assert torch.equal(channel, channel[:, :1].expand_as(channel))
    assert (green.diff(dim=0) > 0).all()
    assert red[0, 0] == green[0, 0] == 0
    assert blue[-1, 0] <= 0.5
