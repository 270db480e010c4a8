import copy
import time
from pathlib import Path

import pytest
import skimage
import torch

from mutoscope.canvas.palette import Palette, draw
from mutoscope.canvas.quantise import brightness
from mutoscope.images import load_image, resize

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def palette(size=(12, 10), seed=0, **kwargs):
    return Palette(size, generator=rng(seed), **kwargs)


def noise(width, height, seed=1):
    return torch.rand(1, 3, height, width, generator=rng(seed))


def psnr(one, other):
    return float(-10 * torch.log10((one - other).square().mean()))


def draw_by_autograd(colours, value, weights):
    """The formula of `draw` as it is written, for autograd: slow, and one-hot where it can."""
    k = len(colours)
    place = value * (k - 1)
    pick = torch.nn.functional.one_hot(weights.argmax(0), weights.shape[0]).to(colours)
    hard = torch.einsum("hwnc,hwn->chw", colours[place.round().long()], pick)
    below = place.floor().long().clamp(max=max(k - 2, 0))
    mix = (place - below)[..., None, None]
    above = (below + 1).clamp(max=k - 1)
    both = colours[below] * (1 - mix) + colours[above] * mix
    soft = torch.einsum("hwnc,nhw->chw", both, weights.softmax(0))
    surrogate = 0.5 * soft + 0.5 * hard
    return (hard.detach() + surrogate - surrogate.detach())[None]


# --- drawing -------------------------------------------------------------------------------------

A = [[0, 0, 0], [0.5, 0, 0], [1, 1, 0]]
B = [[0, 0, 0], [0, 0, 0.5], [0, 1, 1]]


def test_each_pixel_takes_the_ranked_colour_of_its_best_palette():
    colours = torch.tensor([A, B]).transpose(0, 1)  # (3 colours, 2 palettes, 3)
    value = torch.tensor([[0.6, 0.9]])
    weights = torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]])
    picture = draw(colours, value, weights)
    assert picture.shape == (1, 3, 1, 2)
    assert picture[0, :, 0, 0].tolist() == [0.5, 0, 0]
    assert picture[0, :, 0, 1].tolist() == [0, 1, 1]


@pytest.mark.parametrize(("k", "n"), [(5, 20), (3, 2), (2, 1), (1, 4), (1, 1), (7, 3)])
def test_the_gradient_is_that_of_half_hard_half_soft(k, n):
    given = [
        torch.rand(k, n, 3, generator=rng(1), dtype=torch.float64),
        torch.rand(6, 5, generator=rng(2), dtype=torch.float64),
        torch.rand(n, 6, 5, generator=rng(3), dtype=torch.float64),
    ]
    given[1][0, 0], given[1][0, 1] = 0.0, 1.0  # where it stands on a colour
    toward = torch.randn(1, 3, 6, 5, generator=rng(4), dtype=torch.float64)
    results = []
    for how in (draw, draw_by_autograd):
        leaves = [x.clone().requires_grad_() for x in given]
        picture = how(*leaves)
        picture.backward(toward)
        results.append([picture.detach(), *(leaf.grad for leaf in leaves)])
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-12)


def test_large_pictures_go_through_in_blocks():
    colours, weights = noise(3, 4)[0].permute(1, 2, 0), noise(200, 200)[0]
    value = noise(200, 200, seed=5)[0, 0]
    leaves = [x.clone().requires_grad_() for x in (colours, value, weights)]
    picture = draw(*leaves)
    picture.square().sum().backward()
    halves = [x.clone().requires_grad_() for x in (colours, value, weights)]
    for part in (slice(0, 90), slice(90, 200)):
        draw(halves[0], halves[1][part], halves[2][:, part]).square().sum().backward()
    for whole, parts in zip(leaves, halves, strict=True):
        assert torch.allclose(whole.grad, parts.grad, rtol=1e-4, atol=1e-4)


