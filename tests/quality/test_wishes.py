"""How well prompts were met, told from a log whose distances are known."""

import math

import numpy as np
import pytest

from mutoscope.quality.wishes import agreement, scene_starts, wishes
from mutoscope.schedule import make_schedule
from mutoscope.settings import load_settings

KEYS = {
    "perceptors": "tiny",
    "animation_mode": "2D",
    "width": 32,
    "height": 32,
    "pre_animation_steps": 4,
    "steps_per_frame": 4,
    "save_every": 4,
    "steps_per_scene": 48,
}


@pytest.fixture
def told():
    """Makes wishes of a script from what each prompt's distance is after each step."""

    def tell(scenes, distances, *, numbers=None, weights=None, **changes):
        settings = load_settings({**KEYS, "scenes": scenes, **changes})
        schedule = make_schedule(settings)
        records = []
        for step in range(schedule.total_steps):
            moment = schedule.moment(step)
            row = {label: of(moment) for label, of in distances.items()}
            row = {label: value for label, value in row.items() if value is not None}
            records.append({"step": step + 1, "frame": moment.frame, "t": moment.t} | row)
        return wishes(
            records, schedule, settings.script,
            numbers=numbers or range(1, schedule.files + 1), fade=settings.interpolation_steps,
        )  # fmt: skip

    return tell


def during(scene, value):
    return lambda moment: value(moment) if moment.scene == scene else None


def test_agreement_is_the_cosine_of_the_angle():
    for angle in (0, 0.5, math.pi / 2, math.pi):
        assert agreement(angle**2 / 2) == pytest.approx(math.cos(angle), abs=1e-6)


def test_each_prompt_is_judged_in_its_scene_by_the_last_steps_of_each_frame(told):
    fox, boat = told(
        "a fox:2 || a boat",
        {
            "a fox": during(0, lambda m: 2 * (0.5 if m.step % 4 == 3 else 9.0)),
            "a boat": during(1, lambda m: 1 - m.scene_step / 100),
        },
    )
    assert (fox.scene, fox.label, fox.places) == (1, "a fox", tuple(range(12)))
    assert fox.distances == pytest.approx([0.5] * 12)
    assert fox.trend == "steady"
    assert (boat.scene, boat.places) == (2, tuple(range(12, 24)))
    assert boat.begin > boat.end == pytest.approx(boat.best)
    assert boat.trend == "better"
    assert not boat.worse


@pytest.mark.parametrize("weight", ["3", "2 + t", "1 + frame/4"])
def test_weights_are_taken_out_whatever_they_are_at_the_time(told, weight):
    settings = load_settings({**KEYS, "scenes": f"a fox:{weight}"})
    prompt = settings.script.scenes[0].prompts[0]
    (fox,) = told(f"a fox:{weight}", {"a fox": lambda m: 0.7 * prompt.weight(m.values)})
    assert fox.distances == pytest.approx([0.7] * 12)
    assert fox.met(fox.mean) == pytest.approx(math.cos(math.sqrt(1.4)))


def test_what_gets_worse_towards_the_end_of_its_scene_is_told(told):
    rng = np.random.default_rng(0)

    def rises(moment):
        return 0.5 + 0.02 * max(0, moment.scene_step - 24) + 0.002 * rng.standard_normal()

    (fox,) = told("a fox", {"a fox": rises})
    assert fox.worse
    assert fox.trend == "worse at the end"


def test_chance_is_no_trend(told):
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found += told("a fox", {"a fox": lambda _, rng=rng: 0.6 + 0.03 * rng.standard_normal()})
    assert sum(wish.worse for wish in found) <= 1


def test_a_prompt_to_be_kept_away_from_is_better_the_further_off(told):
    distances = {"text": lambda m: -(0.5 + m.scene_step / 100), "a fox": lambda _: 0.5}
    fox, text = told("a fox | text:-1", distances)
    assert text.away
    assert not fox.away
    assert text.distances[0] < text.distances[-1]
    assert text.trend == "better"
    assert not text.worse
    distances["text"] = lambda m: -(1.5 - m.scene_step / 100)
    assert told("a fox | text:-1", distances)[1].worse


def test_a_masked_prompt_is_compared_with_itself_only(told):
    (fox,) = told("a fox:1_r", {"a fox": lambda _: 0.3})
    assert not fox.whole
    assert fox.met(0.3) is None


def test_a_weight_that_hangs_on_what_is_not_known_here_is_left_in(told, play):
    sound = play("a.wav")
    (fox,) = told("a fox:1+bass", {"a fox": lambda _: 0.9}, input_audio=str(sound))
    assert not fox.whole
    assert fox.distances == pytest.approx([0.9] * 12)


def test_the_strength_of_a_scene_that_fades_in_is_taken_out(told):
    def boat(moment):
        return 0.8 * min(1, moment.scene_step / 20) if moment.scene == 1 else None

    def fox(moment):  # wanes after its scene, where it is not judged any more
        return 0.8 if moment.scene == 0 else 0.8 * max(0, 1 - moment.scene_step / 20)

    first, second = told("a fox || a boat", {"a fox": fox, "a boat": boat}, interpolation_steps=20)
    assert first.places == tuple(range(12))
    assert second.distances == pytest.approx([0.8] * len(second.places))
    assert set(second.places) <= set(range(12, 24))


def test_a_prompt_called_as_a_reserved_word_is_found(told):
    (total,) = told("total", {"total (2)": lambda _: 0.4, "total": lambda _: 99.0})
    assert total.distances == pytest.approx([0.4] * 12)


def test_films_in_another_order_and_logs_that_lack_lines(told):
    distances = {"a fox": lambda m: m.step / 100 if m.step < 24 else None}
    (fox,) = told("a fox", distances, numbers=[5, 6, 3, 4, 9])
    assert fox.places == (0, 1, 2, 3)
    assert fox.distances == pytest.approx([0.19, 0.23, 0.11, 0.15])
    assert told("a fox", {}) == []


def test_where_scenes_begin():
    schedule = make_schedule(load_settings({**KEYS, "scenes": "a || b"}))
    assert scene_starts(schedule, range(1, 25)) == {0: 0, 1: 12}
