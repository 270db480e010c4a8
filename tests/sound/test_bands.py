import numpy as np
import pytest
from scipy.signal import sosfilt, sosfreqz

from mutoscope.errors import SettingsError
from mutoscope.sound.bands import (
    READY,
    READY_BANDS,
    Band,
    Envelope,
    Loudness,
    check,
    fitted,
    k_weighting,
    normalised,
)
from mutoscope.sound.clock import BLOCK_SECONDS, CELLS

RATE = 44_100


def sine(pitch, seconds, level=0.5, rate=RATE):
    return (level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(
        "f4"
    )


def measured(meter, samples, size=BLOCK_SECONDS * RATE):
    for at in range(0, len(samples), size):
        meter.feed(samples[at : at + size])
    return meter.measure()


def test_a_sound_is_filtered_once_however_it_is_cut_into_blocks():
    noise = np.random.default_rng(0).standard_normal(4 * RATE).astype("f4")
    band = Band("low", 60, 40)
    whole = measured(Envelope(band, RATE), noise, 4 * RATE)
    np.testing.assert_allclose(measured(Envelope(band, RATE), noise, RATE), whole, rtol=1e-9)
    loud = measured(Loudness(RATE), noise, 4 * RATE)
    np.testing.assert_allclose(measured(Loudness(RATE), noise, RATE), loud, rtol=1e-9)


@pytest.mark.parametrize("pitch", [60, 105, 137.5])
def test_a_low_tone_is_not_drowned_by_the_filters_own_beginning(pitch):
    # Filtered anew in windows of a thirtieth of a second, it would never get beyond its transient.
    level = measured(Envelope(Band("fLo", 105, 130), RATE), sine(pitch, 5))
    settled = level[CELLS:].reshape(-1, 20).max(axis=1)
    assert settled.max() < 1.01 * settled.min()
    assert settled.mean() == pytest.approx(0.5, rel=0.05)


def test_the_edges_let_pass_half_of_the_power():
    band = Band("fHi", 900, 600, order=5)
    for pitch in band.edges:
        level = measured(Envelope(band, RATE), sine(pitch, 5))[CELLS:].max()
        assert level == pytest.approx(0.5 * 0.7071, rel=0.01)
    for pitch in (300, 2400):
        # Butterworth: 1 / √(1 + x²ⁿ), x the distance from the middle in half widths.
        x = (pitch**2 - 600 * 1200) / (pitch * 600)
        level = measured(Envelope(band, RATE), sine(pitch, 5))[CELLS:].max()
        assert level == pytest.approx(0.5 / (1 + x**10) ** 0.5, rel=0.1)


@pytest.mark.parametrize(
    ("band", "message"),
    [
        (
            Band("fLo", 50, 100),
            "goes from 0 to 100 Hz; it must begin above 0: make f_width smaller",
        ),
        (Band("fLo", 50, 200), "goes from -50 to 150 Hz"),
        (Band("fHi", 22_000, 200), "a sound of 44100 samples a second ends at 22050 Hz"),
    ],
)
def test_bands_that_the_sound_does_not_hold_are_refused(band, message):
    with pytest.raises(SettingsError) as caught:
        check(band, RATE, "input_audio_filters[1]")
    assert str(caught.value).startswith("input_audio_filters[1]: the band f")
    assert message in str(caught.value)


def test_ready_made_bands_fit_into_any_rate():
    assert [band.name for band in READY_BANDS] == list(READY[:3])
    for rate in (4000, 8000, 22_050, 44_100, 192_000):
        for band in READY_BANDS:
            if inside := fitted(band, rate):
                check(inside, rate, "")
                assert inside.edges[0] == pytest.approx(band.edges[0])
    assert fitted(READY_BANDS[2], 8000) is None
    assert fitted(READY_BANDS[2], 44_100) == READY_BANDS[2]


def test_k_weighting_is_that_of_the_standard_at_48_khz():
    # ITU-R BS.1770-4, tables 1 and 2.
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    shelf += [1.0, -1.69065929318241, 0.73248077421585]
    cut = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, cut], atol=1e-8)


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
def test_k_weighting_is_alike_at_other_rates(rate):
    pitches = [30, 100, 1000, 3000, 6000]
    wanted = np.abs(sosfreqz(k_weighting(48_000), pitches, fs=48_000)[1])
    np.testing.assert_allclose(
        np.abs(sosfreqz(k_weighting(rate), pitches, fs=rate)[1]), wanted, rtol=0.05
    )
    assert np.isfinite(sosfilt(k_weighting(4000), np.ones(100))).all()


def test_ten_decibels_more_are_twice_as_loud():
    softer = measured(Loudness(RATE), sine(1000, 5, 0.1))
    louder = measured(Loudness(RATE), sine(1000, 5, 0.1 * 10**0.5))
    middle = slice(2 * CELLS, 3 * CELLS)
    np.testing.assert_allclose(louder[middle] / softer[middle], 10**0.3, rtol=1e-3)
    # A step of silence is not late: the window is centred.
    step = np.concatenate([np.zeros(2 * RATE, "f4"), sine(1000, 3)])
    power = measured(Loudness(RATE), step) ** (1 / 0.3)
    assert power[2 * CELLS] == pytest.approx(power[3 * CELLS] / 2, rel=0.05)


def test_normalising_forgets_single_cracks_and_keeps_rare_beats():
    music = np.full(2000, 0.2)
    music[::2] = 0.1
    cracked = music.copy()
    cracked[1000] = 1.0
    np.testing.assert_allclose(normalised(cracked, 1e-3)[1:999], normalised(music, 1e-3)[1:999])
    assert normalised(cracked, 1e-3).max() == 1
    rare = np.zeros(20_000)
    rare[5000] = rare[15_000] = 0.3
    assert normalised(rare, 1e-3)[5000] == 1
    assert normalised(np.full(10, 1e-4), 1e-3) == pytest.approx(np.full(10, 0.1))
    assert not normalised(np.zeros(10), 1e-3).any()
