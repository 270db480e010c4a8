import numpy as np
import pytest

from mutoscope.sound.clock import BLOCK_SECONDS, CELLS
from mutoscope.sound.onsets import Flux, onsets


def flux_of(samples, rate, size=None):
    meter = Flux(rate)
    size = size or BLOCK_SECONDS * rate
    padded = np.concatenate([samples, np.zeros(-len(samples) % size)]).astype("f4")
    for at in range(0, len(padded), size):
        meter.feed(padded[at : at + size])
    return meter.measure()


def found(samples, rate):
    return onsets(flux_of(samples, rate)) / CELLS


TIMES = [0.3, 0.8, 1.05, 1.5, 2.2, 2.26, 3.7, 4.001]


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("level", [0.01, 1.0])
def test_clicks_are_found_where_they_are(clicks, rate, level):
    heard = found(level * clicks(TIMES, 5.0, rate), rate)
    assert len(heard) == len(TIMES)
    assert np.abs(heard - TIMES).max() < 0.01


def test_notes_with_a_soft_attack_are_found(clicks):
    rate = 44_100
    time = np.arange(rate // 2) / rate
    shape = np.minimum(1, time / 0.015) * np.minimum(1, (0.5 - time) / 0.1) * np.exp(-3 * time)
    notes = [np.sin(2 * np.pi * 220 * 2 ** (n / 12) * time) * shape for n in range(10)]
    heard = found(0.4 * np.concatenate([np.zeros(rate // 2), *notes]), rate)
    np.testing.assert_allclose(heard, 0.5 + 0.5 * np.arange(10), atol=0.02)


def test_clicks_are_found_in_noise(clicks):
    noise = 0.01 * np.random.default_rng(1).standard_normal(5 * 48_000)
    heard = found(clicks(TIMES, 5.0) + noise, 48_000)
    assert all(np.abs(heard - time).min() < 0.02 for time in TIMES)
    assert len(heard) < len(TIMES) + 3


def test_a_trembling_voice_begins_once():
    rate = 44_100
    time = np.arange(5 * rate) / rate
    phase = 2 * np.pi * 440 * time - 6 / 5 * np.cos(2 * np.pi * 5 * time)
    voice = sum(np.sin(n * phase) / n for n in range(1, 6)) * np.minimum(1, time / 0.02)
    heard = found(0.2 * np.concatenate([np.zeros(rate), voice[: 3 * rate]]), rate)
    assert heard[0] == pytest.approx(1, abs=0.02)
    # Where it breaks off is a click; between, nothing begins.
    assert all(abs(time - 4) < 0.05 for time in heard[1:])


def test_blocks_leave_no_seam(clicks):
    samples = clicks(TIMES, 5.0)
    whole = flux_of(samples, 48_000)
    np.testing.assert_allclose(flux_of(samples, 48_000, 48_000), whole, atol=1e-3)


def test_silence_has_no_onsets():
    assert not len(found(np.zeros(48_000), 48_000))
    assert not len(onsets(np.zeros(0)))
