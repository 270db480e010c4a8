import torch

from mutoscope.terms.natural import Natural


def test_it_descends(tools):
    tools.assert_descends(Natural([tools.Projection()]), tools.Pixels())


def test_perceptors_that_can_not_tell_have_no_say(tools):
    assert Natural([object()])(tools.Given(torch.zeros(2, 3))) == 0


def test_a_weight_of_zero_looks_at_nothing(tools):
    eye = tools.Projection()
    assert Natural([eye], weight=lambda v: 0.0)(tools.look_at(tools.Pixels())) == 0
    assert eye.looks == 0
