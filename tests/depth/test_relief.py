"""Depth from a picture alone, on pictures whose depth anyone sees."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope.depth import FAR, NEAR
from mutoscope.depth.relief import Relief, detail, figure, filled, nearness, opponents, standing

SKY, GRASS, RED = (0.55, 0.7, 0.9), (0.25, 0.45, 0.2), (0.8, 0.1, 0.1)


def paint(image: Tensor, colour: tuple[float, ...], rows: slice, columns: slice) -> None:
    image[0, :, rows, columns] = torch.tensor(colour)[:, None, None]


def scene(side: int = 128, *, grain: float = 0.02, seed: int = 0) -> Tensor:
    """A red post on a meadow, before a sky: the horizon at a half, its foot at three quarters."""
    image = torch.zeros(1, 3, side, side)
    paint(image, SKY, slice(0, side // 2), slice(None))
    paint(image, GRASS, slice(side // 2, None), slice(None))
    post = slice(side * 3 // 8, side * 5 // 8)
    paint(image, RED, slice(side // 4, side * 3 // 4), post)
    rng = torch.Generator().manual_seed(seed)
    return (image + grain * torch.randn(image.shape, generator=rng)).clamp(0, 1)


@pytest.fixture(scope="module")
def far() -> Tensor:
    """Distances of the scene, 128²."""
    return Relief().estimate(scene())[0, 0]


def test_distances_keep_to_the_scale(far: Tensor) -> None:
    assert far.dtype == torch.float32
    assert NEAR <= far.min() < 2 < 4 < far.max() <= FAR


def test_the_sky_is_farthest_and_the_ground_comes_nearer(far: Tensor) -> None:
    meadow = far[72:, 8:32].mean(1)
    assert far[:56, 8:32].mean() > 1.5 * meadow.max()
    assert (meadow[8:].diff() < 0.02).all()
    assert meadow[-1] < meadow[8] / 1.2


def test_what_stands_on_the_ground_is_nearer_than_what_is_behind_it(far: Tensor) -> None:
    for row in (40, 52, 60):
        assert far[row, 56:72].mean() < far[row, 8:32].mean() / 1.4


def test_what_stands_is_upright(far: Tensor) -> None:
    post = 1 / far[40:90, 56:72].mean(1)
    ground = 1 / far[[66, 90], 8:32].mean(1)
    # Over the post's height nearness changes less than over half of that on the ground beside it.
    assert post[-1] - post[0] < 2 * (ground[1] - ground[0])
    assert post[0] > ground[0]


def test_depth_changes_where_the_picture_does(far: Tensor) -> None:
    step = (1 / far[40]).diff()
    assert int(step.argmax()) == 47
    assert int(step.argmin()) == 79


def test_an_empty_picture_is_a_ground() -> None:
    near = nearness(torch.full((1, 3, 60, 80), 0.5))[0, 0]
    torch.testing.assert_close(near, near[:, :1].expand_as(near), atol=0.03, rtol=0)
    assert near[:, 40].diff().min() > -1e-3
    assert near[-1, 40] - near[0, 40] > 0.5


def test_a_mirrored_picture_has_a_mirrored_depth() -> None:
    image = torch.rand(1, 3, 24, 31, generator=torch.Generator().manual_seed(1))
    image = interpolate(image, (96, 124), mode="bilinear")
    there, back = nearness(image), nearness(image.flip(-1)).flip(-1)
    torch.testing.assert_close(there, back, atol=1e-3, rtol=0)


def test_the_same_picture_has_the_same_depth_bit_for_bit(far: Tensor) -> None:
    assert torch.equal(Relief().estimate(scene())[0, 0], far)


def test_a_small_change_of_the_picture_changes_depth_a_little() -> None:
    near = nearness(scene())
    other = (near - nearness(scene(seed=9))).abs()  # other grain all over
    assert other.mean() < 0.01
    brighter = (near - nearness((scene() * 1.05).clamp(0, 1))).abs()
    assert brighter.mean() < 0.01
    moved = scene().roll(2, -1)
    follows = (near.roll(2, -1) - nearness(moved)).abs()[..., 4:-4]
    assert follows.mean() < 0.01
    assert near.std() > 0.2  # against which these are small


def test_size_changes_depth_little() -> None:
    clean = scene(grain=0)
    large = interpolate(clean, (384, 384), mode="nearest")
    again = interpolate(nearness(large), (128, 128), mode="area")
    assert (again - nearness(clean)).abs().mean() < 0.03


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 3), (7, 513), (161, 97)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(2))
    far = Relief().estimate(image)
    assert far.shape == (1, 1, *size)
    assert ((far >= NEAR) & (far <= FAR)).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_are_pictures_too(value: float) -> None:
    assert torch.isfinite(Relief().estimate(torch.full((1, 3, 32, 32), value))).all()


def test_what_looks_like_no_part_of_the_rim_stands_free() -> None:
    before, floor = figure(opponents(scene(grain=0)[0]))
    sky, meadow, post = ((40, 20), (120, 20), (64, 64))
    assert before[sky] < 0.25 < 0.7 < before[post]
    assert floor[meadow] > 0.5
    assert floor[post] < 0.01


def test_a_spot_of_the_sky_s_colour_on_a_thing_is_part_of_it() -> None:
    image = scene(grain=0)
    paint(image, SKY, slice(44, 52), slice(52, 76))
    near = nearness(image)[0, 0]
    assert near[48, 64] > 0.8 * near[40, 64]
    assert near[48, 64] > 3 * near[48, 16]


def test_filling_closes_gaps_along_columns_alone() -> None:
    before = torch.zeros(100, 3)
    before[[40, 50], 1] = 1
    full = filled(before)
    # The cone falls by 0.8 over the height: five rows from the figure it is 0.04 lower.
    assert float(full[45, 1]) == pytest.approx(1 - 0.8 * 5 / 99)
    assert torch.equal(full[:40], before[:40])
    assert torch.equal(full[:, [0, 2]], before[:, [0, 2]])


def test_what_is_no_floor_is_as_near_as_its_foot_until_the_figure_ends() -> None:
    before = torch.zeros(101, 1)
    before[30:81] = 1
    upright = standing(before, torch.zeros(101, 1))[:, 0]
    torch.testing.assert_close(upright[30:101], torch.ones(71))  # from the lower edge up
    assert (upright[:30] < 0.3).all()
    lying = standing(before, torch.ones(101, 1))[:, 0]
    torch.testing.assert_close(lying, torch.linspace(0, 1, 101), atol=0.02, rtol=0)


def test_what_is_blurred_has_no_detail() -> None:
    image = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(3))
    image[..., 64:] = image[..., 64:].mean()
    sharp = detail(image, torch.Size((32, 32)))
    assert sharp.shape == (32, 32)
    assert sharp[:, :8].min() > 0.5
    assert sharp[:, -2:].max() < 0.1


def test_what_floats_in_the_sky_is_before_it() -> None:
    image = scene(grain=0)
    paint(image, RED, slice(20, 36), slice(20, 36))
    near = nearness(image)[0, 0]
    assert near[28, 28] > near[28, 8] + 0.3


def test_what_is_sharp_is_nearer_than_what_is_blurred() -> None:
    rng = torch.Generator().manual_seed(3)
    image = (0.5 + 0.05 * torch.randn(1, 1, 128, 128, generator=rng)).expand(1, 3, -1, -1).clone()
    image[..., 64:] = 0.5
    near = nearness(image)[0, 0]
    assert (near[32:96, 8:56].mean(1) > near[32:96, 72:120].mean(1) + 0.02).all()
