from dataclasses import replace

import pytest
import torch

from mutoscope.errors import RunError
from mutoscope.paint import Watch
from mutoscope.train_vqgan.course import Course
from mutoscope.train_vqgan.training import train

COURSE = Course(steps=8, tick=3, codes=2, critic=5, rate=2e-3)

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture
def trained(toy_players, blobs, eye):
    def run(course=COURSE, **how):
        model, critic = toy_players()
        shown = blobs("shown")[:2]
        return list(train(model, critic, blobs, eye, course=course, shown=shown, **how))

    return run


@pytest.fixture(scope="module")
def kept():
    return []


@pytest.fixture
def whole_training(trained, kept):
    """The one that is never stopped, made once."""
    if not kept:
        kept.extend(trained())
    return kept


def equal(one, other):
    assert one.steps == other.steps
    assert one.tensors.keys() == other.tensors.keys()
    return all(value.equal(other.tensors[name]) for name, value in one.tensors.items())


def test_ticks_come_whole_with_records_sheet_and_state(trained):
    ticks = trained()
    assert [tick.whole for tick in ticks] == [1, 2, 3]
    assert [tick.state.steps for tick in ticks] == [3, 6, 8]
    assert [record["step"] for tick in ticks for record in tick.records] == list(range(1, 9))
    assert all("psnr" in tick.records[-1] for tick in ticks)
    assert ticks[0].sheet.shape == (1, 3, 2 * 16 + 3 * 4, 2 * 16 + 3 * 4)


def test_losses_come_in_when_their_part_does(trained):
    records = [record for tick in trained() for record in tick.records]
    assert [index for index, record in enumerate(records) if "codes" in record] == [*range(2, 8)]
    assert [index for index, record in enumerate(records) if "critic" in record] == [*range(5, 8)]


def test_nothing_may_be_used_before_the_codes_are_there(trained):
    ticks = trained(replace(COURSE, codes=4))
    assert [tick.model is not None for tick in ticks] == [False, True, True]


@pytest.mark.parametrize("stop", [1, 3, 5, 7])
def test_a_training_stopped_anywhere_is_the_same_training(trained, whole_training, stop):
    whole = whole_training
    done = []
    watch = Watch(step=lambda step, _: done.append(step), stopped=lambda: len(done) == stop)
    first = trained(watch=watch)
    assert first[-1].state.steps == stop
    # From a file a state comes laid out otherwise in memory.
    tensors = {name: value.contiguous() for name, value in first[-1].state.tensors.items()}
    rest = trained(resume=replace(first[-1].state, tensors=tensors))
    assert equal(rest[-1].state, whole[-1].state)
    assert rest[-1].sheet.equal(whole[-1].sheet)
    told = [record for tick in (*first, *rest) for record in tick.records]
    assert told == [record for tick in whole for record in tick.records]


def test_another_seed_is_another_training(trained):
    assert not equal(trained()[-1].state, trained(seed=1)[-1].state)


def test_it_learns(trained):
    ticks = trained(Course(steps=24, tick=8, codes=6, critic=20, rate=2e-3))
    psnr = [tick.records[-1]["psnr"] for tick in ticks]
    assert psnr[-1] > psnr[0] + 0.5


def test_the_global_generator_is_left_alone(trained):
    before = torch.get_rng_state()
    trained(replace(COURSE, steps=3))
    assert torch.get_rng_state().equal(before)


def test_what_is_no_number_ends_it_after_the_tick_before(toy_players, blobs, eye):
    model, critic = toy_players()
    ticks = []

    def crops(step):
        return blobs(step) * (float("nan") if step == 4 else 1)

    with pytest.raises(RunError, match="step 5"):
        ticks.extend(
            train(model, critic, crops, eye, course=replace(COURSE, codes=1), shown=blobs(0)[:1])
        )


def test_a_state_of_other_networks_is_refused(trained):
    state = trained(replace(COURSE, steps=2))[-1].state
    tensors = dict(state.tensors) | {"critic.layers.0.weight": torch.zeros(1)}
    with pytest.raises(RunError, match="does not fit"):
        trained(resume=replace(state, tensors=tensors))


# ── the course ──


@pytest.mark.parametrize("steps", [1, 2, 7, 39, 40, 1000, 1713])
def test_every_step_is_in_one_tick(steps):
    course = Course.of(steps, 1e-3)
    seen = [step for tick in course.ticks(0) for step in tick]
    assert seen == list(range(steps))
    ends = [tick.stop for tick in course.ticks(0)]
    assert [course.whole(end) for end in ends] == list(range(1, len(ends) + 1))


def test_ticks_end_where_they_would_have():
    steps = 100
    course = Course.of(steps, 1e-3)
    ends = {tick.stop for tick in course.ticks(0)}
    for done in range(steps):
        assert {tick.stop for tick in course.ticks(done)} == {end for end in ends if end > done}


def test_the_rate_rises_and_falls():
    course = Course.of(1000, 1e-3)
    rates = [course.rate_at(step) for step in range(1000)]
    assert max(rates) == pytest.approx(1e-3, rel=0.02)
    assert rates[:50] == sorted(rates[:50])
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert rates[-1] < 3e-5


def test_the_critic_counts_nothing_before_it_comes_in():
    course = Course.of(1000, 1e-3)
    assert course.verdict_at(499) == 0
    assert 0 < course.verdict_at(500) < course.verdict_at(520) <= course.verdict_at(999)
