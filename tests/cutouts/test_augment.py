import math

import pytest
import torch

from mutoscope.cutouts import AUGMENTATIONS, Augmentation, Cutouts
from mutoscope.cutouts.augment import colours, erased, geometry

CENTRE = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)


def uniform(n, columns, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(n, columns, generator=rng, dtype=torch.float64)


def mapped(maps, point):
    x, y, w = (maps @ torch.tensor([*point, 1.0], dtype=torch.float64)).unbind(1)
    return x / w, y / w


def test_no_augmentation_is_the_identity():
    maps = geometry(Augmentation(), uniform(10, 14))
    torch.testing.assert_close(maps, torch.eye(3, dtype=torch.float64).expand(10, 3, 3))


def test_mirrors_come_as_often_as_asked_and_only_swap_left_and_right():
    maps = geometry(Augmentation(mirror=0.3), uniform(20000, 14))
    x, y = mapped(maps, (0.5, 0.25))
    assert (y == 0.25).all()
    assert set(x.tolist()) == {0.5, -0.5}
    assert (x < 0).double().mean().item() == pytest.approx(0.3, abs=0.01)


def test_rotations_turn_up_to_the_angle_and_keep_lengths():
    maps = geometry(Augmentation(affine=0.8, turn=30), uniform(20000, 14))
    x, y = mapped(maps, (1.0, 0.0))
    angle = torch.atan2(y, x) * 180 / math.pi
    torch.testing.assert_close(torch.hypot(x, y), torch.ones_like(x))
    assert 29 < angle.max() <= 30
    assert -30 <= angle.min() < -29
    assert (angle == 0).double().mean().item() == pytest.approx(0.2, abs=0.01)


def test_shifts_are_symmetric_unless_compatible():
    right = Cutouts(1).changes
    old = Cutouts(1, compat_shift=True).changes
    for change, reach in ((right, 0.2), (old, 0.0)):
        only = Augmentation(affine=1, shift=change.shift)
        x, y = mapped(geometry(only, uniform(5000, 14)), (0, 0))
        assert x.abs().max().item() == pytest.approx(reach, abs=1e-3)
        assert y.abs().max().item() == pytest.approx(0.2, abs=1e-3)  # a tenth of the side, 2


def test_perspective_takes_corners_moved_inward_back_to_the_corners():
    drawn = uniform(500, 14)
    maps = geometry(Augmentation(perspective=1, pinch=0.1), drawn)
    inward = 0.2 * drawn[:, 6:].view(-1, 4, 2)
    for corner, (cx, cy) in enumerate([(-1, -1), (1, -1), (1, 1), (-1, 1)]):
        moved = torch.stack(
            [
                cx * (1 - inward[:, corner, 0]),
                cy * (1 - inward[:, corner, 1]),
                inward[:, 0, 0] * 0 + 1,
            ],
            1,
        )
        x, y, w = (maps @ moved.unsqueeze(2)).squeeze(2).unbind(1)
        torch.testing.assert_close(x / w, torch.full_like(x, cx))
        torch.testing.assert_close(y / w, torch.full_like(y, cy))
        assert (w > 0).all()


def test_mirror_then_rotation_then_shift_are_undone_in_that_order():
    change = Augmentation(mirror=1, affine=1, turn=30, shift=(0.1, 0.1))
    drawn = uniform(1, 14)
    angle = math.radians(30) * (2 * drawn[0, 2].item() - 1)
    dx, dy = (0.2 * (2 * drawn[0, i].item() - 1) for i in (3, 4))
    x, y = -0.3, 0.7  # a point of the cutout, mirrored:
    mx, my = -x, y
    moved = (
        math.cos(angle) * mx - math.sin(angle) * my + dx,
        math.sin(angle) * mx + math.cos(angle) * my + dy,
    )
    back = mapped(geometry(change, drawn), moved)
    assert [b.item() for b in back] == pytest.approx([x, y])


def test_hue_and_saturation_keep_luma_and_grey():
    change = Augmentation(jitter=1, hue=0.2, saturation=0.5)
    matrices = colours(change, uniform(200, 7))
    luma = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    torch.testing.assert_close(luma @ matrices[:, :, :3], luma.expand(200, 3), atol=1e-9, rtol=0)
    grey = matrices[:, :, :3].sum(2)
    torch.testing.assert_close(grey, torch.ones_like(grey), atol=2e-3, rtol=0)
    assert (matrices[:, :, 3] == 0).all()


def test_a_third_of_a_turn_takes_red_toward_another_primary():
    drawn = uniform(1, 7)
    drawn[0, 1], drawn[0, 2] = 1.0, 0.5
    turned = colours(Augmentation(jitter=1, hue=1 / 3), drawn)[0, :, 0]  # what red becomes
    assert turned.argmax().item() != 0
    assert turned.max() - turned.min() > 0.5


def test_contrast_turns_about_mid_grey_and_offsets_stay_in_range():
    matrices = colours(AUGMENTATIONS["gentle"], uniform(2000, 7))
    grey = matrices[:, :, :3].sum(2) * 0.5 + matrices[:, :, 3]
    assert (grey - 0.5).abs().max().item() == pytest.approx(0.05, abs=1e-3)
    gain = matrices[:, :, :3].sum(2)
    assert 0.9 <= gain.min() < 0.91
    assert 1.09 < gain.max() <= 1.1001


def test_erased_rectangles_have_the_area_and_lie_inside():
    boxes = erased(AUGMENTATIONS["pytti"], uniform(20000, 5))
    left, top, right, bottom = boxes.unbind(1)
    area = (right - left) * (bottom - top)
    there = area > 0
    assert there.double().mean().item() == pytest.approx(0.7, abs=0.01)
    assert area[there].max() <= 0.4 + 1e-9
    assert area[there].quantile(0.01) > 0.099
    assert boxes.min() >= 0
    assert boxes.max() <= 1 + 1e-9


def test_clean_cutouts_keep_the_boxes_and_lose_the_rest():
    cutouts = Cutouts(6, power=1)
    rng = torch.Generator
    dirty = cutouts.draw(rng().manual_seed(5), (90, 60), 16)
    clean = cutouts.clean().draw(rng().manual_seed(5), (90, 60), 16)
    assert torch.equal(dirty.boxes, clean.boxes)
    assert clean.colours is None
    assert clean.erased is None
    assert clean.noise is None
