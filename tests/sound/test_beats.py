import numpy as np
import pytest

from mutoscope.sound.beats import beats, pulses
from mutoscope.sound.clock import CELLS
from mutoscope.sound.onsets import Flux, onsets

RATE = 22_050


def tracked(samples):
    meter = Flux(RATE)
    meter.feed(samples.astype("f4"))
    flux = meter.measure()
    cells, tempo = beats(flux, onsets(flux))
    return cells / CELLS, tempo


@pytest.mark.parametrize("tempo", [72, 96, 120, 133, 150])
def test_a_click_track_has_its_beats(clicks, tempo):
    times = np.arange(0.4, 19.5, 60 / tempo)
    heard, found = tracked(clicks(times, 20, RATE))
    assert found == pytest.approx(tempo, rel=0.01)
    assert len(heard) == len(times)
    assert np.abs(heard - times).max() < 0.015


def test_a_missing_click_keeps_the_pace(clicks):
    times = np.arange(0.5, 20, 0.5)
    without = np.delete(times, [7, 20, 21])
    heard, tempo = tracked(clicks(without, 20, RATE))
    assert tempo == pytest.approx(120, rel=0.01)
    assert len(heard) == len(times)
    assert np.abs(heard - times).max() < 0.03


def test_a_tempo_that_drifts_is_followed(clicks):
    gaps = np.linspace(0.52, 0.47, 38)
    times = 0.3 + np.cumsum(gaps)
    heard, _ = tracked(clicks(times, 20, RATE))
    assert all(np.abs(heard - time).min() < 0.03 for time in times)
    assert len(heard) == len(times)


def test_beats_begin_and_end_with_the_music(clicks):
    times = np.arange(8, 14, 0.5)
    heard, _ = tracked(clicks(times, 20, RATE))
    assert heard[0] == pytest.approx(8, abs=0.03)
    assert heard[-1] == pytest.approx(13.5, abs=0.03)


def test_what_has_no_onsets_has_no_beat(clicks):
    for samples in (np.zeros(5 * RATE), clicks([1.0, 2.7], 5, RATE)):
        heard, tempo = tracked(samples)
        assert (len(heard), tempo) == (0, 0)


def test_a_beat_sinks_from_one_to_nothing_at_the_next():
    value = pulses(np.array([10, 30, 50]), 100)
    assert not value[:10].any()
    assert value[[10, 30, 50]].tolist() == [1, 1, 1]
    assert value[20] == 0.25
    assert (np.diff(value[10:30]) < 0).all()
    assert value[29] < 0.01
    assert value[60] == 0.25
    assert not value[70:].any()
    assert len(pulses(np.array([10, 90]), 100)) == 100
    assert not pulses(np.array([10]), 100).any()
