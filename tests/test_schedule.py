import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.curves import parse_curve
from mutoscope.schedule import Schedule


def saves(schedule):
    return {shot.saves: shot.steps.stop for shot in schedule.shots() if shot.saves}


def moves(schedule):
    return [shot.steps.start for shot in schedule.shots() if shot.moves]


def test_file_n_of_a_still_holds_n_times_save_every_steps():
    still = Schedule(scenes=1, steps_per_scene=40, save_every=10, pre_animation_steps=50)
    assert saves(still) == {1: 10, 2: 20, 3: 30, 4: 40}
    assert moves(still) == []


def test_the_last_step_is_saved_in_a_file_of_its_own():
    still = Schedule(scenes=2, steps_per_scene=17, save_every=10)
    assert saves(still) == {1: 10, 2: 20, 3: 30, 4: 34}


def test_the_reference_film():
    # The film by which PyTTI's schedule was measured: moves after 5, 10, …, 35 steps at
    # t = 0, 1/12, …; its files held 4, 9, … steps, ours hold what they should.
    film = Schedule(
        scenes=2, steps_per_scene=20, steps_per_frame=5, pre_animation_steps=5, save_every=5,
        animated=True,
    )  # fmt: skip
    assert moves(film) == [5, 10, 15, 20, 25, 30, 35]
    assert saves(film) == {n: 5 * n for n in range(1, 9)}
    times = [shot.moment.t for shot in film.shots() if shot.moves]
    assert times == pytest.approx([k / 12 for k in range(7)])


def test_frame_1_follows_the_pre_animation_steps():
    film = Schedule(
        scenes=1, steps_per_scene=100, steps_per_frame=20, pre_animation_steps=40, save_every=20,
        animated=True,
    )  # fmt: skip
    assert saves(film) == {1: 40, 2: 60, 3: 80, 4: 100}
    assert moves(film) == [40, 60, 80]


def test_without_pre_animation_steps_a_frame_is_drawn_before_the_first_move():
    film = Schedule(scenes=1, steps_per_scene=30, steps_per_frame=10, save_every=10, animated=True)
    assert moves(film) == [10, 20]
    assert saves(film) == {1: 10, 2: 20, 3: 30}


def test_save_every_0_saves_the_last_step_only():
    assert saves(Schedule(scenes=2, steps_per_scene=30)) == {1: 60}
    film = Schedule(scenes=1, steps_per_scene=30, steps_per_frame=10, animated=True)
    assert saves(film) == {1: 30}


def test_time_is_negative_before_the_animation_and_frames_count_the_moves():
    film = Schedule(
        scenes=1, steps_per_scene=100, steps_per_frame=10, pre_animation_steps=20,
        frames_per_second=5, animated=True,
    )  # fmt: skip
    assert film.moment(0).t == pytest.approx(-0.4)
    assert film.moment(20).t == 0
    assert [film.moment(i).frame for i in (0, 19, 20, 29, 30)] == [0, 0, 1, 1, 2]


schedules = st.builds(
    Schedule,
    scenes=st.integers(1, 3),
    steps_per_scene=st.integers(1, 40),
    steps_per_frame=st.integers(1, 20),
    pre_animation_steps=st.integers(0, 50),
    save_every=st.integers(0, 20),
    display_every=st.integers(0, 20),
    animated=st.booleans(),
)


@given(schedules)
def test_shots_cover_every_step_once_and_files_are_numbered_in_order(schedule):
    shots = list(schedule.shots())
    assert [i for shot in shots for i in shot.steps] == list(range(schedule.total_steps))
    numbers = [shot.saves for shot in shots if shot.saves is not None]
    assert numbers == list(range(1, schedule.files + 1))
    assert shots[-1].saves == schedule.files
    for shot in shots:
        assert len({schedule.moment(i).scene for i in shot.steps}) == 1
        assert len({schedule.moment(i).frame for i in shot.steps}) == 1


@given(schedules, st.data())
def test_going_on_from_any_step_gives_the_rest_of_the_same_run(schedule, data):
    done = data.draw(st.integers(0, schedule.total_steps))
    rest = list(schedule.shots(done))
    assert [i for shot in rest for i in shot.steps] == list(range(done, schedule.total_steps))
    whole = {s.steps.stop: s.saves for s in schedule.shots() if s.steps.stop > done}
    assert {s.steps.stop: s.saves for s in rest} == whole
    ahead = [s.steps.start for s in schedule.shots() if s.moves and s.steps.start >= done]
    assert [s.steps.start for s in rest if s.moves] == ahead


