import numpy as np
import pytest
import torch

from mutoscope.look import weigh
from mutoscope.terms.colourfulness import Colourfulness, colourfulness


def as_published(image):
    """The formula of Hasler & Süsstrunk, on bytes and with numpy's own deviations."""
    red, green, blue = (255 * image[0].double()).numpy()
    rg, yb = red - green, 0.5 * (red + green) - blue
    return np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())


@pytest.mark.parametrize("size", [(2, 2), (5, 9), (32, 24)])
def test_it_is_the_published_measure(size):
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(size[0]))
    assert 255 * colourfulness(image).item() == pytest.approx(as_published(image), rel=1e-4)


def test_one_strong_colour_counts_by_its_mean_alone():
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    assert colourfulness(red).item() == pytest.approx(0.3 * 1.25**0.5, abs=1e-3)


def test_greys_have_none_and_a_finite_gradient():
    grey = torch.rand(1, 1, 6, 7).expand(1, 3, 6, 7).clone()
    for image in (grey, torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.3)):
        image.requires_grad_()
        value = colourfulness(image)
        value.backward()
        assert value.item() < 1e-3
        assert image.grad.isfinite().all()


def test_it_descends_to_more_colour_and_with_a_negative_weight_to_less(tools):
    rich, pale = tools.Pixels(), tools.Pixels()
    before = colourfulness(rich().detach())
    tools.assert_descends(Colourfulness(), rich)
    tools.assert_descends(Colourfulness(weight=lambda v: -1.0), pale)
    assert colourfulness(pale()) < before < colourfulness(rich())


def test_the_weight_follows_time_and_zero_does_nothing(tools):
    term = Colourfulness(weight=lambda v: v["t"])
    looks = [tools.look_at(tools.Pixels(), moment=tools.moment_at(t=t)) for t in (0.0, 1.0, 3.0)]
    idle, once, thrice = (weigh(look, [term])["colourfulness"] for look in looks)
    assert idle == 0
    assert looks[0].image.grad is None
    assert thrice.item() == pytest.approx(3 * once.item())
