import pytest
import torch

from mutoscope.gan import Adaptation, augment
from mutoscope.gan.augment import _Dice, _geometry


def picture(rng, count=4, size=32):
    return torch.rand(count, 3, size, size, generator=rng) * 2 - 1


def test_nothing_happens_at_zero(rng):
    images = picture(rng)
    before = rng.get_state()
    assert torch.equal(augment(images, 0.0, generator=rng), images)
    assert torch.equal(rng.get_state(), before)


def test_a_share_stays_as_it_was(rng):
    images = picture(rng, 200, 8)
    changed = augment(images, 0.1, generator=rng)
    same = ((changed - images).abs().amax(dim=(1, 2, 3)) < 1e-3).float().mean().item()
    # Nine changes of probability 1/10 (the two turns together count as one), some of them nothing.
    assert 0.3 < same < 0.75


def test_a_plain_image_stays_plain_and_its_mean_stays(rng):
    images = torch.full((4000, 1, 4, 4), 0.3)
    changed = augment(images, 1.0, generator=rng)
    assert changed.std(dim=(1, 2, 3)).max() < 1e-5  # the border repeats, nothing black comes in
    # (0.3 + b)·c with E b = 0 and E c = exp((0.5 ln 2)² / 2) = 1.062
    assert changed.mean().item() == pytest.approx(0.3 * 1.062, abs=0.02)


def test_changes_are_even_in_all_directions(rng):
    """A drawing off the middle is, on average over all changes, in the middle."""
    images = torch.zeros(4000, 1, 16, 16)
    images[:, :, 2:6, 9:14] = 1
    mean = augment(images, 1.0, generator=rng).mean(dim=(0, 1))
    places = torch.arange(16.0) - 7.5
    mean = mean - mean.min()
    mean = mean / mean.sum()
    assert abs((mean.sum(0) @ places).item()) < 0.5
    assert abs((mean.sum(1) @ places).item()) < 0.5


def test_geometry_is_in_proportion(rng):
    matrix = _geometry(_Dice(20000, rng), 1.0, 64)
    octaves = torch.linalg.det(matrix[:, :, :2]).abs().log2()
    assert octaves.std().item() == pytest.approx(2 * 0.2, rel=0.05)  # the zoom; stretch keeps area
    assert octaves.mean().item() == pytest.approx(0, abs=0.02)
    mirrored = (torch.linalg.det(matrix[:, :, :2]) < 0).float().mean().item()
    assert mirrored == pytest.approx(0.5, abs=0.02)
    # A shift of at most an eighth either way, in units of half a side, whichever way it is turned.
    assert matrix[:, :, 2].norm(dim=1).max() <= 0.25 * 2**0.5 + 1e-5


def test_the_slope_comes_back_to_the_images(rng):
    images = picture(rng).requires_grad_()
    augment(images, 0.8, generator=rng).square().sum().backward()
    assert images.grad.abs().sum() > 0


def test_the_same_numbers_make_the_same_changes(rng):
    images = picture(rng)
    first, second = (
        augment(images, 0.7, generator=torch.Generator().manual_seed(5)) for _ in range(2)
    )
    assert torch.equal(first, second)


# --- the heuristic -------------------------------------------------------------------------------


def test_p_moves_every_fourth_batch_toward_the_target():
    adaptation = Adaptation()
    for _ in range(3):
        adaptation.see(torch.ones(50))
        assert adaptation.p == 0
    adaptation.see(torch.ones(50))
    assert adaptation.r == 1
    assert adaptation.p == pytest.approx(200 / 500_000)
    for _ in range(8):
        adaptation.see(-torch.ones(50))
    assert adaptation.p == 0  # and no less


def test_p_stops_at_the_most():
    adaptation = Adaptation(ramp=1000)
    for _ in range(400):
        adaptation.see(torch.ones(10))
    assert adaptation.p == 0.8


def test_p_settles_where_the_measure_is_the_target(rng):
    """A judge that is less sure the more there is to see through: r = 1 - p."""
    adaptation = Adaptation(ramp=20_000)
    for _ in range(2000):
        sure = torch.rand(16, generator=rng) < 1 - adaptation.p / 2
        adaptation.see(torch.where(sure, 1.0, -1.0))
    assert adaptation.p == pytest.approx(0.4, abs=0.06)


def test_the_heuristic_goes_on_where_it_was(rng):
    scores = torch.randn(30, 8, generator=rng) + 1.5
    whole, begun, resumed = (Adaptation(ramp=500) for _ in range(3))
    for row in scores:
        whole.see(row)
    for row in scores[:13]:
        begun.see(row)
    resumed.restore(begun.state())
    for row in scores[13:]:
        resumed.see(row)
    assert resumed.state() == whole.state()
    assert whole.p > 0
