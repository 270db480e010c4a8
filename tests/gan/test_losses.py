import math

import pytest
import torch
from torch.nn import functional

from mutoscope.gan import LOSSES, PathLength, gamma_rule, gradient_penalty, mixed_styles


def test_r1_of_a_linear_judge_is_the_square_of_its_weights(rng):
    weights = torch.randn(1, 8, 8, generator=rng)
    images = torch.randn(5, 1, 8, 8, generator=rng, requires_grad=True)
    scores = (images * weights).sum(dim=(1, 2, 3))
    assert gradient_penalty(scores, images).item() == pytest.approx(weights.square().sum().item())


def test_r1_reaches_the_weights_of_the_judge(networks, rng):
    """Its slope in a parameter is what a difference of two penalties says."""
    _, judge = networks()
    judge.double()
    images = torch.randn(4, 1, 32, 32, generator=rng, dtype=torch.float64, requires_grad=True)

    def penalty():
        return gradient_penalty(judge(images).double(), images)

    weight = judge.blocks[0].first.weight
    (slope,) = torch.autograd.grad(penalty(), weight)
    way = slope / slope.norm()
    ends = []
    for step in (1e-4, -1e-4):
        weight.data += step * way
        ends.append(penalty().item())
        weight.data -= step * way
    assert slope.norm().item() == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-2)


def test_the_rule_for_gamma():
    assert gamma_rule(1024, 8) == pytest.approx(26.2144)
    assert gamma_rule(512, 8) == pytest.approx(6.5536)


def test_the_logistic_losses():
    real, fake = torch.tensor([3.0, -1.0]), torch.tensor([0.5, 2.0])
    loss = LOSSES["logistic"]
    judge = -(torch.sigmoid(real).log() + (1 - torch.sigmoid(fake)).log()).mean()
    assert loss.discriminator(real, fake).item() == pytest.approx(judge.item(), rel=1e-5)
    draw = -torch.sigmoid(fake).log().mean()
    assert loss.generator(None, fake).item() == pytest.approx(draw.item(), rel=1e-5)


def test_the_paired_losses_see_only_differences():
    real, fake = torch.tensor([3.0, -1.0]), torch.tensor([0.5, 2.0])
    loss = LOSSES["rp"]
    assert loss.paired
    assert loss.on_images
    for side in (loss.discriminator, loss.generator):
        assert side(real, fake).item() == pytest.approx(side(real + 9, fake + 9).item())
    # What one side wins, the other loses.
    assert loss.discriminator(real, fake).item() == pytest.approx(loss.generator(fake, real).item())
    wanted = (functional.softplus(torch.tensor(-2.5)) + functional.softplus(torch.tensor(3.0))) / 2
    assert loss.discriminator(real, fake).item() == pytest.approx(wanted.item())
    with pytest.raises(ValueError, match="needs the scores of drawings"):
        loss.generator(None, fake)


def test_path_lengths_of_a_linear_map_are_those_of_its_matrix(rng):
    """For orthogonal columns of length 3, |Jᵀy|² is 9 times the share of |y|² that w spans."""
    size, layers = 8, 4
    ws = torch.randn(256, layers, 16, generator=rng, requires_grad=True)
    basis, _ = torch.linalg.qr(torch.randn(size * size, 16, generator=rng))
    images = (ws.sum(dim=1) @ (3.0 * basis.T)).reshape(-1, 1, size, size)
    lengths = PathLength()
    penalty = lengths(images, ws, generator=rng)
    # |(3 B)ᵀ y|² with y of variance 1/64 in each of 64 places: 9 · 16 / 64 for each layer.
    expected = math.sqrt(9 * 16 / 64)
    assert lengths.mean.item() == pytest.approx(0.01 * expected, rel=0.03)
    assert penalty.item() == pytest.approx((expected * 0.99) ** 2, rel=0.1)


def test_equal_path_lengths_cost_nothing_once_the_mean_has_come(rng):
    """An image that is one number times one w: every length is the same but for the direction."""
    lengths = PathLength()
    for _ in range(600):
        ws = torch.randn(64, 1, 256, generator=rng, requires_grad=True)
        images = 2.0 * ws.reshape(64, 1, 16, 16)
        penalty = lengths(images, ws, generator=rng)
    assert lengths.mean.item() == pytest.approx(2.0, rel=0.02)
    assert penalty.item() < 0.02
    again = PathLength()
    again.load_state_dict(lengths.state_dict())
    assert again.mean == lengths.mean


def test_styles_mix_from_a_layer_on(networks, rng):
    network, _ = networks()
    z = torch.randn(64, 16, generator=rng)
    ws = mixed_styles(network, z, probability=1.0, generator=rng)
    assert ws.shape == (64, network.layers, 12)
    first = network.map(z)
    own = (ws == first[:, None]).all(dim=2)  # which layers have the first's style
    assert own[:, 0].all()
    assert not own[:, -1].any()
    changes = (own[:, 1:] != own[:, :-1]).sum(dim=1)
    assert (changes == 1).all()
    assert len(own.sum(dim=1).unique()) == network.layers - 1  # every layer is chosen by some


def test_a_share_of_the_rows_mixes(networks, rng):
    network, _ = networks()
    z = torch.randn(400, 16, generator=rng)
    ws = mixed_styles(network, z, probability=0.25, generator=rng)
    mixed = (ws[:, 0] != ws[:, -1]).any(dim=1).float().mean().item()
    assert mixed == pytest.approx(0.25, abs=0.09)
    plain = mixed_styles(network, z, probability=0.0, generator=rng)
    assert torch.equal(plain, network.map(z)[:, None].expand(-1, network.layers, -1))


def test_the_mean_style_follows(networks, rng):
    network, _ = networks()
    mixed_styles(network, torch.randn(8, 16, generator=rng), probability=0.9, generator=rng)
    assert network.mean.abs().sum() > 0
