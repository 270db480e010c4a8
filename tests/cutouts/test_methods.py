import pytest
import torch

from mutoscope.cutouts import METHODS, Cutouts, cut_method
from mutoscope.errors import SettingsError

OURS = ("original", "kornia", "sg3")


def boxes(method, size, side, count=20000, **given):
    rng = torch.Generator().manual_seed(0)
    cutouts = Cutouts(count, **{**given, **cut_method(method)})
    return cutouts.draw(rng, size, side).boxes


@pytest.mark.parametrize("method", OURS)
@pytest.mark.parametrize(("power", "mean"), [(0.5, 330.2), (1, 303.5), (2, 276.8)])
def test_sizes_are_those_of_vqgan_clip_generator(method, power, mean):
    size = boxes(method, (500, 384), 224, power=power)[:, 2]
    assert size.mean().item() == pytest.approx(mean, abs=1)
    assert 224 <= size.min() <= 226
    assert size.max() <= 383


@pytest.mark.parametrize("method", OURS)
def test_a_picture_no_larger_than_the_perceptor_gives_full_squares_anywhere(method):
    x, y, s = boxes(method, (200, 128), 224, border=0.25).unbind(1)
    assert (s == 128).all()
    assert (y == 0).all()
    assert x.min() == 0
    assert x.max() == 72
    assert x.mean().item() == pytest.approx(36, abs=0.5)


def test_pytti_leaves_border_and_augmentation_to_the_settings():
    settings = {"border": 0.1, "augmentation": "gentle"}
    assert Cutouts(4, **{**settings, **cut_method("pytti")}) == Cutouts(4, **settings)


@pytest.mark.parametrize("method", ["original", "sg3"])
def test_what_is_not_augmented_is_the_picture(method):
    image = torch.rand(1, 3, 48, 48)
    cuts = Cutouts(3, **cut_method(method)).draw(torch.Generator(), (48, 48), 48)
    torch.testing.assert_close(cuts.crop(image), image.expand(3, 3, 48, 48), atol=1e-5, rtol=0)


def test_kornia_shifts_along_both_axes_unless_compatible():
    def reach(**given):
        maps = Cutouts(4000, **cut_method("kornia"), **given).draw(
            torch.Generator().manual_seed(1), (64, 64), 64
        ).maps  # fmt: skip
        middle = maps @ torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
        return ((middle[:, :2] / middle[:, 2:]) - 0.5).abs()

    both, old = reach(), reach(compat_shift=True)
    assert both[:, 0].median() > 0.03
    assert both[:, 1].median() > 0.03
    # What is left of it along x comes from rotation (up to half of a tenth) and perspective.
    assert old[:, 0].median() < 0.5 * both[:, 0].median()
    assert old[:, 1].median() > 0.03


def test_kornia_shows_no_black_and_stays_in_range():
    image = (0.2 + 0.8 * torch.rand(1, 3, 64, 64)).requires_grad_()
    cutouts = Cutouts(60, noise=0, **cut_method("kornia"))
    assert cutouts.draw(torch.Generator().manual_seed(2), (64, 64), 32).crop(image).min() > 0.1

    noisy = Cutouts(60, **cut_method("kornia")).draw(torch.Generator(), (64, 64), 32)
    read = noisy.crop(image)
    assert read.min() == 0
    assert read.max() == 1
    # What is cut off keeps its gradient: it was noise that went too far, not the picture.
    read.sum().backward()
    bounded = image.grad.clone()
    image.grad = None
    Cutouts(60, **{**cut_method("kornia"), "noise": 0}).draw(
        torch.Generator(), (64, 64), 32
    ).crop(image).sum().backward()  # fmt: skip
    torch.testing.assert_close(bounded, image.grad)


def test_every_method_draws_and_an_unknown_one_is_refused():
    for name in METHODS:
        cuts = Cutouts(2, **cut_method(name)).draw(torch.Generator(), (40, 30), 16)
        assert cuts.crop(torch.rand(1, 3, 30, 40)).shape == (2, 3, 16, 16)
    with pytest.raises(SettingsError, match=r"cut_method: 'cornia' .* did you mean 'kornia'"):
        cut_method("cornia")
