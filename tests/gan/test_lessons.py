from dataclasses import replace

import pytest
import torch

from mutoscope.gan import LOSSES, PathLength
from mutoscope.gan.lessons import Pair, calm, draw, judge, straighten


@pytest.fixture
def pair(networks, rng):
    """Makes a pair that learns by a loss."""

    def make(loss="logistic"):
        generator, discriminator = networks(cmax=16, cbase=512)
        return Pair(generator, discriminator, LOSSES[loss], mixing=0.9, rng=rng)

    return make


def learnt(network):
    """Whether each parameter has a slope, but for the offset of scores, which ``rp`` ignores."""
    return [
        p.grad is not None and bool(p.grad.abs().sum() > 0)
        for name, p in network.named_parameters()
        if name != "score.bias"
    ]


def drawings(rng, count=8):
    """Dark squares on white."""
    images = torch.ones(count, 1, 32, 32)
    for image, place in zip(images, torch.randint(2, 18, (count,), generator=rng), strict=True):
        image[:, place : place + 12, place : place + 12] = -1
    return images


@pytest.mark.parametrize("loss", list(LOSSES))
def test_each_lesson_teaches_its_own_network(pair, rng, loss):
    nets, real = pair(loss), drawings(rng)
    value, scores = judge(nets, real, p=0.5)
    value.backward()
    assert scores.shape == (8,)
    assert all(learnt(nets.discriminator))
    assert not any(learnt(nets.generator))

    nets.discriminator.zero_grad()
    draw(nets, 8, p=0.5, drawings=real).backward()
    assert any(learnt(nets.generator))
    assert not any(learnt(nets.discriminator))
    assert all(p.requires_grad for p in nets.discriminator.parameters())

    nets.generator.zero_grad()
    straighten(nets, 4, lengths=PathLength()).backward()
    assert any(learnt(nets.generator))
    assert not any(learnt(nets.discriminator))

    nets.generator.zero_grad()
    calm(nets, real, p=0.5, gamma=1.0).backward()
    assert any(learnt(nets.discriminator))
    assert not any(learnt(nets.generator))


@pytest.mark.parametrize("loss", list(LOSSES))
def test_how_sure_it_is_means_a_score_or_where_scores_are_paired_their_difference(pair, rng, loss):
    nets, drawn = pair(loss), drawings(rng)
    before = rng.get_state()
    _, sure = judge(nets, drawn, p=0.5)
    assert not sure.requires_grad

    rng.set_state(before)
    images, _ = nets.images(8)
    real, fake = nets.scores(drawn, 0.5), nets.scores(images, 0.5)
    assert torch.equal(sure, real - fake if loss == "rp" else real)
    # What is added to all scores says nothing where they are paired.
    torch.nn.init.constant_(nets.discriminator.score.bias, 100.0)
    rng.set_state(before)
    more = judge(nets, drawn, p=0.5)[1] - sure
    assert torch.allclose(more, torch.full((8,), 0.0 if loss == "rp" else 100.0), atol=1e-4)


@pytest.mark.parametrize(("noise", "grained"), [("none", False), ("random", True)])
def test_images_have_grain_only_where_they_are_to_have_it(pair, rng, noise, grained):
    nets = replace(pair(), noise=noise)
    with torch.no_grad():
        for name, weight in nets.generator.named_parameters():
            if name.endswith("strength"):
                weight.fill_(1.0)
        images, ws = nets.images(2)
        plain = nets.generator.synthesise(ws, noise="none")
    assert torch.equal(images, plain) is not grained


def test_the_penalty_is_of_images_as_well_where_the_loss_asks(pair, rng):
    nets, real = pair("rp"), drawings(rng)
    both = calm(nets, real, p=0.0, gamma=2.0).item()
    one = calm(replace(nets, loss=LOSSES["logistic"]), real, p=0.0, gamma=2.0).item()
    assert both > one > 0


@pytest.mark.parametrize("loss", list(LOSSES))
def test_a_judge_that_learns_tells_drawings_from_images(pair, rng, loss):
    nets, real = pair(loss), drawings(rng)
    adam = torch.optim.Adam(nets.discriminator.parameters(), lr=0.0025, betas=(0.0, 0.99))
    first, _ = judge(nets, real, p=0.0)
    for _ in range(24):
        adam.zero_grad()
        value, _ = judge(nets, real, p=0.0)
        value.backward()
        adam.step()
    assert value.item() < 0.7 * first.item()


@pytest.mark.parametrize("loss", list(LOSSES))
def test_a_generator_that_learns_convinces_a_judge_at_rest(pair, rng, loss):
    nets, real = pair(loss), drawings(rng)
    adam = torch.optim.Adam(nets.generator.parameters(), lr=0.0025, betas=(0.0, 0.99))
    first = draw(nets, 8, p=0.0, drawings=real).item()
    for _ in range(30):
        adam.zero_grad()
        value = draw(nets, 8, p=0.0, drawings=real)
        value.backward()
        adam.step()
    assert value.item() < first * 0.9
