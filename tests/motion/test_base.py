import pytest
import torch

from mutoscope.motion.base import FieldWarp, pixel_grid
from mutoscope.motion.resample import INFILLS, SAMPLINGS


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def wave(size):
    """A displacement that varies from place to place, in pixels of a 32 × 16 picture."""
    x, y = pixel_grid(size)
    return torch.stack([3 * torch.sin(6 * y), 2 * x])[None].float()


@pytest.mark.parametrize("infill", INFILLS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_no_displacement_is_no_change(sampling, infill):
    raster = noise(1, 5, 4, 8) * 3 - 1
    warp = FieldWarp(torch.zeros(1, 2, 16, 32), sampling=sampling, infill=infill)
    assert warp.still
    assert warp(raster) is raster


def test_the_displacement_is_what_it_was_made_of():
    warp = FieldWarp(wave((32, 16)), sampling="bilinear", infill="smear")
    assert torch.equal(warp.displacement, wave((32, 16)))


def test_content_comes_from_behind_its_displacement():
    raster = noise(1, 3, 16, 32)
    warp = FieldWarp(wave((32, 16)).round(), sampling="nearest", infill="wrap")
    moved = warp(raster)
    for x, y in [(0, 0), (5, 9), (31, 15), (17, 3)]:
        dx, dy = warp.displacement[0, :, y, x].int().tolist()
        assert torch.equal(moved[..., y, x], raster[..., (y - dy) % 16, (x - dx) % 32])


@pytest.mark.parametrize("size", [(16, 8), (64, 32), (11, 5)])
def test_a_raster_of_another_resolution_goes_to_the_same_place(size):
    """x and y as colours: where each pixel's content came from can be read off."""
    places = pixel_grid(size).float()[None]
    warp = FieldWarp(wave((32, 16)), sampling="bilinear", infill="smear")
    sides = torch.tensor([32.0, 16.0])[:, None, None]
    expected = pixel_grid(size).float() - wave(size)[0] / sides
    inside = ((expected > 0.1) & (expected < 0.9)).all(dim=0)
    assert inside.any()
    assert torch.allclose(warp(places)[0][:, inside], expected[:, inside], atol=0.02)


def test_a_warp_carries_no_gradient():
    raster = noise(1, 3, 4, 4).requires_grad_()
    warp = FieldWarp(torch.ones(1, 2, 4, 4), sampling="bicubic", infill="wrap")
    assert not warp(raster).requires_grad
