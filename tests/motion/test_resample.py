import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.motion.base import FieldWarp, pixel_grid
from mutoscope.motion.resample import INFILLS, SAMPLINGS, resample

# How numpy names what our infills do beyond the edges.
NUMPY = {"wrap": "wrap", "mirror": "reflect", "smear": "edge", "black": "constant"}


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def field(dx, dy, width, height):
    return torch.tensor([float(dx), float(dy)])[None, :, None, None].expand(1, 2, height, width)


@pytest.mark.parametrize("infill", INFILLS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
@settings(max_examples=20, deadline=None)
@given(dx=st.integers(-20, 20), dy=st.integers(-20, 20))
def test_whole_pixels_beyond_the_edges_are_as_numpy_pads(sampling, infill, dx, dy):
    raster = noise(1, 2, 6, 9)
    warp = FieldWarp(field(dx, dy, 9, 6), sampling=sampling, infill=infill)
    padded = np.pad(raster.numpy(), ((0, 0), (0, 0), (24, 24), (24, 24)), mode=NUMPY[infill])
    expected = padded[:, :, 24 - dy : 30 - dy, 24 - dx : 33 - dx]
    assert np.allclose(warp(raster).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("sampling", ["bilinear", "bicubic"])
def test_wrapping_has_no_seam(sampling):
    """A shift of a fraction commutes with rolling, so the edges are like any other place."""
    raster = noise(1, 3, 8, 11)
    warp = FieldWarp(field(0.37, -1.71, 11, 8), sampling=sampling, infill="wrap")
    rolled = warp(raster.roll((3, 5), (2, 3)))
    assert torch.allclose(rolled, warp(raster).roll((3, 5), (2, 3)), atol=1e-5)


def test_wrapping_has_the_period_of_the_raster():
    raster = noise(1, 3, 8, 11)
    for turns in (-2, 1, 3):
        warp = FieldWarp(field(11 * turns, 8 * turns, 11, 8), sampling="bicubic", infill="wrap")
        assert torch.allclose(warp(raster), raster, atol=1e-5)


@pytest.mark.parametrize("infill", INFILLS)
def test_bicubic_is_catmull_and_roms(infill):
    """Against the kernel written out: taps −0.5 t³ + t² − 0.5 t and so on."""
    raster = noise(1, 1, 1, 12)
    t = 0.3  # read at i + t
    warp = FieldWarp(field(-t, 0, 12, 1), sampling="bicubic", infill=infill)
    weights = [
        -0.5 * t**3 + t**2 - 0.5 * t,
        1.5 * t**3 - 2.5 * t**2 + 1,
        -1.5 * t**3 + 2 * t**2 + 0.5 * t,
        0.5 * t**3 - 0.5 * t**2,
    ]
    row = raster[0, 0, 0]
    for i in range(1, 10):
        expected = sum(w * row[i - 1 + tap] for tap, w in enumerate(weights))
        assert warp(raster)[0, 0, 0, i] == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize(("sampling", "power"), [("bilinear", 1), ("bicubic", 2)])
def test_polynomials_are_read_exactly_inside(sampling, power):
    x = torch.arange(12.0)
    raster = ((x / 12) ** power).expand(1, 1, 12, 12)
    warp = FieldWarp(field(0.4, 0.2, 12, 12), sampling=sampling, infill="smear")
    expected = ((x - 0.4) / 12) ** power
    assert torch.allclose(warp(raster)[0, 0, 3:-3, 3:-3], expected[3:-3].expand(6, 6), atol=1e-5)


def test_a_hundred_small_shifts_keep_a_smooth_picture():
    """They leave it at 46 dB; the kernel that torch brings would end at 12."""
    x, y = pixel_grid((48, 48)).float() * 2 * torch.pi
    smooth = (0.5 + 0.25 * torch.sin(2 * x) + 0.25 * torch.cos(y))[None, None]
    warp = FieldWarp(field(0.3, 0.3, 48, 48), sampling="bicubic", infill="wrap")
    moved = smooth
    for _ in range(100):
        moved = warp(moved)
    error = (moved - smooth.roll((30, 30), (2, 3))).square().mean()
    assert -10 * torch.log10(error) > 40


def test_nearest_sampling_invents_no_value():
    raster = noise(1, 1, 7, 7)
    warp = FieldWarp(noise(1, 2, 7, 7, seed=3) * 9, sampling="nearest", infill="mirror")
    assert set(warp(raster).flatten().tolist()) <= set(raster.flatten().tolist())


def test_half_a_pixel_is_decided_alike_everywhere():
    raster = torch.arange(101.0).expand(1, 1, 3, 101)
    moved = FieldWarp(field(0.5, 0, 101, 3), sampling="nearest", infill="wrap")(raster)
    assert torch.equal(moved, raster)


def test_black_fades_over_one_pixel():
    raster = torch.ones(1, 1, 4, 6)
    moved = FieldWarp(field(2.25, 0, 6, 4), sampling="bicubic", infill="black")(raster)
    assert torch.allclose(moved[0, 0, 0], torch.tensor([0, 0, 0.75, 1, 1, 1]), atol=1e-5)


@pytest.mark.parametrize("infill", INFILLS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_single_pixel_can_be_moved(sampling, infill):
    raster = torch.full((1, 1, 1, 1), 0.25)
    moved = FieldWarp(field(0.25, 0, 1, 1), sampling=sampling, infill=infill)(raster)
    outside = infill == "black" and sampling != "nearest"
    assert moved.item() == pytest.approx(0.25 * (0.75 if outside else 1))


def test_points_may_be_fewer_or_more_than_pixels():
    raster = noise(1, 3, 8, 12)
    assert resample(raster, pixel_grid((5, 4)), "bilinear", "smear").shape == (1, 3, 4, 5)


def test_large_rasters_are_read_in_bands():
    raster = noise(1, 2, 300, 260)
    whole = FieldWarp(field(3.25, -7.5, 260, 300), sampling="bicubic", infill="wrap")(raster)
    part = FieldWarp(field(3.25, 0.5, 260, 40), sampling="bicubic", infill="wrap")
    cut = raster[:, :, 100:140]  # read 8 rows further down, away from its own edges
    assert torch.allclose(part(cut)[:, :, 12:28], whole[:, :, 104:120], atol=1e-5)
