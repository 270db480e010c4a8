"""The optimiser's rate over time, and the plateau that lowers it."""

import itertools
import math

import pytest
import torch

from mutoscope.canvas.pixels import Pixels
from mutoscope.descent import OPTIMIZERS, Descent, Plateau


def canvas():
    return Pixels((16, 16), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_goes_down(name):
    drawn = canvas()
    stride = Descent(optimizer=name, rate=0.05).start(drawn)
    losses = []
    for _ in range(20):
        stride.prepare(0.0)
        loss = (drawn() - 0.5).square().mean()
        losses.append(loss.item())
        loss.backward()
        stride.step({})
    assert losses[-1] < 0.8 * losses[0]  # RAdam begins slowly


def test_a_rate_that_is_not_given_is_the_canvas_own():
    stride = Descent().start(canvas())
    stride.prepare(0.5)
    assert stride.rate == Pixels.lr


def test_noise_about_a_falling_loss_leaves_the_rate():
    plateau, noise = Plateau(), torch.Generator().manual_seed(1)
    for step in range(150):
        plateau.learn(10 - step * 0.05 + 0.5 * torch.randn((), generator=noise).item())
    assert plateau.share == 1.0


def test_a_loss_that_stands_still_halves_the_rate_again_and_again_to_an_end():
    plateau = Plateau()
    shares = []
    for _ in range(400):
        plateau.learn(1.0)
        shares.append(plateau.share)
    assert shares[15] == 1.0
    assert shares[24] == 0.5
    assert shares[-1] == Plateau.LEAST
    assert all(later in (earlier, earlier / 2) for earlier, later in itertools.pairwise(shares))


def test_losses_below_zero_may_fall_too():
    plateau = Plateau()
    for step in range(200):
        plateau.learn(-1 - step * 0.01)
    assert plateau.share == 1.0


def test_a_new_scene_begins_at_the_whole_rate():
    stride = Descent(adaptive=True).start(canvas())
    for _ in range(60):
        stride.step({"a": torch.tensor(1.0)})
    stride.prepare(0.0)
    assert stride.rate < Pixels.lr
    stride.begin_scene()
    stride.prepare(0.0)
    assert stride.rate == Pixels.lr


def test_what_it_remembers_is_finite_from_the_first():
    kept = Descent(adaptive=True).start(canvas()).tensors()
    assert all(math.isfinite(value) for value in kept["plateau"].tolist())
