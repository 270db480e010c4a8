"""Whatever is done can be taken back, and made again."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mutoscope.drawings.specimens import Specimen
from mutoscope.picking.history import MOST_STEPS, History, Step

specimen = st.builds(Specimen, *[st.integers(1, 9).map(float)] * 4)
changes = st.dictionaries(st.integers(0, 2), st.lists(specimen, max_size=3).map(tuple), min_size=1)
named = st.tuples(changes, st.sampled_from(["", "a", "b"]))


def done(begun):
    """The states after each step, and the history of them."""
    states, history = [dict.fromkeys(range(3), ())], History()
    for after, gesture in begun:
        before = {page: states[-1][page] for page in after}
        history = history.with_step(Step(before, after, gesture))
        states.append({**states[-1], **after})
    return states, history


@given(st.lists(named, max_size=12))
def test_undo_goes_back_to_the_first_and_redo_to_the_last(begun):
    states, history = done(begun)
    state = states[-1]
    while history.past:
        history, changed = history.undone()
        state = {**state, **changed}
        assert state in states
    assert state == states[0]
    while history.future:
        history, changed = history.redone()
        state = {**state, **changed}
    assert state == states[-1]


@given(st.lists(named, min_size=1, max_size=6))
def test_redo_after_undo_changes_nothing(begun):
    _, history = done(begun)
    assert history.undone()[0].redone()[0] == history


def test_steps_of_one_gesture_are_one():
    page = [(Specimen(x, 1, 1),) for x in range(4)]
    history = History()
    for one, other in itertools.pairwise(page):
        history = history.with_step(Step({0: one}, {0: other}, "held"))
    assert len(history.past) == 1
    history, changed = history.undone()
    assert changed == {0: page[0]}
    # What was taken back is not joined to what comes then.
    assert len(history.with_step(Step({0: page[0]}, {0: page[1]}, "held")).past) == 1


def test_a_new_step_forgets_what_was_taken_back_and_the_oldest_go():
    _, history = done([({0: (Specimen(n, 1, 1),)}, "") for n in range(MOST_STEPS + 5)])
    assert len(history.past) == MOST_STEPS
    history, _ = history.undone()
    assert history.with_step(Step({0: ()}, {1: ()})).future == ()
    assert History().undone() == (History(), {})
    assert History().redone() == (History(), {})