def test_a_value_at_the_end_can_come_back():
    colours = torch.linspace(0, 1, 5)[:, None, None].expand(5, 1, 3)
    value = torch.tensor([[1.0, 0.0]], requires_grad=True)
    draw(colours, value, torch.ones(1, 1, 2)).sum().backward()
    assert value.grad.tolist() == [[1.5, 1.5]]


# --- its parameters ------------------------------------------------------------------------------


def test_shapes_and_sizes():
    canvas = palette((12, 10), pixel_size=3, palette_size=6, palettes=9)
    assert canvas.size == (36, 30)
    assert canvas().shape == (1, 3, 30, 36)
    assert canvas.value.shape == (10, 12)
    assert canvas.weights.shape == (9, 10, 12)
    assert canvas.palette.shape == canvas.colours().shape == (6, 9, 3)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_the_ramp_is_bent_once(gamma):
    """Not (2x)^γ, which at gamma 2 had two of five colours white."""
    canvas = palette(palette_size=5, palettes=3, gamma=gamma)
    ramp = torch.linspace(0, 1, 5) ** gamma
    assert torch.allclose(canvas.palette, 2 * ramp[:, None, None].expand(5, 3, 3))
    assert torch.allclose(canvas.colours(), ramp[:, None, None].expand(5, 3, 3))


def test_random_palettes_are_uniform_up_to_the_inertia():
    canvas = palette((1, 1), palette_size=40, palettes=40, random_palette=True)
    assert 1.99 < canvas.palette.max() < 2
    assert canvas.palette.min() < 0.01
    assert canvas.palette.detach().mean() == pytest.approx(1, abs=0.03)


def test_colours_are_sorted_by_brightness_and_clamped():
    canvas = palette(random_palette=True)
    with torch.no_grad():
        canvas.palette.mul_(2).sub_(1)
    colours = canvas.colours()
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert (brightness(colours).diff(dim=0) >= 0).all()
    flat = (canvas.palette / 2).clamp(0, 1)
    for n in range(20):
        assert sorted(colours[:, n].tolist()) == sorted(flat[:, n].tolist())


def test_constrain_puts_everything_back_in_bounds():
    canvas = palette()
    with torch.no_grad():
        for parameter in canvas.parameters():
            parameter.mul_(8).sub_(4)
    canvas.constrain()
    assert (canvas.palette.min(), canvas.palette.max()) == (0, 2)
    assert (canvas.value.min(), canvas.value.max()) == (0, 1)
    assert canvas.weights.min() == 0
    assert canvas.weights.max() > 3


@pytest.mark.parametrize(("k", "n"), [(5, 1), (1, 5), (1, 1), (2, 2)])
def test_one_palette_or_one_colour_is_enough(k, n):
    canvas, image = palette(palette_size=k, palettes=n), noise(12, 10)
    before = canvas.image()
    canvas().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in canvas.parameters())
    canvas.encode(image)
    assert canvas.image().isfinite().all()
    assert psnr(canvas.image(), image) > psnr(before, image)
    canvas.match(image)
    assert canvas.render_palette().shape == (1, 3, 32 * k, 16 * n)
    if k == 1:
        assert torch.equal(before, torch.full_like(before, 0.5))


# --- becoming a picture --------------------------------------------------------------------------


# What was measured, less a decibel; 201 steps of Adam reach 24 to 29 for these.
@pytest.mark.parametrize(
    ("name", "at_least"),
    [("astronaut.png", 33), ("chelsea.png", 34), ("coffee.png", 35), ("rocket.jpg", 35)],
)
def test_photographs_are_encoded_well_and_fast(name, at_least):
    image = load_image(PHOTOGRAPHS / name)
    canvas = palette((64, 64))
    start = time.process_time()
    canvas.encode(image)
    assert time.process_time() - start < 2
    assert psnr(canvas.image(), resize(image, (64, 64))) > at_least


