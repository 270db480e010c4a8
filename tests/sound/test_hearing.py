import dataclasses
import logging
import math

import numpy as np
import pytest

from mutoscope.curves import known_names, parse_curve
from mutoscope.errors import MediaError, SettingsError
from mutoscope.sound import FLOOR, READY, Band, hear

RATE = 48_000
LOW, HIGH = Band("fLo", 105, 65), Band("fHi", 900, 600)


def tone(pitch, seconds, level=0.4):
    return level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)


def rows(sound, name, times):
    return np.array([sound.values(float(t))[name] for t in times])


def listen(path, seconds, fps=30, **options):
    return hear(path, duration=seconds, frames_per_second=fps, **options)


def test_every_name_has_a_value_at_every_time(record):
    sound = listen(record("a.wav", tone(105, 2)), 2, filters=[LOW, HIGH])
    wanted = known_names(["fLo", "fHi", *READY])
    assert sound.names == set(wanted) - {"t", "frame", "step"}
    for t in (-100, -1e-9, 0, 1 / 30, 0.51234, 1.99999, 2, 2.5, 1e9):
        values = sound.values(t)
        assert values.keys() == sound.names
        assert all(FLOOR <= value <= 1 for value in values.values())
    assert set(sound.values(-0.01).values()) == {FLOOR}
    assert set(sound.values(2.1).values()) == {FLOOR}


def test_a_steady_tone_is_one_in_its_band_and_nothing_in_others(record):
    sound = listen(record("a.wav", tone(105, 6)), 5, filters=[LOW, HIGH], offset=0.5)
    times = np.arange(0.5, 5, 0.0137)
    assert rows(sound, "fLo", times).min() > 0.99
    assert rows(sound, "bass", times).min() > 0.99
    assert rows(sound, "loudness", times).min() > 0.99
    assert rows(sound, "fHi", times).max() < 0.02
    assert rows(sound, "treble", times).max() < 0.02
    assert rows(sound, "beat", times).max() == FLOOR


@pytest.mark.parametrize("fps", [12, 60])
def test_a_tone_below_hearing_does_not_flicker(record, fps):
    sound = listen(record("a.wav", tone(22, 4)), 4, fps, filters=[Band("sub", 22, 10)])
    value = rows(sound, "sub", np.arange(1, 3.9, 0.0037))
    assert 0.8 < value.min() > 0.98 * value.max()


def test_a_sweep_passes_through_the_bands_in_order(record):
    seconds, low, high = 20, 25, 15_000
    time = np.arange(seconds * RATE) / RATE
    k = np.log(high / low) / seconds
    sweep = 0.5 * np.sin(2 * np.pi * low * (np.exp(k * time) - 1) / k)
    sound = listen(record("a.wav", sweep), seconds, filters=[LOW, HIGH])
    times = np.arange(0.5, 19.8, 0.05)
    pitch = low * np.exp(k * times)
    for name, edges in {
        "fLo": LOW.edges,
        "fHi": HIGH.edges,
        "bass": (20, 250),
        "mids": (250, 4000),
        "treble": (4000, 16_000),
    }.items():
        value = rows(sound, name, times)
        within = (pitch > edges[0] * 1.2) & (pitch < edges[1] / 1.2)
        beyond = (pitch < edges[0] / 2) | (pitch > edges[1] * 2.5)
        assert value[within].min() > 0.7, name
        assert value[beyond].max() < 0.2, name


def test_clicks_are_seen_within_a_frame_of_where_they_are_heard(record, clicks):
    times = [0.5, 1.21, 2.2, 2.73, 3.9]
    sound = listen(record("a.wav", clicks(times, 5)), 5, 25)
    assert sound.onsets == pytest.approx(times, abs=0.02)
    frames = rows(sound, "onset", np.arange(125) / 25)
    risen = np.flatnonzero((frames[1:] > 0.99) & (frames[:-1] < 0.9)) + 1
    assert np.abs(risen - np.array(times) * 25).max() < 1.01
    assert frames[int(2.2 * 25) - 3] < 0.01
    assert (np.diff(frames[int(1.21 * 25) + 1 : int(2.2 * 25) - 2]) <= 0).all()


def test_a_click_track_beats(record, clicks):
    times = np.arange(0.25, 12, 0.5)
    sound = listen(record("a.wav", clicks(times, 12)), 12)
    assert sound.tempo == pytest.approx(120, rel=0.01)
    assert sound.beats == pytest.approx(times, abs=0.03)
    assert rows(sound, "beat", times[1:-1]).min() > 0.9
    assert rows(sound, "beat", times[1:-1] + 0.4).max() < 0.2


def test_silence_is_the_floor_everywhere_and_nothing_is_said(record, caplog):
    dither = np.random.default_rng(0).integers(-1, 2, 3 * RATE) / 2**15
    for samples in (np.zeros(3 * RATE), dither):
        with caplog.at_level(logging.DEBUG, "mutoscope"):
            sound = listen(record("a.wav", samples), 3, filters=[LOW, HIGH])
        assert sound.table.min() == sound.table.max() == FLOOR
        assert (sound.onsets, sound.beats, sound.tempo) == ((), (), 0)
    assert not caplog.records


