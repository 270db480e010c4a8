import pytest
import torch

from mutoscope.terms.hold import Hold, five_channels
from mutoscope.terms.masks import Still


def plain(*colour, size=(32, 24)):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, size[1], size[0]).clone()


def test_red_against_grey_is_two_fifths(tools):
    look = tools.look_at(tools.Pixels(), image=plain(1.0, 0.0, 0.0))
    assert Hold("x", plain(0.5, 0.5, 0.5))(look).item() == pytest.approx(0.4)


def test_it_descends(tools):
    term = Hold("x", plain(0.2, 0.6, 0.3))
    tools.assert_descends(term, tools.Pixels())
    tools.assert_descends(Hold("x", term._target, weight=lambda v: -1.0), tools.Pixels())


def test_the_stop_ends_the_pull(tools):
    for stop, pulls in ((0.39, True), (0.41, False)):
        image = plain(1.0, 0.0, 0.0).requires_grad_()
        Hold("x", plain(0.5, 0.5, 0.5), stop=lambda v, s=stop: s)(
            tools.look_at(tools.Pixels(), image=image)
        ).backward()
        assert (image.grad.abs().sum() > 0).item() is pulls


def test_a_mask_multiplies_both_and_the_mean_stays_over_all_pixels(tools):
    mask = torch.zeros(24, 32)
    mask[:, :8] = 1
    image = plain(1.0, 0.0, 0.0).requires_grad_()
    look = tools.look_at(tools.Pixels(), image=image)
    target = plain(0.5, 0.5, 0.5)
    loss = Hold("x", target, mask=Still(mask))(look)
    loss.backward()
    assert loss.item() == pytest.approx(0.1)
    assert image.grad[..., 8:].abs().max() == 0
    inverted = Hold("x", target, mask=Still(mask), inverted=True)(look)
    assert inverted.item() == pytest.approx(0.3)
    halved = Hold("x", target, mask=Still(torch.full((3, 5), 0.5)))(look)  # stretched
    assert halved.item() == pytest.approx(0.1)


def test_channels_are_colour_saturation_and_value():
    got = five_channels(torch.tensor([0.2, 0.8, 0.4]).view(1, 3, 1, 1)).flatten()
    assert got.tolist() == pytest.approx([0.2, 0.8, 0.4, 0.75, 0.8])


def test_black_has_no_saturation_and_a_bounded_gradient(tools):
    image = plain(0.0, 0.0, 0.0).requires_grad_()
    assert five_channels(image)[:, 3].abs().max() == 0
    Hold("x", plain(1.0, 0.0, 0.0))(tools.look_at(tools.Pixels(), image=image)).backward()
    assert image.grad.abs().max() * image[0, 0].numel() < 255


def test_saturation_pulls_boundedly_at_all_but_black(tools):
    image = plain(1e-6, 0.0, 0.0).requires_grad_()
    five_channels(image)[:, 3].sum().backward()
    assert image.grad.abs().max() <= 255.01


def test_the_target_follows_the_size_of_the_picture(tools):
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 48, 64)
    mask = torch.ones(6, 8)
    mask[:, 4:] = 0
    term = Hold("x", ramp, mask=Still(mask))
    for size in ((32, 24), (64, 48), (16, 12)):
        same = torch.linspace(0, 1, size[0]).expand(1, 3, size[1], size[0])
        assert term(tools.look_at(tools.Pixels(), image=same)).item() < 1e-3
        far = term(tools.look_at(tools.Pixels(), image=same.flip(3))).item()
        assert far > 0.1