def test_a_gamma_costs_little():
    image = resize(load_image(PHOTOGRAPHS / "coffee.png"), (64, 64))
    canvas = palette((64, 64), gamma=2.0)
    canvas.encode(image)
    assert psnr(canvas.image(), image) > 33


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"random_palette": True},
        {"gamma": 2.0},
        {"pixel_size": 3},
        {"palettes": 1, "random_palette": True},
        {"palette_size": 1, "random_palette": True},
    ],
)
@pytest.mark.parametrize("locked", [False, True])
def test_its_own_picture_is_encoded_to_the_bit(kwargs, locked):
    canvas = palette(**kwargs)
    canvas.lock(locked)
    image = canvas.image()
    with torch.no_grad():
        canvas.value.copy_(noise(12, 10, seed=9)[0, 0])
        canvas.weights.zero_()
    canvas.encode(image)
    assert torch.allclose(canvas.image(), image, atol=1e-6)


def test_encoding_another_ones_picture_finds_its_colours():
    image = palette(random_palette=True, palettes=4, seed=5).image()  # 20 colours
    canvas = palette(palettes=20)
    canvas.encode(image)
    assert psnr(canvas.image(), image) > 50


def test_encoding_depends_on_no_global_randomness():
    pictures = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        canvas = palette((40, 40))
        canvas.encode(noise(40, 40))
        pictures.append(canvas.image())
    assert torch.equal(*pictures)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_picture_of_one_colour_is_encoded(level):
    canvas = palette()
    canvas.encode(torch.full((1, 3, 20, 20), level))
    assert torch.allclose(canvas.image(), torch.tensor(level), atol=1e-5)


def test_values_stay_near_the_pixels_brightness():
    image = resize(load_image(PHOTOGRAPHS / "chelsea.png"), (48, 48))
    canvas = palette((48, 48))
    canvas.encode(image)
    wanted = brightness(image[0].permute(1, 2, 0))
    assert (canvas.value - wanted).abs().max() < 0.25
    assert (canvas.value - wanted).abs().mean() < 0.02


def test_what_was_encoded_still_has_a_gradient():
    image = resize(load_image(PHOTOGRAPHS / "chelsea.png"), (48, 48))
    canvas = palette((48, 48))
    canvas.encode(image)
    canvas().backward(noise(48, 48))
    for parameter in canvas.parameters():
        assert parameter.grad.abs().mean() > 1e-4


def test_it_descends_to_a_picture():
    image = resize(load_image(PHOTOGRAPHS / "coffee.png"), (32, 32))
    canvas = palette((32, 32), random_palette=True)
    before = psnr(canvas.image(), image)
    descent = torch.optim.Adam(canvas.parameters(), lr=canvas.lr)
    for _ in range(150):
        descent.zero_grad()
        (canvas() - image).square().mean().backward()
        descent.step()
        canvas.constrain()
    assert psnr(canvas.image(), image) > before + 8


# --- locking and matching ------------------------------------------------------------------------


def test_locked_colours_get_no_gradient_and_stay():
    canvas = palette(random_palette=True)
    colours = canvas.colours().detach()
    assert not canvas.locked
    canvas.lock()
    assert canvas.locked
    canvas().square().sum().backward()
    assert canvas.palette.grad is None
    assert canvas.weights.grad.abs().sum() > 0
    with torch.no_grad():
        canvas.palette.zero_()
    canvas.encode(noise(12, 10))
    canvas.lock()
    assert torch.equal(canvas.colours(), colours)
    canvas.lock(False)
    assert not canvas.colours().any()


def test_a_lock_survives_saving_and_restoring():
    canvas = palette(random_palette=True)
    canvas.lock()
    with torch.no_grad():
        canvas.palette.zero_()
    restored = palette(seed=1)
    restored.load_state_dict(canvas.state_dict())
    assert restored.locked
    assert torch.equal(restored.colours(), canvas.colours())
    assert torch.equal(restored.image(), canvas.image())
    restored.load_state_dict(palette().state_dict())
    assert not restored.locked


