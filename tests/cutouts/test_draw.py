import pytest
import torch

from mutoscope.cutouts import Cutouts
from mutoscope.errors import SettingsError


def boxes(size, side, count=20000, seed=0, **kw):
    rng = torch.Generator().manual_seed(seed)
    return Cutouts(count, **kw).draw(rng, size, side).boxes


@pytest.mark.parametrize(
    ("side", "power", "smallest"),
    [
        *[(512, 0.5, 338), (512, 1, 224), (512, 1.5, 148), (512, 2, 98), (512, 3, 42)],
        *[(1024, 0.5, 478), (1024, 1, 224), (1024, 1.5, 104), (1024, 2, 49), (1024, 3, 10)],
    ],
)
def test_sizes_reach_from_the_power_of_the_perceptors_share_to_the_whole(side, power, smallest):
    size = boxes((side, side), 224, power=power)[:, 2]
    assert size.min() == smallest
    assert size.max() == side
    # Normal(0.8, 0.3) lies above 1 with probability 0.2525.
    assert (size == side).double().mean().item() == pytest.approx(0.2525, abs=0.012)


def test_a_perceptor_larger_than_the_picture_gets_the_whole_of_it():
    assert (boxes((100, 80), 224)[:, 2] == 80).all()


def test_even_the_smallest_box_has_a_pixel():
    assert boxes((512, 512), 8, power=5)[:, 2].min() == 1


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_clamped_boxes_lie_inside(power):
    x, y, s = boxes((200, 100), 32, power=power).unbind(1)
    assert x.min() == 0
    assert y.min() == 0
    assert ((x + s) <= 200).all()
    assert ((y + s) <= 100).all()
    if power == 1:
        assert x.max() == 168  # a pixel less than PyTTI, which lost the last column
        assert y.max() == 68
        # Boxes that poke out slide back: PyTTI's share at the left edge.
        assert (x == 0).double().mean().item() == pytest.approx(0.22, abs=0.04)


@pytest.mark.parametrize("mode", ["black", "mirror", "wrap", "smear"])
def test_other_borders_let_boxes_poke_out(mode):
    x, y, s = boxes((200, 100), 32, power=1, border_mode=mode).unbind(1)
    assert x.min() == -50
    assert 199 <= x.max() <= 200
    assert y.min() == -25
    assert y.max() == 93
    assert (x >= -s).all()
    assert (x <= 200).all()


def test_a_border_as_wide_as_the_picture_is_no_error():
    for mode in ("mirror", "wrap", "black", "smear", "clamp"):
        cuts = Cutouts(8, border=1, border_mode=mode, power=1).draw(
            torch.Generator().manual_seed(0), (40, 30), 16
        )
        assert cuts.crop(torch.rand(1, 3, 30, 40)).isfinite().all()


def test_uniform_sizes_lie_between_smallest_and_the_whole_anywhere_inside():
    x, y, s = boxes((300, 200), 160, sizes="uniform", smallest=0.5, border=0).unbind(1)
    assert 100 <= s.min() <= 101
    assert 198 <= s.max() <= 200
    assert s.mean().item() == pytest.approx(150, abs=1)
    assert x.min() == 0
    assert (x + s <= 300).all()
    assert (y + s <= 200).all()
    assert (x / (300 - s)).mean().item() == pytest.approx(0.5, abs=0.01)


def test_positions_and_sizes_are_fractions_of_the_box_before_augmentation():
    cuts = Cutouts(50).draw(torch.Generator().manual_seed(3), (200, 100), 32)
    x, y, s = cuts.boxes.float().unbind(1)
    torch.testing.assert_close(cuts.positions, torch.stack([x / 200, y / 100], 1))
    torch.testing.assert_close(cuts.sizes, torch.stack([s / 200, s / 100], 1))


def test_the_same_seed_gives_the_same_cutouts_and_another_does_not():
    image = torch.rand(1, 3, 64, 64)
    one, same, other = (
        Cutouts(4).draw(torch.Generator().manual_seed(s), (64, 64), 32).crop(image)
        for s in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"border_mode": "smeer"}, "border_mode: 'smeer' .* did you mean 'smear'"),
        ({"sizes": "small"}, "sizes: 'small' .* pytti, uniform"),
        ({"augmentation": "gentel"}, "augmentation: 'gentel' .* did you mean 'gentle'"),
        ({"count": 0}, "cutouts: 0 .* 1 or more"),
        ({"border": -0.1}, "cutout_border: -0.1 "),
        ({"smallest": 1.5}, "smallest: 1.5 "),
    ],
)
def test_wrong_values_are_refused(wrong, message):
    with pytest.raises(SettingsError, match=message):
        Cutouts(**{"count": 4, **wrong})


@pytest.mark.parametrize("tile", [(True, True), (True, False), (False, True)])
def test_along_a_tiled_axis_every_place_is_seen_equally_often(tile):
    length = (60, 40)
    drawn = boxes(length, 16, count=40000, power=1, tile=tile, border_mode="mirror")
    size = drawn[:, 2:]
    for axis, tiled in enumerate(tile):
        start = drawn[:, axis : axis + 1]
        away = torch.arange(length[axis]) - start  # (n, places)
        away = away % length[axis] if tiled else away
        covered = ((away >= 0) & (away < size)).double().mean(0)
        if tiled:
            assert start.min() == 0
            assert start.max() == length[axis] - 1
            # The seam is between the last place and the first, and as any other.
            assert covered.max() - covered.min() < 0.02
        else:
            assert start.min() < 0
            assert covered.max() - covered.min() > 0.1


def test_a_tile_leaves_sizes_and_the_other_axis_as_they_are():
    drawn = boxes((90, 60), 16, count=3, seed=4, power=1, border=0.1)
    tiled = boxes((90, 60), 16, count=3, seed=4, power=1, border=0.1, tile=(True, False))
    assert torch.equal(tiled[:, 1:], drawn[:, 1:])
    assert not torch.equal(tiled[:, 0], drawn[:, 0])


@pytest.mark.parametrize("past", [{"tile": (True, True)}, {"border_mode": "wrap"}])
def test_where_the_picture_repeats_positions_say_where_the_centre_is(past):
    cuts = Cutouts(500, power=1, border=0.5, **past).draw(
        torch.Generator().manual_seed(0), (60, 40), 16
    )
    centre = cuts.positions + cuts.sizes / 2
    assert centre.min() >= 0
    assert centre.max() < 1
    away = cuts.positions - cuts.boxes[:, :2].float() / torch.tensor([60.0, 40.0])
    torch.testing.assert_close(away, away.round(), atol=1e-5, rtol=0)
    assert (away.round() != 0).any()
