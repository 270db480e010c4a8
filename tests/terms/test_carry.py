from types import SimpleNamespace

import pytest
import torch

from mutoscope.terms.carry import Carry
from mutoscope.terms.masks import Still

HALF = torch.zeros(1, 1, 24, 32)
HALF[..., :16] = 1


def past(value, mask=HALF):
    return SimpleNamespace(picture=torch.full((1, 3, 24, 32), value), mask=mask)


def look(tools, image, frame=1):
    return tools.look_at(tools.Pixels(), image=image, moment=tools.moment_at(frame=frame))


def test_only_what_can_be_believed_counts(tools):
    image = torch.full((1, 3, 24, 32), 0.5)
    assert Carry("x", lambda _: [past(0.1)])(look(tools, image)).item() == pytest.approx(0.16 / 2)
    image[..., 16:] = 0.9
    assert Carry("x", lambda _: [past(0.5)])(look(tools, image)).item() == 0


def test_older_frames_are_added(tools):
    image = torch.full((1, 3, 24, 32), 0.5)
    both = Carry("x", lambda _: [past(0.1), past(0.3, 1 - HALF)], weight=lambda v: 2.0)
    assert both(look(tools, image)).item() == pytest.approx(2 * (0.16 + 0.04) / 2)


def test_before_the_first_move_and_without_weight_nothing_is_asked(tools):
    def asked(_frame):
        raise AssertionError

    image = torch.rand(1, 3, 24, 32)
    assert Carry("x", asked)(look(tools, image, frame=0)).item() == 0
    assert Carry("x", asked, weight=lambda v: 0.0)(look(tools, image)).item() == 0


def test_a_mask_narrows_it_and_may_be_turned_round(tools):
    image = torch.full((1, 3, 24, 32), 0.5)
    white = Still(torch.ones(6, 8))
    assert Carry("x", lambda _: [past(0.1)], mask=white)(look(tools, image)).item() > 0.07
    turned = Carry("x", lambda _: [past(0.1)], mask=white, inverted=True)
    assert turned(look(tools, image)).item() == 0


def test_the_gradient_leads_to_what_was_there(tools):
    image = torch.full((1, 3, 24, 32), 0.5, requires_grad=True)
    Carry("x", lambda _: [past(0.1)])(look(tools, image)).backward()
    assert (image.grad[..., :16] > 0).all()
    assert (image.grad[..., 16:] == 0).all()
