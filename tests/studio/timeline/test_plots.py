"""The numbers that a page plots are those that the render is told."""

import json
import math

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from mutoscope.build.parts import make_timeline
from mutoscope.preview.cues import cues
from mutoscope.settings import load_settings
from mutoscope.studio.timeline import plots
from mutoscope.studio.timeline.plots import figure_of, rounded

FILM = {
    "animation_mode": "2D",
    "pre_animation_steps": 2,
    "steps_per_frame": 2,
    "save_every": 2,
    "steps_per_scene": 24,
    "scenes": "a fox:1+t | snow:0.5_r_0.6 || a boat:-0.5",
}


def made(**changes):
    settings = load_settings({**FILM, **changes}, quiet=True)
    schedule = make_timeline(settings)
    told = cues(settings, schedule)
    return settings, schedule, told, figure_of(settings, told)


def series(figure, title):
    return {
        one.name: one for panel in figure.panels if panel.title == title for one in panel.series
    }


@given(
    slope=st.floats(-5, 5).map(lambda x: round(x, 3)),
    pace=st.floats(0.1, 9).map(lambda x: round(x, 3)),
    before=st.integers(0, 7),
)
@examples(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_motion_is_what_the_curve_says_at_the_moment_of_each_frame(slope, pace, before):
    text = f"1 + {slope}*t + sin({pace}*t)"
    settings, schedule, _, figure = made(zoom_x_2d=text, pre_animation_steps=before)
    drawn = series(figure, "motion, per frame")["zoom_x_2d"].values
    assert figure.count == len(drawn) == len(figure.times)
    curve = settings.curve("zoom_x_2d")
    # The first frame is the one before the first move; then there is one for each move.
    moments = [schedule.moment(min(schedule.first_move, schedule.total_steps) - 1)]
    moments += [shot.moment for shot in schedule.shots() if shot.moves]
    assert list(drawn) == [pytest.approx(curve(m.values), rel=1e-5, abs=1e-9) for m in moments]
    assert list(figure.times) == [pytest.approx(m.t, abs=1e-4) for m in moments]


def test_weights_are_those_of_the_prompts_with_their_fading():
    _, _, told, figure = made(interpolation_steps=6)
    drawn = series(figure, "weights of the prompts")
    assert list(drawn) == ["a fox", "snow", "a boat"]
    for place, cue in enumerate(told):
        for wish in cue.wishes:
            assert drawn[wish.label].values[place] == rounded(wish.weight)
    boat = drawn["a boat"].values
    assert boat[0] is None
    assert boat[-1] == -0.5
    assert any(-0.5 < value < 0 for value in boat if value is not None)


def test_scenes_are_marked_where_they_begin():
    _, _, told, figure = made()
    assert [mark.number for mark in figure.scenes] == [1, 2]
    assert figure.scenes[1].text == "a boat:-0.5"
    change = figure.scenes[1].frame
    assert [told[change + i].beat.moment.scene for i in (-1, 0)] == [0, 1]


def test_bands_of_sound_are_those_that_are_heard(play, tmp_path):
    path = play("tone.wav", hertz=100, start=0.5, stop=1.0, length=2.0)
    settings = load_settings(
        {
            **FILM, "steps_per_scene": 24, "input_audio": path.name, "zoom_x_2d": "9*low",
            "input_audio_filters": [
                {"variable_name": "low", "f_center": 100, "f_width": 60, "order": 4}
            ],
        },
        base=tmp_path, quiet=True,
    )  # fmt: skip
    schedule = make_timeline(settings)
    told = cues(settings, schedule)
    figure = figure_of(settings, told)
    drawn = series(figure, "named curves and bands of sound")["low"].values
    assert list(drawn) == [rounded(schedule.signals(cue.t)["low"]) for cue in told]
    assert max(drawn) > 0.5 > min(drawn) + 0.4
    moves = series(figure, "motion, per frame")["zoom_x_2d"].values
    assert moves == tuple(pytest.approx(9 * each, rel=1e-4, abs=1e-9) for each in drawn)


def test_of_a_long_film_no_peak_is_lost(monkeypatch):
    monkeypatch.setattr(plots, "MOST_PLACES", 10)
    _, _, told, figure = made(zoom_x_2d="1 if frame == 13 else 0")
    assert len(told) == 24
    assert figure.every == 3
    one = series(figure, "motion, per frame")["zoom_x_2d"]
    assert len(one.values) == len(figure.times) == len(one.low) == len(one.high) == 8
    assert max(one.values) == 0
    assert one.high.index(1) == 13 // 3
    assert max(one.low) == 0


def test_too_many_curves_are_counted_but_not_drawn(monkeypatch):
    monkeypatch.setattr(plots, "MOST_SERIES", 2)
    _, _, _, figure = made(scenes="a | b | c | d | e")
    panel = next(p for p in figure.panels if p.title == "weights of the prompts")
    assert ([one.name for one in panel.series], panel.left_out) == (["a", "b"], 3)


def test_how_far_it_moved_is_told_as_far_as_it_is_known():
    settings, _, told, _ = made(translate_x="3")
    figure = figure_of(settings, told, [math.nan, 3.0, 2.5])
    way = series(figure, "how far the picture moves, pixels per frame")["mean over the picture"]
    assert way.values[:4] == (None, 3.0, 2.5, None)


def test_a_figure_is_plain_json_even_where_a_name_is_none():
    name = '</script><img src=x onerror="alert(1)"> "quoted" \\'
    settings, _, told, _ = made(scenes=f"'{name}'")
    figure = figure_of(settings, told)
    text = json.dumps(figure.values(), allow_nan=False)
    assert json.loads(text)["count"] == len(told)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, None), (math.nan, None), (math.inf, None), (1 / 3, 0.333333), (-0.0, 0.0), (2, 2.0)],
)
def test_a_value_is_told_as_far_as_it_can_be_seen(value, shown):
    assert rounded(value) == shown
