import copy

import pytest
import torch

from mutoscope.gan import decay, follow
from mutoscope.gan.ema import half_life


def test_the_weight_of_the_past_halves_in_its_half_life():
    assert half_life(32) == 10_000
    late = decay(8, 10**6)
    assert late ** (half_life(8) / 8) == pytest.approx(0.5)


def test_the_beginning_is_left_behind_soon():
    assert decay(8, 0) == 0  # the first step copies
    assert decay(8, 160) == pytest.approx(0.5)  # 5 % of 160 images is one batch
    assert decay(8, 400) < decay(8, 4000) < decay(8, 10**6)


def test_parameters_follow_and_buffers_are_copied(networks):
    network, _ = networks()
    average = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    network.mean.fill_(3.0)
    start = average.start.detach().clone()
    follow(average, network, decay=0.75)
    assert torch.allclose(average.start, start + 0.25)
    assert torch.equal(average.mean, network.mean)
    assert all(p.requires_grad for p in average.parameters())
    follow(average, network, decay=0.0)
    assert all(map(torch.equal, average.parameters(), network.parameters()))
