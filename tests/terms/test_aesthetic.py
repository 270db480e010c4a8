import pytest
import torch

from mutoscope.look import weigh
from mutoscope.terms.aesthetic import Aesthetic


def rater(weight, bias=5.0):
    return lambda embeds: embeds @ weight + bias


@pytest.fixture
def eye(tools):
    return tools.Projection(width=6)


def test_it_is_the_scaled_mean_squared_distance_of_the_cutouts_ratings(tools):
    embeds = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    look = tools.Given(embeds)
    term = Aesthetic("eye", rater(torch.tensor([1.0, 3.0])))
    # Ratings 6 and 8: 4 and 2 short of 10.
    assert term(look).item() == pytest.approx(0.02 * (16 + 4) / 2)
    nearer = Aesthetic("eye", rater(torch.tensor([1.0, 3.0])), target=7.0)
    assert nearer(look).item() == pytest.approx(0.02 * 1)


def test_ratings_rise_as_it_descends(tools, eye):
    weight = torch.linspace(-3, 3, 6)
    tools.assert_descends(Aesthetic(eye, rater(weight)), tools.Pixels())


def test_glances_give_what_one_look_gives(tools, eye):
    grads, values = [], []
    for chunks in (1, 4):
        look = tools.look_at(tools.Pixels(), chunks=chunks)
        values.append(weigh(look, [Aesthetic(eye, rater(torch.linspace(-3, 3, 6)))])["aesthetic"])
        grads.append(look.image.grad)
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*grads)


def test_the_weight_varies_with_time_and_zero_looks_at_nothing(tools, eye):
    term = Aesthetic(eye, rater(torch.ones(6)), weight=lambda values: values["t"])
    look = tools.look_at(tools.Pixels(), moment=tools.moment_at(t=0.0))
    assert term(look) == 0
    assert eye.looks == 0
    one, three = (
        term(tools.look_at(tools.Pixels(), moment=tools.moment_at(t=t))) for t in (1.0, 3.0)
    )
    torch.testing.assert_close(3 * one, three)
