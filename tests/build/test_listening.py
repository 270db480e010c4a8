"""Sound in the numbers of a run: in weights, motion and cutoffs, from the first step on."""

import itertools
import json
from pathlib import Path

import mido
import pytest

from mutoscope.build import build
from mutoscope.build.listening import digests, refuse_changed
from mutoscope.errors import MediaError, RunError, ScriptError, SettingsError
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


@pytest.fixture
def drum(tmp_path):
    """Writes a MIDI file with a drum of 20 ms, key 36 of channel 10, at the given seconds."""

    def drum(name, *times, length=2.2):
        file = mido.MidiFile(ticks_per_beat=500)  # a tick is a millisecond
        track = mido.MidiTrack()
        hits = [
            (round(time * 1000) + after, on) for time in times for after, on in ((0, 1), (20, 0))
        ]
        at = 0
        for tick, on in sorted(hits):
            track.append(
                mido.Message("note_on", channel=9, note=36, velocity=127 * on, time=tick - at)
            )
            at = tick
        track.append(mido.MetaMessage("end_of_track", time=round(length * 1000) - at))
        file.tracks.append(track)
        file.save(tmp_path / name)
        return tmp_path / name

    return drum


BEATEN = {key: value for key, value in FILM.items() if key != "input_audio"}


def test_a_films_frames_move_exactly_where_the_drum_is_struck(toy, drum):
    times = 0.25, 0.79, 0.8, 1.61
    drum("drums.mid", *times)
    settings = toy(
        **BEATEN, input_midi="drums.mid", curves={"hit": "1 if note_on > 0.99 else 0"},
        zoom_x_2d="20*hit", zoom_y_2d="20*hit",
    )  # fmt: skip
    parts = build(settings)
    moved = []
    for shot in parts.schedule.shots():
        if shot.moves and parts.motion(parts.canvas.image(), shot).displacement.abs().max() > 1:
            moved.append(round(shot.moment.t, 3))
    assert moved == [0.2, 0.6, 0.8, 1.6]  # a frame lasts 0.2 s, and 0.79 lies in that of 0.6
    whole = list(build(settings).animate())
    rest = list(build(settings).animate(resume=whole[4].state))
    assert [frame.records for frame in rest] == [frame.records for frame in whole[5:]]


def test_midi_beside_sound_under_one_clock_and_with_offsets(toy, drum, play):
    drum("drums.mid", 1.5)
    play("tone.wav", hertz=100, start=1.0, stop=2.0)
    settings = toy(**FILM, input_midi="drums.mid", input_midi_offset=0.5,
                   curves={"both": "bass * key36", "was": "both_prev"},
                   scenes="a fox:both + was")  # fmt: skip
    schedule = build(settings).schedule
    both = {round(m.t, 1): m.values for m in map(schedule.moment, range(schedule.total_steps))}
    assert both[1.0]["key36"] == 1
    assert both[1.0]["both"] == pytest.approx(both[1.0]["bass"])
    assert both[1.2]["was"] == pytest.approx(both[1.0]["both"])
    assert both[0.8]["both"] == 0


def test_another_runs_log_drives_a_film(toy, tmp_path):
    lines = [{"step": n, "t": n / 10, "scene": 0, "total": n, "fox": -n} for n in range(21)]
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "log.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    curves = {"pull": {"log": "old"}, "fox": {"log": "old/log.jsonl", "value": "fox"}}
    settings = toy(**BEATEN, curves=curves, scenes="a fox:1+pull+fox_prev")
    schedule = build(settings).schedule
    found = schedule.moment(6).values
    assert (found["pull"], found["fox_prev"]) == (pytest.approx(10), pytest.approx(-8))
    wrong = toy(**BEATEN, curves={"pull": {"log": "old", "value": "foxes"}})
    with pytest.raises(MediaError, match=r"curves\.pull.*'foxes'; it holds 'fox'"):
        build(wrong)


def test_a_curve_that_has_no_value_is_told_with_its_name_and_time(toy):
    settings = toy(**BEATEN, curves={"far": "1/(frame-3)", "on": "2*far"}, translate_x="on")
    with pytest.raises(ScriptError, match=r"curves\.far: .*no value at frame=3, t=0\.4 \(division"):
        list(build(settings).animate())


def test_a_picture_without_any_signals_has_none(toy):
    assert build(toy()).schedule.signals is None


def test_a_file_that_was_changed_is_refused(toy, drum, play, tmp_path):
    drum("drums.mid", 0.5)
    play("tone.wav", hertz=100)
    (tmp_path / "log.jsonl").write_text('{"t": 0, "total": 1}\n')
    settings = toy(**FILM, input_midi="drums.mid", curves={"pull": {"log": "log.jsonl"}, "a": "t"})
    kept = digests(settings)
    assert kept.keys() == {"input_audio", "input_midi", "curves.pull"}
    refuse_changed(settings, kept)
    drum("drums.mid", 0.6)
    with pytest.raises(
        RunError, match=r"input_midi: .*drums\.mid: is not the file.*begin a new run"
    ):
        refuse_changed(settings, kept)
    refuse_changed(settings, {key: kept[key] for key in ("input_audio", "curves.pull")})
    drum("drums.mid", 0.5)
    refuse_changed(settings, kept)
    (tmp_path / "tone.wav").unlink()
    with pytest.raises(RunError, match=r"input_audio: .*can't be read.*put the file back"):
        refuse_changed(settings, kept)
    assert digests(toy()) == {}
