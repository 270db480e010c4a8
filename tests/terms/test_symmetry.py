import pytest
import torch

from mutoscope.look import weigh
from mutoscope.terms.symmetry import SCALE, Symmetry, asymmetry

SIZES = [(2, 2), (3, 2), (2, 5), (32, 24), (31, 23)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dim", [2, 3])
def test_it_is_the_mean_squared_difference_to_the_mirror_image(size, dim):
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    wanted = (image - image.flip(dim)).square().mean()
    torch.testing.assert_close(asymmetry(image, dim), wanted)


@pytest.mark.parametrize(("axis", "dims"), [("x", [3]), ("y", [2]), ("both", [2, 3])])
def test_each_axis_mirrors_its_own_way(tools, axis, dims):
    look = tools.look_at(tools.Pixels())
    wanted = SCALE * sum(asymmetry(look.image, dim) for dim in dims)
    torch.testing.assert_close(Symmetry(axis=axis)(look), wanted)


def test_a_mirror_image_of_itself_costs_nothing(tools):
    image = tools.Pixels()().detach()
    across, down = image + image.flip(3), image + image.flip(2)

    def cost(picture, axis):
        return Symmetry(axis=axis)(tools.look_at(tools.Pixels(), image=picture / 2)).item()

    assert cost(across, "x") == cost(down, "y") == cost(across + across.flip(2), "both") == 0
    assert min(cost(across, "y"), cost(down, "x"), cost(across, "both")) > 0.01


@pytest.mark.parametrize("axis", ["x", "y", "both"])
def test_it_descends_on_any_size(tools, axis):
    for width, height in SIZES:
        tools.assert_descends(Symmetry(axis=axis), tools.Pixels((width, height)))


def test_a_negative_weight_asks_for_the_opposite(tools):
    canvas = tools.Pixels()
    before = asymmetry(canvas().detach(), 3)
    tools.assert_descends(Symmetry(weight=lambda v: -1.0), canvas)
    assert asymmetry(canvas(), 3) > before


def test_the_weight_follows_time_and_zero_does_nothing(tools):
    term = Symmetry(weight=lambda v: v["t"])
    looks = [tools.look_at(tools.Pixels(), moment=tools.moment_at(t=t)) for t in (0.0, 1.0, 3.0)]
    idle, once, thrice = (weigh(look, [term])["symmetry"] for look in looks)
    assert idle == 0
    assert looks[0].image.grad is None
    assert thrice.item() == pytest.approx(3 * once.item())
