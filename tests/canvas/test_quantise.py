import torch

from mutoscope.canvas.quantise import (
    brightness,
    by_brightness,
    distances,
    find_palettes,
    nearest,
    thin,
)


def points(m, seed=0):
    return torch.rand(m, 3, generator=torch.Generator().manual_seed(seed))


def test_distances_and_the_nearest_are_those_of_the_definition():
    pixels, colours = points(50), points(7, seed=1)
    expected = (pixels[:, None] - colours).square().sum(-1)
    assert torch.allclose(distances(pixels, colours), expected, atol=1e-6)
    index, away = nearest(pixels, colours)
    assert torch.equal(index, expected.argmin(1))
    assert torch.allclose(away, expected.amin(1), atol=1e-6)


def test_sorting_by_brightness_has_a_gradient():
    palette = points(12).view(4, 3, 3).requires_grad_()
    ordered = by_brightness(palette)
    assert (brightness(ordered.detach()).diff(dim=0) >= 0).all()
    ordered.sum().backward()
    assert torch.equal(palette.grad, torch.ones_like(palette))


def test_as_few_colours_as_there_are_places_are_all_found():
    few = points(12)
    pixels = few.repeat(40, 1)
    wanted = (brightness(pixels) * 4).round().long()
    found = find_palettes(pixels, wanted, torch.linspace(0, 1, 5), 12).flatten(0, 1)
    assert nearest(few, found)[1].max() < 1e-6


def test_palettes_keep_to_one_hue():
    """Reds and blues, dark to light: no palette mixes them."""
    hues = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.3, 0.9]])
    hues = hues / brightness(hues)[:, None] * 0.45
    pixels = (hues[:, None] * torch.linspace(0.1, 1, 300)[:, None]).flatten(0, 1)
    wanted = (brightness(pixels) / 0.45 * 3).round().long()
    colours = find_palettes(pixels, wanted, torch.linspace(0, 0.45, 4), 2)
    red = colours[..., 0] > colours[..., 2]
    assert (red.all(0) | ~red.any(0)).all()
    assert red.any()
    assert not red.all()


def test_thinning_is_always_the_same_and_leaves_small_pictures_whole():
    many = points(40_000)
    assert torch.equal(thin(many), thin(many))
    assert len(thin(many)) < len(many)
    assert thin(points(100)).shape == (100, 3)


def test_ranks_that_no_pixel_wants_follow_the_ramp_in_hue():
    ramp = torch.tensor([0.0, 0.1, 0.4, 0.9])
    pixels = torch.tensor([[0.2, 0.1, 0.1]]).repeat(50, 1)
    wanted = torch.full((50,), 1)
    colours = find_palettes(pixels, wanted, ramp, 3)
    assert torch.allclose(colours[1], pixels[:3])
    assert torch.allclose(brightness(colours[[0, 2]]), ramp[[0, 2], None].expand(2, 3), atol=1e-6)
    assert torch.allclose(colours[2, :, 0], colours[2, :, 1] * 2)
