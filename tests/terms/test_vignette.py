import pytest
import torch

from mutoscope.look import weigh
from mutoscope.terms.vignette import INNER, Vignette

TEAL = (0.0, 0.5, 0.5)
SIZES = [(2, 2), (7, 2), (32, 24), (24, 40)]


def test_the_middle_is_left_alone_and_the_corners_are_taken():
    for size in [(64, 48), (65, 97)]:
        opening = Vignette().opening(size)
        height, width = opening.shape
        assert (width, height) == size
        assert (
            opening[height // 3 : height - height // 3, width // 3 : width - width // 3] == 0
        ).all()
        assert opening[0, 0] == opening[-1, -1] == opening.max() == 1
        assert opening.min() == 0


def test_it_is_its_own_mirror_image_and_opens_outward():
    opening = Vignette().opening((40, 30))
    torch.testing.assert_close(opening, opening.flip(0))
    torch.testing.assert_close(opening, opening.flip(1))
    assert (opening[15, 20:].diff() >= 0).all()
    assert (opening[15:, 20].diff() >= 0).all()
    assert opening.diff(dim=1).abs().max() < 0.15  # softly


def test_it_follows_the_aspect():
    square, wide = Vignette().opening((40, 40)), Vignette().opening((80, 40))
    torch.testing.assert_close(wide.view(40, 40, 2).mean(2), square, atol=0.01, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_it_descends_to_its_colour_and_from_it(tools, size):
    tools.assert_descends(Vignette(colour=TEAL), tools.Pixels(size))
    tools.assert_descends(Vignette(colour=TEAL, weight=lambda v: -1.0), tools.Pixels(size))


def test_the_middle_has_no_gradient(tools):
    look = tools.look_at(tools.Pixels((40, 30)))
    weigh(look, [Vignette()])
    middle = slice(round(15 - 15 * INNER / 2), round(15 + 15 * INNER / 2))
    assert (look.image.grad[..., middle, 18:22] == 0).all()
    assert (look.image.grad[..., 0, 0] > 0).all()


def test_surroundings_of_its_colour_cost_nothing(tools):
    term, image = Vignette(colour=TEAL), torch.rand(1, 3, 20, 20)
    image[:, :, term.opening((20, 20)) > 0] = torch.tensor(TEAL).view(1, 3, 1)
    assert term(tools.look_at(tools.Pixels(), image=image)).item() == 0


def test_it_follows_a_picture_that_changes_its_size(tools):
    term = Vignette(colour=TEAL)
    for size in [(16, 12), (32, 24), (24, 32), (16, 12)]:
        look = tools.look_at(tools.Pixels(size))
        torch.testing.assert_close(term(look), Vignette(colour=TEAL)(look))


def test_the_weight_follows_time_and_zero_does_nothing(tools):
    term = Vignette(weight=lambda v: v["t"])
    looks = [tools.look_at(tools.Pixels(), moment=tools.moment_at(t=t)) for t in (0.0, 1.0, 3.0)]
    idle, once, thrice = (weigh(look, [term])["vignette"] for look in looks)
    assert idle == 0
    assert looks[0].image.grad is None
    assert thrice.item() == pytest.approx(3 * once.item())