def test_recipes_may_divide_by_silence(record):
    sound = listen(record("a.wav", np.zeros(RATE)), 1, filters=[LOW, HIGH])
    names = known_names(["fLo", "fHi"])
    share = parse_curve("fLo/(fLo + fHi)", place="scenes", names=names)
    rise = parse_curve("fLo/fLo_prev", place="scenes", names=names)
    for t in (-1, 0, 0.5, 2):
        assert share(sound.values(t)) == 0.5
        assert rise(sound.values(t)) == 1


def test_the_value_before_is_that_of_the_frame_before(record):
    noise = np.random.default_rng(0).standard_normal(3 * RATE) * 0.1
    sound = listen(record("a.wav", noise), 3, 24, filters=[HIGH])
    differ = 0
    for frame in range(1, 70):
        now, before = sound.values(frame / 24), sound.values((frame - 1) / 24)
        assert now["fHi_prev"] == pytest.approx(before["fHi"], abs=1e-6)
        differ += now["fHi_prev"] != now["fHi"]
    assert differ > 60
    assert sound.values(0)["fHi_prev"] == FLOOR
    assert sound.values(1 / 24)["fHi_prev"] == sound.values(0)["fHi"]


def test_the_film_begins_at_the_offset(record):
    samples = np.concatenate([tone(900, 2), np.zeros(RATE), tone(900, 2)])
    path = record("a.wav", samples)
    times = np.arange(0, 2, 0.1)
    for offset in (-0.7, 0.0, 1.35, 2.5):
        heard = rows(listen(path, 2.2, filters=[HIGH], offset=offset), "fHi", times + 0.01)
        there = [0 <= t + offset < 2 or 3 <= t + offset < 5 for t in times]
        # A frame that reaches over an edge, and the filter's end, are neither.
        sure = [min(abs(t + offset - edge) for edge in (0, 2, 3, 5)) > 0.06 for t in times]
        assert (heard > 0.9)[sure].tolist() == np.array(there)[sure].tolist()


def test_only_the_used_span_is_the_measure(record):
    # In PyTTI a loud beginning that is not in the film made all the rest small.
    samples = np.concatenate([tone(900, 3, 0.8), np.zeros(2 * RATE), tone(900, 3, 0.05)])
    sound = listen(record("a.wav", samples), 2.5, filters=[HIGH], offset=5.2)
    assert rows(sound, "fHi", np.arange(0.5, 2.4, 0.1)).min() > 0.95


@pytest.mark.parametrize("seconds", [1.0, 2.0, 0.01])
def test_a_sound_as_long_as_the_film_to_the_sample(record, seconds, caplog):
    # In PyTTI a sound of a whole number of frames crashed.
    with caplog.at_level(logging.WARNING, "mutoscope"):
        sound = listen(record("a.wav", tone(900, seconds)), seconds, 25, filters=[HIGH])
    assert math.isfinite(sound.values(seconds)["fHi"])
    assert not caplog.records


def test_a_sound_shorter_than_the_film_is_silence_after_its_end(record, caplog):
    with caplog.at_level(logging.WARNING, "mutoscope"):
        sound = listen(record("a.wav", tone(900, 2)), 10, filters=[HIGH], offset=0.5)
    assert [record.getMessage() for record in caplog.records] == [
        f"{sound.path}: ends after 2.0 s, at 1.5 s of this film of 10.0 s; silence follows"
    ]
    assert rows(sound, "fHi", [0.5, 1.4]).min() > 0.9
    assert rows(sound, "fHi", np.arange(2, 10, 0.1)).max() == FLOOR
    caplog.clear()
    with caplog.at_level(logging.WARNING, "mutoscope"):
        after = listen(sound.path, 2, offset=5)
    assert after.table.max() == FLOOR
    assert len(caplog.records) == 1


def test_a_filter_of_the_same_name_takes_the_ready_made_ones_place(record):
    sound = listen(record("a.wav", tone(900, 2)), 2, filters=[Band("bass", 900, 600)])
    assert sorted(sound.bands) == sorted(READY)
    assert rows(sound, "bass", [1.0])[0] > 0.95
    drum = listen(sound.path, 2, filters=[Band("beat", 900, 600), Band("loudness", 100, 20)])
    assert rows(drum, "beat", [1.0])[0] > 0.95
    assert rows(drum, "loudness", [1.0])[0] < 0.1


def test_low_rates_have_no_treble(record):
    path = record("a.wav", np.random.default_rng(0).standard_normal(16_000) * 0.1, 8000)
    sound = listen(path, 2)
    assert rows(sound, "treble", [1.0])[0] == FLOOR
    assert rows(sound, "mids", [1.0])[0] > 0.3


def test_equal_files_are_heard_alike_and_a_sound_is_not_changed(record, clicks):
    path = record("a.mp3", clicks(np.arange(0.3, 3, 0.4), 3))
    first, second = listen(path, 3), listen(path, 3)
    np.testing.assert_array_equal(first.table, second.table)
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.tempo = 3


def test_impossible_wishes_are_refused(record):
    path = record("a.wav", tone(900, 1))
    with pytest.raises(SettingsError, match=r"^input_audio_filters\[1\]: the band low goes from"):
        listen(path, 1, filters=[HIGH, Band("low", 50, 100)])
    with pytest.raises(SettingsError, match="input_audio_offset: nan"):
        listen(path, 1, offset=math.nan)
    for seconds in (0, 1e6, math.nan):
        with pytest.raises(MediaError, match="at most 12 hours"):
            listen(path, seconds)
