"""What viewers are told of a picture."""

import pytest

from mutoscope.provenance.labels import DESCRIPTION, TITLE, Labels, labels_of, shortened


def recipe(scenes, **more):
    return {"program": "mutoscope", "version": "1.2", "settings": {"scenes": scenes}, **more}


def test_a_prompt_is_title_and_description():
    assert labels_of(recipe("a fox\n  in the snow")) == Labels(
        "a fox in the snow", "a fox in the snow", "Mutoscope 1.2", ""
    )


def test_a_long_prompt_is_cut_between_words():
    labels = labels_of(recipe("snow " * 1_000))
    assert labels.title == "snow " * 15 + "snow…"
    assert len(labels.title) <= TITLE
    assert labels.description.endswith("snow…")
    assert DESCRIPTION - 6 < len(labels.description) <= DESCRIPTION


@pytest.mark.parametrize("most", [2, 5, 80])
def test_a_word_without_end_is_cut_anywhere(most):
    assert shortened("x" * 100, most) == "x" * (most - 1) + "…"


def test_what_a_recipe_from_elsewhere_holds_is_not_believed():
    odd = {**recipe(["a", "list"], frame="3\n", step=True, sheet=[1]), "version": "\x1b[2J" * 90}
    labels = labels_of(odd)
    assert (labels.title, labels.description, labels.comment) == ("", "", "")
    assert labels.software.isprintable()
    assert len(labels.software) <= TITLE


def test_figures_are_told_as_far_as_there_are_some():
    told = recipe("a fox", frame=3, step=120)
    told["settings"]["seed"] = 7
    assert labels_of(told).comment == "seed 7, frame 3, step 120"
    assert labels_of(recipe("", frame=0)).comment == "frame 0"
