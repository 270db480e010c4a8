import pytest
import torch

from mutoscope.look import weigh
from mutoscope.terms.fade import Faded, fade
from mutoscope.terms.smooth import Smooth
from mutoscope.terms.toward import Toward


def constant(value, name="term"):
    def term(look):
        term.asked += 1
        return value * look.image.mean()

    term.name, term.cuts, term.asked = name, False, 0
    return term


def total(tools, terms, scene_step):
    look = tools.look_at(
        tools.Pixels(),
        image=torch.ones(1, 3, 4, 4, requires_grad=True),
        moment=tools.moment_at(scene_step=scene_step, scene=1),
    )
    return sum(weigh(look, terms).values()).item()


@pytest.mark.parametrize(
    ("k", "wanted"), [(0, 10.0), (1, 8.0), (2, 6.0), (4, 2.0), (5, 0.0), (50, 0.0)]
)
def test_the_new_scene_takes_over_in_a_line(tools, k, wanted):
    assert total(tools, fade([constant(0.0)], [constant(10.0)], 5), k) == pytest.approx(wanted)
    assert total(tools, fade([constant(10.0)], [constant(0.0)], 5), k) == pytest.approx(10 - wanted)


def test_terms_without_strength_are_not_asked(tools):
    new, old = constant(1.0), constant(1.0)
    terms = fade([new], [old], 4)
    total(tools, terms, 0)
    assert (new.asked, old.asked) == (0, 1)
    total(tools, terms, 4)
    assert (new.asked, old.asked) == (1, 1)


def test_without_steps_or_a_scene_before_nothing_changes():
    term = constant(1.0)
    assert fade([term], [constant(2.0)], 0) == [term]
    assert fade([term], [], 10) == [term]


def test_it_keeps_name_and_kind_and_descends(tools):
    eye = tools.Projection()
    target = torch.nn.functional.normalize(torch.ones(1, eye.width), dim=1)
    faded = Faded(Toward("fox", {eye: target}), 4, waning=True)
    assert (faded.name, faded.cuts) == ("fox", True)
    tools.assert_descends(faded, tools.Pixels())
    assert not Faded(Smooth(), 3).cuts
