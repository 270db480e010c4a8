"""The canvas that the settings ask for, before the first step."""

from typing import get_args

import pytest
import torch

from mutoscope.build import build
from mutoscope.build.canvases import CANVASES
from mutoscope.canvas.pixels import Pixels
from mutoscope.canvas.squares import Squares
from mutoscope.paint import rng_for
from mutoscope.settings import load_settings
from mutoscope.settings.keys import Keys

MODELS = ["Unlimited Palette", "Limited Palette", "Fourier"]


def test_every_image_model_of_the_schema_is_there():
    names = set(get_args(Keys.model_fields["image_model"].annotation))
    assert {*CANVASES, "VQGAN", "GAN"} == names


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pixel_size", [1, 3])
def test_the_picture_is_pixel_size_times_larger(toy, model, pixel_size):
    settings = toy(image_model=model, width=20, height=16, pixel_size=pixel_size)
    *_, frame = build(settings).animate()
    assert frame.image.shape == (1, 3, 16 * pixel_size, 20 * pixel_size)
    squares = frame.image.unfold(2, pixel_size, pixel_size).unfold(3, pixel_size, pixel_size)
    assert torch.equal(squares, squares[..., :1, :1].expand_as(squares))


@pytest.mark.parametrize("model", MODELS)
def test_pixel_size_leaves_the_motion_as_it_is(toy, model):
    """Pixels of the file are what motion counts: two of them are two of them."""
    film = {"animation_mode": "2D", "pre_animation_steps": 1, "steps_per_frame": 1}
    parts = build(toy(image_model=model, pixel_size=2, translate_x=2, **film))
    before = parts.canvas.image()
    _, shot, *_ = parts.schedule.shots()
    parts.canvas.move(parts.motion(before, shot))
    moved = parts.canvas.image()
    assert torch.allclose(moved[..., 2:], before[..., :-2], atol=2e-2)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pixel_size", [1, 2])
def test_it_begins_as_the_init_image(toy, draw, model, pixel_size):
    draw("start.png", (32, 32), colour=(200, 120, 60))
    canvas = build(toy(image_model=model, init_image="start.png", pixel_size=pixel_size)).canvas
    colour = canvas.image().mean((0, 2, 3)) * 255
    assert colour.tolist() == pytest.approx([200, 120, 60], abs=3)


@pytest.mark.parametrize("model", MODELS)
def test_it_begins_as_the_noise_that_is_asked_for(toy, model):
    canvas = build(toy(image_model=model, init_noise="gradient", seed=5)).canvas
    red = canvas.image()[0, 0]
    assert red[:, -4:].mean() > red[:, :4].mean() + 0.1
    assert build(toy(init_noise="pixels")).canvas.image().std() > 0.2


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pixel_size", [1, 2])
def test_a_canvas_that_grows_shows_the_same_picture(toy, draw, model, pixel_size):
    draw("start.png", (32, 32), colour=(200, 120, 60))
    settings = toy(image_model=model, init_image="start.png", pixel_size=pixel_size, sizes=2,
                   width=128, height=96)  # fmt: skip
    parts = build(settings)
    size = (128 * pixel_size, 96 * pixel_size)
    assert parts.canvas.size == (64 * pixel_size, 48 * pixel_size)
    parts.canvas.grow(size)
    image = parts.canvas.image()
    assert (image.shape[-1], image.shape[-2]) == size == parts.canvas.size
    assert (image.mean((0, 2, 3)) * 255).tolist() == pytest.approx([200, 120, 60], abs=4)
    before = dict(parts.canvas.named_parameters())
    parts.canvas.grow(size)
    assert all(before[name] is value for name, value in parts.canvas.named_parameters())


def test_sizes_double_and_none_is_too_small_to_see(toy):
    def sides(**values):
        return build(toy(**values)).sizes

    assert sides(width=512, height=256, sizes=3) == ((128, 64), (256, 128), (512, 256))
    assert sides(width=200, height=100, sizes=4) == ((64, 32), (64, 32), (100, 50), (200, 100))
    assert sides(width=25, height=20, pixel_size=3, sizes=2) == ((39, 33), (75, 60))


@pytest.mark.parametrize(
    ("written", "size"),
    [({"width": -1, "height": 30}, (40, 30)), ({"width": 40, "height": -1}, (40, 30))],
)
def test_a_side_follows_the_init_image(toy, draw, written, size):
    draw("start.png", (24, 18))
    assert build(toy(init_image="start.png", **written)).canvas.size == size


def test_the_seed_decides_the_noise(toy):
    one, again, other = (build(toy(seed=seed)).canvas.image() for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


# ── palettes ──


def test_locked_colours_stay(toy, draw):
    draw("sunset.png", colour=(250, 130, 40))
    palette = {"image_model": "Limited Palette", "palettes": 2, "palette_size": 3}
    for changes in ({"lock_palette": True}, {"target_palette": "sunset.png"}):
        parts = build(toy(**palette, **changes))
        before = parts.canvas.colours().clone()
        *_, frame = parts.animate()
        assert torch.equal(parts.canvas.colours(), before)
        assert frame.image.isfinite().all()
    assert before[..., 0].max() == pytest.approx(250 / 255, abs=0.02)
    free = build(toy(**palette))
    before = free.canvas.colours().clone()
    list(free.animate())
    assert not torch.equal(free.canvas.colours(), before)


def test_a_target_palette_colours_the_init_image(toy, draw):
    draw("grey.png", colour=(128, 128, 128))
    draw("red.png", colour=(255, 0, 0))
    settings = toy(image_model="Limited Palette", init_image="grey.png", target_palette="red.png")
    red, green, blue = build(settings).canvas.image().mean((0, 2, 3)).tolist()
    assert red > 0.4
    assert (green, blue) == pytest.approx((0, 0), abs=0.01)


@pytest.mark.parametrize("changes", [{"palettes": 1}, {"palette_size": 1},
                                     {"palettes": 1, "palette_size": 1},
                                     {"random_initial_palette": True, "gamma": 2}])  # fmt: skip
def test_odd_palettes_paint(toy, changes):
    *_, frame = build(toy(image_model="Limited Palette", **changes)).animate()
    assert frame.image.isfinite().all()


# ── squares ──


def test_squares_are_a_canvas_like_any_other():
    inner = Pixels((6, 4), generator=rng_for(0, "canvas"))
    canvas = Squares(inner, 2)
    assert (canvas.size, canvas.lr) == ((12, 8), inner.lr)
    shown = canvas.image()
    canvas.encode(shown)
    assert torch.allclose(canvas.image(), shown, atol=1e-6)
    other = Squares(Pixels((6, 4), generator=rng_for(1, "canvas")), 2)
    other.load_state_dict(canvas.state_dict())
    assert torch.equal(other.image(), canvas.image())


def test_presets_name_canvases_that_are_there():
    from mutoscope.settings import presets

    for preset in presets():
        assert load_settings({"scenes": "a fox"}, preset=preset).image_model in CANVASES
