"""The optimiser's rate over time, and the plateau that lowers it."""

import copy
import itertools
import math

import pytest
import torch

from mutoscope.canvas.fourier import FourierCanvas
from mutoscope.canvas.palette import Palette
from mutoscope.canvas.pixels import Pixels
from mutoscope.descent import OPTIMIZERS, Adam, Descent, Plateau, bands
from mutoscope.motion.plane import PlaneWarp


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


# ── when the picture moves ──


def shifted(right, down, size, *, infill="wrap"):
    still = ((1.0, 0.0), (0.0, 1.0))
    return PlaneWarp(still, (right, down), size=size, sampling="bicubic", infill=infill)


def descended(drawn, *, steps=3, **how):
    stride = Descent(**how).start(drawn)
    wanted = torch.rand(drawn.image().shape, generator=torch.Generator().manual_seed(2))
    for _ in range(steps):
        stride.prepare(0.0)
        (drawn() - wanted).square().mean().backward()
        stride.step({})
        drawn.constrain()
    return stride


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_known_of_a_place_goes_where_the_place_goes(name):
    drawn = canvas()
    stride = descended(drawn, optimizer=name, fresh_each_frame=False)
    before = {slot: value.clone() for slot, value in stride.tensors().items()}
    stride.move(shifted(3, -2, (16, 16)))
    rasters = 0
    for slot, value in stride.tensors().items():
        if value.shape == drawn.pixels.shape:
            rasters += 1
            rolled = before[slot].roll((-2, 3), (2, 3))
            assert torch.allclose(value, rolled, rtol=1e-3, atol=1e-9), slot
            assert not torch.allclose(value, before[slot], rtol=0.1), slot
        else:
            assert torch.equal(value, before[slot]), slot
    assert rasters in (1, 2)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_fresh_frame_begins_as_the_first_did(name):
    drawn = canvas()
    stride = descended(drawn, optimizer=name, adaptive=True)
    stride.move(shifted(3, -2, (16, 16)))
    anew = Descent(optimizer=name, adaptive=True).start(drawn)
    assert stride.tensors().keys() == anew.tensors().keys()
    for slot, value in anew.tensors().items():
        assert torch.equal(value, stride.tensors()[slot]), slot
    one, other = copy.deepcopy(drawn), drawn
    descended_by(Descent(optimizer=name).start(one), one)
    descended_by(stride, other)
    assert torch.equal(one.pixels, other.pixels)


def descended_by(stride, drawn):
    stride.prepare(0.0)
    (drawn() - 0.5).square().mean().backward()
    stride.step({"a": torch.tensor(1.0)})


def test_a_palette_keeps_what_is_known_of_its_colours():
    drawn = Palette((16, 16), generator=torch.Generator().manual_seed(0), palettes=3,
                    palette_size=4, random_palette=True)  # fmt: skip
    stride = descended(drawn, fresh_each_frame=False)
    names = [name for name, _ in drawn.named_parameters()]
    before = {slot: value.clone() for slot, value in stride.tensors().items()}
    stride.move(shifted(5, 0, (16, 16)))
    for index, name in enumerate(names):
        old, new = before[f"{index}.exp_avg"], stride.tensors()[f"{index}.exp_avg"]
        wanted = old if name == "palette" else old.roll(5, -1)
        assert torch.allclose(new, wanted, rtol=1e-3, atol=1e-9), name


def test_waves_have_no_place_and_keep_what_they_know():
    drawn = FourierCanvas((16, 16), generator=torch.Generator().manual_seed(0))
    stride = descended(drawn, fresh_each_frame=False)
    before = {slot: value.clone() for slot, value in stride.tensors().items()}
    stride.move(shifted(3, 0, (16, 16)))
    assert all(torch.equal(value, before[slot]) for slot, value in stride.tensors().items())


def test_squares_of_pixels_are_reached_by_the_same_warp():
    drawn = Pixels((8, 8), generator=torch.Generator().manual_seed(0), pixel_size=2)
    stride = descended(drawn, fresh_each_frame=False)
    before = stride.tensors()["0.exp_avg"].clone()
    stride.move(shifted(4, 0, (16, 16)))
    moved = stride.tensors()["0.exp_avg"]
    assert torch.allclose(moved, before.roll(2, 3), rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("infill", ["wrap", "black", "mirror", "smear"])
def test_no_step_is_larger_for_a_move(infill):
    drawn = canvas()
    stride = descended(drawn, steps=12, fresh_each_frame=False)

    def largest(mean, squares):
        return float((mean.abs() / squares.clamp(min=0).sqrt()).max())

    before = [stride.tensors()[f"0.{slot}"].clone() for slot in ("exp_avg", "exp_avg_sq")]
    warp = shifted(3.4, 2.6, (16, 16), infill=infill)
    stride.move(warp)
    after = [stride.tensors()[f"0.{slot}"] for slot in ("exp_avg", "exp_avg_sq")]
    assert largest(*after) <= largest(*before) * 1.0001
    assert float(after[1].min()) >= float(before[1].min()) * 0.999


def test_a_move_before_the_first_step_has_nothing_to_carry():
    stride = Descent(fresh_each_frame=False).start(canvas())
    stride.move(shifted(3, 0, (16, 16)))
    assert set(stride.tensors()) == {"chunks"}


def test_adam_is_torchs_to_the_bit():
    generator = torch.Generator().manual_seed(3)
    ours = [torch.nn.Parameter(torch.randn(3, n, 5, generator=generator)) for n in (4, 7)]
    theirs = [torch.nn.Parameter(parameter.detach().clone()) for parameter in ours]
    mine, model = Adam(ours, lr=0.1), torch.optim.Adam(theirs, lr=0.1, foreach=False)
    for step in range(6):
        for one, other in zip(ours, theirs, strict=True):
            # One of them hears nothing of the first steps.
            one.grad = (
                None if step < 2 and one is ours[1] else torch.randn(one.shape, generator=generator)
            )
            other.grad = None if one.grad is None else one.grad.clone()
        for optimizer in (mine, model):
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + step)
            optimizer.step()
        if step == 3:
            mine, kept = Adam(ours, lr=0.5), mine.state_dict()
            mine.load_state_dict(kept)
    assert all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))
    mine_state, model_state = mine.state_dict()["state"], model.state_dict()["state"]
    assert list(mine_state) == list(model_state) == [0, 1]
    for index, slots in model_state.items():
        assert set(slots) == set(mine_state[index])
        assert all(torch.equal(value, mine_state[index][slot]) for slot, value in slots.items())


def test_adam_works_a_large_canvas_through_in_bands(monkeypatch):
    """To the same bit, and what it works out is never as large as the canvas."""
    generator = torch.Generator().manual_seed(4)
    start = torch.rand(1, 3, 64, 64, generator=generator)
    gradients = torch.randn(3, *start.shape, generator=generator)
    found = []
    for band in (start.numel(), 1024):
        monkeypatch.setattr("mutoscope.descent._BAND", band)
        parameter = torch.nn.Parameter(start.clone())
        adam = Adam([parameter], lr=0.1)
        for gradient in gradients:
            parameter.grad = gradient.clone()
            adam.step()
        found.append(parameter.detach())
    assert torch.equal(*found)
    parts = list(bands(start, start * 2))
    assert [one.numel() for one, _ in parts] == [1024] * 12
    assert all(torch.equal(2 * one, other) for one, other in parts)


def test_adam_refuses_what_another_remembered():
    one = Adam([torch.nn.Parameter(torch.zeros(2))], lr=0.1)
    with pytest.raises(ValueError, match="more parameters"):
        one.load_state_dict({"state": {1: {}}, "param_groups": []})
