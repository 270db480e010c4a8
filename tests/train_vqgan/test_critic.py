import pytest
import torch

from mutoscope.paint import rng_for
from mutoscope.train_vqgan.critic import Critic, adaptive_weight, hinge


def test_a_verdict_for_every_patch():
    critic = Critic(8, generator=rng_for(0, 0))
    assert critic(torch.rand(2, 3, 64, 64)).shape == (2, 1, 14, 14)
    assert critic(torch.rand(1, 3, 32, 48)).shape == (1, 1, 6, 10)


def test_equal_generators_make_equal_critics():
    one, two, other = (Critic(8, generator=rng_for(0, name)) for name in (0, 0, 1))
    weights = [critic.layers[0].weight for critic in (one, two, other)]
    assert weights[0].equal(weights[1])
    assert not weights[0].equal(weights[2])


@pytest.mark.parametrize(
    ("real", "drawn", "loss"), [(2, -2, 0), (1, -1, 0), (0, 0, 1), (-1, 1, 2), (0, -3, 0.5)]
)
def test_hinge(real, drawn, loss):
    real, drawn = (torch.full((2, 1, 3, 3), float(value)) for value in (real, drawn))
    assert hinge(real, drawn) == pytest.approx(loss)


def test_the_adaptive_weight_is_the_ratio_of_norms():
    likeness, verdict = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 2.0])
    assert adaptive_weight(likeness, verdict) == pytest.approx(2.5)
    assert adaptive_weight(likeness, torch.zeros(2)) == pytest.approx(1e4)


def test_it_learns_to_tell_noise_from_flat():
    critic = Critic(8, generator=rng_for(0, 0))
    optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3)
    rng = rng_for(0, "noise")
    for _ in range(30):
        real = torch.rand(4, 3, 32, 32, generator=rng)
        drawn = real.mean(dim=(2, 3), keepdim=True).expand_as(real)
        loss = hinge(critic(real), critic(drawn))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.3
