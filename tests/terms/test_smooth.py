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
