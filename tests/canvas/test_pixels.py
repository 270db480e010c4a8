import pytest
import torch

from mutoscope.canvas.pixels import Pixels


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(width, height, seed=1):
    return torch.rand(1, 3, height, width, generator=rng(seed))


def test_it_starts_as_noise_from_its_generator():
    one, same, other = (Pixels((40, 30), generator=rng(s)) for s in (0, 0, 1))
    assert torch.equal(one.image(), same.image())
    assert not torch.equal(one.image(), other.image())
    assert one.image().mean() == pytest.approx(0.5, abs=0.02)
    assert one.image().std() == pytest.approx(12**-0.5, abs=0.02)


def test_pixel_size_draws_squares():
    canvas = Pixels((5, 4), generator=rng(), pixel_size=3)
    assert canvas.size == (15, 12)
    assert canvas().shape == (1, 3, 12, 15)
    assert torch.equal(canvas.image()[..., 1::3, 2::3], canvas.pixels)
    assert torch.equal(
        canvas.image(), canvas.pixels.repeat_interleave(3, 2).repeat_interleave(3, 3)
    )


@pytest.mark.parametrize("pixel_size", [1, 2, 4])
def test_its_own_picture_is_encoded_to_the_bit(pixel_size):
    canvas = Pixels((6, 5), generator=rng(), pixel_size=pixel_size)
    image = Pixels((6, 5), generator=rng(7), pixel_size=pixel_size).image()
    canvas.encode(image)
    assert torch.allclose(canvas.image(), image, atol=1e-7)
    if pixel_size == 1:
        assert torch.equal(canvas.image(), image)


def test_encoding_is_the_nearest_that_squares_can_be():
    """No other canvas of the same squares is nearer in the mean of squares."""
    canvas, image = Pixels((4, 4), generator=rng(), pixel_size=4), noise(16, 16)
    canvas.encode(image)
    error = (canvas() - image).square().mean()
    (gradient,) = torch.autograd.grad(error, canvas.pixels)
    assert gradient.abs().max() < 1e-8


def test_a_picture_of_another_size_is_resized_without_aliases():
    canvas = Pixels((8, 8), generator=rng())
    stripes = torch.arange(64).remainder(2).float().expand(1, 3, 64, 64)
    canvas.encode(stripes)
    assert torch.allclose(canvas.image()[..., 2:-2], torch.tensor(0.5), atol=0.02)


def test_encode_keeps_the_parameter_and_the_image_apart():
    canvas, image = Pixels((4, 4), generator=rng()), noise(4, 4)
    before, parameter = image.clone(), canvas.pixels
    canvas.encode(image)
    with torch.no_grad():
        canvas.pixels.zero_()
    assert canvas.pixels is parameter
    assert torch.equal(image, before)


def test_the_latent_may_leave_the_range_and_the_picture_may_not():
    canvas = Pixels((2, 1), generator=rng())
    with torch.no_grad():
        canvas.pixels.copy_(torch.tensor([-1.0, 2.0]).expand(1, 3, 1, 2))
    canvas.constrain()
    assert canvas.pixels.min() == -1
    assert canvas.image()[0, 0, 0].tolist() == [0, 1]
    assert canvas()[0, 0, 0].tolist() == [0, 1]


def test_moving_warps_the_squares_and_clamps_what_overshoots():
    canvas = Pixels((6, 4), generator=rng(), pixel_size=2)
    before = canvas.pixels.detach().clone()
    canvas.move(lambda raster: raster.roll(1, 3) * 1.5 - 0.25)
    assert torch.equal(canvas.pixels, (before.roll(1, 3) * 1.5 - 0.25).clamp(0, 1))


def test_no_motion_changes_nothing_not_even_outside_the_range():
    canvas = Pixels((6, 4), generator=rng())
    with torch.no_grad():
        canvas.pixels.mul_(3).sub_(1)
    before = canvas.pixels.detach().clone()
    canvas.move(lambda raster: raster)
    assert torch.equal(canvas.pixels, before)


def test_it_descends_to_a_picture():
    canvas, image = Pixels((8, 8), generator=rng(), pixel_size=2), noise(8, 8)
    image = image.repeat_interleave(2, 2).repeat_interleave(2, 3)
    descent = torch.optim.Adam(canvas.parameters(), lr=canvas.lr)
    for _ in range(150):
        descent.zero_grad()
        (canvas() - image).square().mean().backward()
        descent.step()
        canvas.constrain()
    assert torch.allclose(canvas.image(), image, atol=0.02)


def test_its_state_is_the_whole_of_it():
    one, other = Pixels((4, 4), generator=rng(0)), Pixels((4, 4), generator=rng(1))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.image(), other.image())
