"""Sound in the numbers of a run: in weights, motion and cutoffs, from the first step on."""

import itertools
from pathlib import Path

import pytest

from mutoscope.build import build
from mutoscope.errors import MediaError, SettingsError
from mutoscope.settings import load_settings
from mutoscope.settings.reading import READY_BANDS
from mutoscope.sound import FLOOR, READY

# Ten steps a frame's second: a film of 2 s at 5 frames a second, one step a frame.
FILM = {
    "animation_mode": "2D",
    "frames_per_second": 5,
    "steps_per_scene": 11,
    "pre_animation_steps": 1,
    "steps_per_frame": 1,
    "save_every": 1,
    "input_audio": "tone.wav",
}


def test_the_names_that_settings_know_are_those_that_are_heard():
    assert READY_BANDS == READY


def test_a_tone_is_heard_where_it_sounds(toy, play):
    play("tone.wav", hertz=100, start=1.0, stop=2.0)
    schedule = build(toy(**FILM)).schedule
    values = [schedule.moment(step).values for step in range(schedule.total_steps)]
    assert all({*READY, "bass_prev", "t", "frame"} <= value.keys() for value in values)
    loud = {round(value["t"], 1): value["bass"] for value in values}
    assert loud[0.2] < 0.05
    assert loud[1.4] == pytest.approx(1, abs=0.05)
    assert all(value[name] >= FLOOR for value in values for name in READY)
    for before, now in itertools.pairwise(values):
        assert now["bass_prev"] == pytest.approx(before["bass"], abs=1e-6)


def test_it_drives_weights_stops_and_motion_and_resumes(toy, play):
    play("tone.wav", hertz=100, start=1.0, stop=2.0)
    settings = toy(
        **FILM, scenes="a fox:1+bass:-bass | snow:treble/(bass+treble)_l", translate_x="8*bass",
        smoothing_weight="onset", display_every=1,
    )  # fmt: skip
    whole = list(build(settings).animate())
    rest = list(build(settings).animate(resume=whole[4].state))
    assert [frame.records for frame in rest] == [frame.records for frame in whole[5:]]
    parts = build(settings)
    shots = [shot for shot in parts.schedule.shots() if shot.moves]
    still, moved = (parts.motion(parts.canvas.image(), shots[i]).displacement for i in (1, 7))
    assert still.abs().max() < 0.5
    assert moved[:, 0].abs().mean() == pytest.approx(8, abs=0.5)


def test_a_band_of_ones_own_and_the_offset(toy, play):
    play("tone.wav", hertz=1000, start=1.0, stop=2.0)
    band = {"variable_name": "whistle", "f_center": 1000, "f_width": 200}
    settings = toy(**FILM, input_audio_filters=[band], input_audio_offset=1, scenes="a:whistle")
    schedule = build(settings).schedule
    assert schedule.moment(3).values["whistle"] == pytest.approx(1, abs=0.1)
    assert schedule.moment(8).values["whistle"] < 0.1  # the sound has ended


def test_what_can_not_be_heard_is_refused(toy, play, draw):
    with pytest.raises(MediaError, match=r"tone\.wav"):
        build(toy(**FILM))
    draw("tone.png")
    with pytest.raises(MediaError, match=r"tone\.png"):
        build(toy(**{**FILM, "input_audio": "tone.png"}))
    play("tone.wav", rate=8000)
    band = {"variable_name": "air", "f_center": 9000, "f_width": 200}
    with pytest.raises(SettingsError, match=r"input_audio_filters\[0\]"):
        build(toy(**FILM, input_audio_filters=[band]))
    with pytest.raises(SettingsError, match="there is no sound to filter"):
        toy(input_audio_filters=[band])
    with pytest.raises(SettingsError, match=r"unknown name 'bass'.*input_audio"):
        toy(scenes="a:bass")


def test_a_users_film_to_sound_runs_as_written_also_through_silence(small, tmp_path, play):
    """Weights that divide by the sum of two bands: nothing over nothing in a silent moment."""
    song = play("song.wav", hertz=100, start=0.5, stop=1.0, length=1.5)
    written = Path(__file__).parents[1] / "settings" / "fixtures" / "reference-audio.yaml"
    tiny = {key: small[key] for key in ("perceptors", "width", "height", "cutouts", "seed")}
    settings = load_settings(
        {**load_settings(written).to_dict(), **tiny, "steps_per_scene": 30,
         "input_audio": str(song), "frames_per_second": 10, "steps_per_frame": 2},
        base=tmp_path,
    )  # fmt: skip
    *_, last = build(settings).animate()
    assert last.steps == 30
