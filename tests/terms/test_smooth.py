import pytest
import torch

from mutoscope.look import weigh
from mutoscope.terms.smooth import Smooth, total_variation


def test_total_variation_anchor():
    assert total_variation(torch.tensor([[[[0.0, 1.0], [2.0, 4.0]]]])).item() == 4.5


def test_a_plain_picture_has_none():
    assert total_variation(torch.full((1, 3, 5, 7), 0.3)).item() == 0


def test_it_descends_and_with_a_negative_weight_roughens(tools):
    smooth, rough = tools.Pixels(), tools.Pixels()
    before = total_variation(smooth().detach())
    tools.assert_descends(Smooth(), smooth)
    tools.assert_descends(Smooth(weight=lambda v: -1.0), rough)
    assert total_variation(smooth()) < before < total_variation(rough())


def test_the_weight_follows_time_and_zero_does_nothing(tools):
    term = Smooth(weight=lambda v: v["t"])
    looks = [tools.look_at(tools.Pixels(), moment=tools.moment_at(t=t)) for t in (0.0, 3.0)]
    idle, busy = (weigh(look, [term])["smoothing"] for look in looks)
    assert idle == 0
    assert looks[0].image.grad is None
    assert busy.item() == pytest.approx(3 * total_variation(looks[1].image).item())


def test_where_a_picture_repeats_its_ends_are_neighbours():
    image = torch.tensor([[[[0.0, 1.0], [2.0, 4.0]]]])
    # Inside: 1 + 4 across, 4 + 9 down. Across the seam the same differences come once more.
    assert total_variation(image, tile=(True, False)).item() == pytest.approx((18 + 5) / 4)
    assert total_variation(image, tile=(False, True)).item() == pytest.approx((18 + 13) / 4)
    assert total_variation(image, tile=(True, True)).item() == 9


def test_a_tile_is_as_smooth_wherever_it_begins(tools):
    image = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    rolled = image.roll((2, 3), (2, 3))
    here, there = (total_variation(i, tile=(True, True)).item() for i in (image, rolled))
    assert here == pytest.approx(there)
    assert total_variation(image) != pytest.approx(total_variation(rolled).item())
    look = tools.look_at(tools.Pixels())
    assert Smooth(tile=(True, True)).raw(look) > Smooth().raw(look)


@pytest.mark.parametrize("tile", [(False, False), (True, False), (True, True)])
def test_what_is_worked_out_by_hand_is_what_the_formula_gives(tile, monkeypatch):
    monkeypatch.setattr("mutoscope.terms.smooth._PART", 21)  # three rows at a time
    image = torch.rand(1, 3, 8, 7, generator=torch.Generator().manual_seed(2)).double()
    image.requires_grad_()
    right, below = image.roll(-1, 3) - image, image.roll(-1, 2) - image
    right = right if tile[0] else right[..., :-1]
    below = below if tile[1] else below[..., :-1, :]
    plain = (right.square().sum() + below.square().sum()) / image.numel()
    ours = total_variation(image, tile=tile)
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=0)
    gradients = [torch.autograd.grad(loss, image)[0] for loss in (ours, plain)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-15)