def test_progress_runs_from_0_to_1_through_a_still_and_through_each_frame_of_a_film():
    still = Schedule(scenes=2, steps_per_scene=3)
    assert [still.progress(i) for i in range(6)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    film = Schedule(
        scenes=1, steps_per_scene=9, steps_per_frame=3, pre_animation_steps=3, animated=True
    )
    assert [film.progress(i) for i in range(9)] == pytest.approx([0, 0.5, 1] * 3)
    assert Schedule(scenes=1, steps_per_scene=1).progress(0) == 0


@given(st.integers(1, 60), st.integers(1, 6), st.integers(0, 20), st.booleans())
def test_the_beginning_is_painted_in_every_size_from_small_to_large(steps, stages, save, animated):
    whole = Schedule(
        scenes=2, steps_per_scene=steps, steps_per_frame=7, pre_animation_steps=11,
        save_every=save, animated=animated, stages=stages,
    )  # fmt: skip
    shots = list(whole.shots())
    assert [step for shot in shots for step in shot.steps] == list(range(2 * steps))
    seen = [shot.stage for shot in shots]
    assert seen == sorted(seen)
    assert seen[-1] == stages - 1 or whole.beginning == whole.total_steps < stages
    for earlier, shot in itertools.pairwise(shots):
        assert shot.grows == (shot.stage > earlier.stage)
        assert {whole.stage(step) for step in shot.steps} == {shot.stage}
        assert shot.stage == stages - 1 or shot.steps.start < whole.beginning
    if whole.beginning % stages == 0:
        lengths = [sum(len(s.steps) for s in shots if s.stage == i) for i in range(stages - 1)]
        assert all(length == whole.beginning // stages for length in lengths)


# ── films that close ──


def closing(**changes):
    values = {
        "scenes": 2, "steps_per_scene": 20, "steps_per_frame": 5, "pre_animation_steps": 10,
        "save_every": 5, "animated": True, "lap": 3,
    }  # fmt: skip
    return Schedule(**{**values, **changes})


@pytest.mark.parametrize("animated", [True, False])
@pytest.mark.parametrize("before", [0, 5, 10, 35])
@pytest.mark.parametrize("per_scene", [20, 18])
def test_a_film_that_closes_is_painted_a_lap_longer(animated, before, per_scene):
    film = closing(animated=animated, pre_animation_steps=before, steps_per_scene=per_scene)
    plain = closing(animated=animated, pre_animation_steps=before, steps_per_scene=per_scene, lap=0)
    assert film.round == plain.files
    assert film.files == film.round + 3
    assert film.steps_of(film.round) == film.closes
    assert film.total_steps == film.closes + 15
    joins = [shot.joins for shot in film.shots() if shot.saves]
    assert joins[: film.round] == [None] * film.round
    assert [join.number for join in joins[film.round :]] == [1, 2, 3]
    left = 1.0
    for join, whole in zip(joins[film.round :], (17 / 81, 64 / 81, 1), strict=True):
        left *= 1 - join.share
        assert 1 - left == pytest.approx(whole)
    assert [shot.steps.start for shot in film.shots() if shot.joins] == [
        film.closes, film.closes + 5, film.closes + 10,
    ]  # fmt: skip


def test_time_comes_back_to_its_beginning():
    film = closing()
    frames = [shot.moment for shot in film.shots() if shot.moves]
    assert [moment.frame for moment in frames] == list(range(1, 10))
    climb, wave = parse_curve("t", place="a"), parse_curve("sin(t) + frame", place="b")
    for curve in (climb, wave):
        lap, first = film.moment(film.closes), film.moment(5)
        assert curve(lap.values) == pytest.approx(curve({**first.values, "frame": 0.0}))
        # Nowhere does it jump: it is led back over the last frames.
        ends = [curve(film.moment(step).values) for step in range(film.total_steps)]
        assert max(abs(a - b) for a, b in itertools.pairwise(ends)) < 0.5 * (max(ends) - min(ends))
    assert film.moment(film.closes).turn == 0
    assert film.moment(film.closes + 5).turn == 1


def test_expressions_are_untouched_before_the_way_back():
    film, plain = closing(), closing(lap=0)
    for step in range(film.closes - 15):
        assert film.moment(step).values == plain.moment(step).values


def test_the_first_scene_follows_the_last():
    film = closing()
    scenes = [(shot.scene, shot.after) for shot in film.shots()]
    assert scenes == [(0, None)] * 3 + [(1, 0)] * 4 + [(0, 1)] * 3
    lap = next(shot for shot in film.shots() if shot.joins)
    assert lap.moment.scene_step == 0
