import pytest
import torch

from mutoscope.look import weigh
from mutoscope.terms.edge import SCALE, Edge

TEAL = (0.0, 0.5, 0.5)
SIZES = [(2, 2), (7, 2), (32, 24), (24, 40)]


def test_the_frame_is_a_share_of_the_shorter_side_on_every_side():
    opening = Edge(width=0.25).opening((12, 8))
    assert opening.shape == (8, 12)
    assert (opening[2:6, 2:10] == 0).all()
    assert opening.sum() == 12 * 8 - 4 * 8


def test_each_side_may_have_its_own_width():
    opening = Edge(width=(0.125, 0.25, 0.375, 0)).opening((10, 8))
    left, top, right = opening[:, 0], opening[:2], opening[:, -3:]
    assert (left == 1).all()
    assert (top == 1).all()
    assert (right == 1).all()
    assert (opening[2:, 1:-3] == 0).all()


def test_a_width_between_pixels_takes_a_part_of_one():
    row = Edge(width=(0.3125, 0, 0, 0)).opening((8, 8))[4]
    torch.testing.assert_close(row, torch.tensor([1, 1, 0.5, 0, 0, 0, 0, 0]))
    thin = Edge(width=0.01).opening((8, 8))
    assert 0 < thin[0, 4] < 0.1


def test_a_frame_as_wide_as_the_picture_is_all_of_it():
    assert (Edge(width=0.5).opening((9, 6)) == 1).all()


@pytest.mark.parametrize("size", SIZES)
def test_it_pulls_inside_the_frame_and_nowhere_else(tools, size):
    term, canvas = Edge(colour=TEAL, width=0.1), tools.Pixels(size)
    look = tools.look_at(canvas)
    value = weigh(look, [term])["edge"]
    opening = term.opening(size)
    off = look.image.detach() - torch.tensor(TEAL).view(1, 3, 1, 1)
    torch.testing.assert_close(
        value, SCALE * (opening * off.square().mean(1)).sum() / opening.sum()
    )
    assert (look.image.grad[:, :, opening == 0] == 0).all()
    assert (look.image.grad * off)[:, :, opening > 0].min() >= 0


@pytest.mark.parametrize("size", SIZES)
def test_it_descends_to_its_colour_and_from_it(tools, size):
    tools.assert_descends(Edge(colour=TEAL), tools.Pixels(size))
    tools.assert_descends(Edge(colour=TEAL, weight=lambda v: -1.0), tools.Pixels(size))


def test_a_framed_picture_costs_nothing_whatever_is_in_it(tools):
    term, image = Edge(colour=TEAL, width=0.1), torch.rand(1, 3, 20, 20)
    frame = term.opening((20, 20)) > 0
    image[:, :, frame] = torch.tensor(TEAL).view(1, 3, 1)
    assert term(tools.look_at(tools.Pixels(), image=image)).item() == 0


def test_no_width_is_no_frame(tools):
    look = tools.look_at(tools.Pixels())
    assert weigh(look, [Edge(width=0)])["edge"] == 0
    assert (look.image.grad == 0).all()


def test_the_frame_follows_a_picture_that_changes_its_size(tools):
    term = Edge(colour=TEAL)
    for size in [(16, 12), (32, 24), (24, 32), (16, 12)]:
        look = tools.look_at(tools.Pixels(size))
        torch.testing.assert_close(term(look), Edge(colour=TEAL)(look))


def test_the_window_is_made_once_for_many_steps(tools, monkeypatch):
    term, made = Edge(), []
    monkeypatch.setattr(term, "opening", lambda size: made.append(size) or torch.ones(size[::-1]))
    for _ in range(3):
        term(tools.look_at(tools.Pixels((16, 12))))
    term(tools.look_at(tools.Pixels((12, 16))))
    assert made == [(16, 12), (12, 16)]


def test_the_weight_follows_time_and_zero_does_nothing(tools):
    term = Edge(weight=lambda v: v["t"])
    looks = [tools.look_at(tools.Pixels(), moment=tools.moment_at(t=t)) for t in (0.0, 1.0, 3.0)]
    idle, once, thrice = (weigh(look, [term])["edge"] for look in looks)
    assert idle == 0
    assert looks[0].image.grad is None
    assert thrice.item() == pytest.approx(3 * once.item())
