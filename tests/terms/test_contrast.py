import pytest
import torch

from mutoscope.terms.contrast import PHOTOGRAPH, Contrast, contrast


def brightness(deviation):
    """A picture of two halves whose logits are at ± deviation."""
    logits = torch.full((1, 3, 8, 8), deviation)
    logits[..., :4] *= -1
    return logits.sigmoid()


@pytest.mark.parametrize("deviation", [0.2, 1.1, 3.0])
def test_contrast_is_the_deviation_of_the_logits(deviation):
    torch.testing.assert_close(contrast(brightness(deviation)), torch.tensor(deviation))


def test_it_descends_from_fog(tools):
    canvas = tools.Pixels()
    canvas.pixels.data = 0.45 + 0.1 * canvas.pixels.data
    tools.assert_descends(Contrast(), canvas)


def test_it_descends_from_bare_black_and_white(tools):
    canvas = tools.Pixels()
    canvas.pixels.data = (canvas.pixels.data > 0.5).float() * 0.98 + 0.01
    tools.assert_descends(Contrast(), canvas)


def test_a_photographs_contrast_costs_nothing(tools):
    look = tools.look_at(tools.Pixels(), image=brightness(PHOTOGRAPH))
    assert Contrast()(look).item() < 1e-6


def test_a_flat_picture_has_a_finite_gradient():
    image = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    contrast(image).backward()
    assert image.grad.isfinite().all()


def test_the_weight_scales_it_and_zero_is_free(tools):
    look = tools.look_at(tools.Pixels(), image=brightness(0.3))
    torch.testing.assert_close(
        Contrast(weight=lambda v: 3.0)(look), 3 * Contrast(weight=lambda v: 1.0)(look)
    )
    assert Contrast(weight=lambda v: 0.0)(look) == 0