def test_a_matched_palette_is_the_pictures_and_stays_when_unlocked():
    sunset = torch.stack([noise(30, 30)[0, 0], noise(30, 30)[0, 1] * 0.3, torch.zeros(30, 30)])[
        None
    ]
    canvas = palette()
    value = canvas.value.detach().clone()
    canvas.match(sunset)
    assert canvas.locked
    assert torch.equal(canvas.value, value)
    colours = canvas.colours().clone()
    assert colours[..., 0].max() > 0.9
    assert colours[..., 2].max() < 1e-6
    canvas.encode(noise(12, 10))
    assert torch.equal(canvas.colours(), colours)
    canvas.lock(False)
    assert torch.allclose(canvas.colours(), colours, atol=1e-6)


def test_matching_again_replaces_what_was_matched():
    canvas = palette()
    canvas.match(torch.tensor([1.0, 0, 0])[None, :, None, None].expand(1, 3, 8, 8))
    canvas.match(torch.tensor([0.0, 0, 1])[None, :, None, None].expand(1, 3, 8, 8))
    assert torch.isclose(canvas.colours(), torch.tensor([0.0, 0, 1])).all(-1).any()
    assert not torch.isclose(canvas.colours(), torch.tensor([1.0, 0, 0])).all(-1).any()


def test_a_clone_keeps_gamma_and_lock():
    canvas = palette(gamma=2.0)
    canvas.lock()
    clone = copy.deepcopy(canvas)
    assert clone.gamma == 2.0
    assert clone.locked
    clone.lock(False)
    assert canvas.locked


def test_showing_the_palette_leaves_it_alone():
    canvas = palette(palette_size=3, palettes=2, random_palette=True)
    canvas.lock()
    before = {name: tensor.clone() for name, tensor in canvas.state_dict().items()}
    shown = canvas.render_palette()
    assert shown.shape == (1, 3, 96, 32)
    assert torch.equal(shown[0, :, 40, 20], canvas.colours()[1, 1])
    shown.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in canvas.state_dict().items())


# --- moving --------------------------------------------------------------------------------------


def test_moving_carries_values_and_weights_and_not_the_palette():
    canvas = palette(random_palette=True)
    before, colours = canvas.image(), canvas.palette.detach().clone()
    canvas.move(lambda raster: raster.roll((2, 3), (2, 3)))
    assert torch.equal(canvas.image(), before.roll((2, 3), (2, 3)))
    assert torch.equal(canvas.palette, colours)


def test_no_motion_changes_nothing():
    canvas = palette()
    before = {name: tensor.clone() for name, tensor in canvas.state_dict().items()}
    canvas.move(lambda raster: raster)
    assert all(torch.equal(tensor, before[name]) for name, tensor in canvas.state_dict().items())


def test_moving_by_a_fraction_looks_like_moving_the_picture():
    image = resize(load_image(PHOTOGRAPHS / "astronaut.png"), (96, 96))
    canvas = palette((96, 96))
    canvas.encode(image)

    def blend(raster):
        return 0.7 * raster + 0.3 * raster.roll(1, 3)

    expected = blend(canvas.image())
    canvas.move(blend)
    assert psnr(canvas.image(), expected) > 24


def test_what_gathers_adds_to_the_gradient_that_is_there():
    generator = torch.Generator().manual_seed(5)
    colours, value = (torch.rand(*s, generator=generator) for s in ((5, 4, 3), (6, 7)))
    weights = torch.rand(4, 6, 7, generator=generator)
    pull = torch.randn(1, 3, 6, 7, generator=generator)
    before = torch.randn(4, 6, 7, generator=generator)
    found = []
    for gathers in (False, True):
        parameter = torch.nn.Parameter(weights.clone())
        parameter.grad = before.clone()
        there = parameter.grad
        draw(colours, value, parameter, gathers=gathers).backward(pull)
        found.append(parameter.grad)
    assert found[1] is there  # no second tensor of its size was made
    assert torch.equal(*found)
    assert not torch.equal(found[1], before)
