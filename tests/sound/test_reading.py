import logging
import struct
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from mutoscope.errors import MediaError
from mutoscope.frames import FilmSink
from mutoscope.sound import SoundFile
from mutoscope.sound.reading import LOUDEST

RATE = 48_000


def read(path, start=0.0, stop=1.0, size=RATE, channels=1):
    file = SoundFile(path)
    first, last = round(start * file.rate), round(stop * file.rate)
    blocks = list(file.blocks(first, last, size=size, channels=channels))
    assert all(block.shape == (blocks[0].shape[0], size) for block in blocks)
    assert all(block.dtype == np.float32 for block in blocks)
    return np.concatenate(blocks, axis=1)[:, : last - first]


def tone(seconds=2.0, rate=RATE, pitch=440):
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.opus", "a.m4a", "a.mkv"])
def test_every_kind_of_file_begins_where_its_sound_begins(record, clicks, name):
    samples = clicks([0.5], 2.0)
    heard = read(record(name, samples), 0, 1)[0]
    expected = samples[24_000:24_480]
    around = np.correlate(heard[23_000:26_000], expected, "valid")
    assert abs(int(np.abs(around).argmax()) - 1000) <= 2  # samples


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 96_000])
def test_the_rate_of_the_file_is_kept(record, rate):
    path = record("a.wav", tone(1.0, rate), rate)
    assert SoundFile(path).rate == rate
    np.testing.assert_array_equal(read(path)[0], tone(1.0, rate).astype(np.float32))


def test_stereo_is_mixed_to_its_mean_or_kept(record):
    left, right = tone(1.0), 0.4 * tone(1.0, pitch=700)
    path = record("a.wav", np.stack([left, right]))
    np.testing.assert_allclose(read(path)[0], (left + right) / 2, atol=1e-6)
    np.testing.assert_allclose(read(path, channels=None), [left, right], atol=1e-6)
    assert SoundFile(path).channels == 2


@pytest.mark.parametrize(("start", "stop"), [(-0.5, 0.25), (0.3, 1.2), (1.8, 2.5), (3.0, 4.0)])
@pytest.mark.parametrize("size", [1000, 7777, 200_000])
def test_outside_of_the_sound_there_is_silence(record, start, stop, size):
    samples = tone(2.0).astype(np.float32)
    padded = np.concatenate([np.zeros(RATE), samples, np.zeros(3 * RATE)])
    heard = read(record("a.wav", samples), start, stop, size)[0]
    np.testing.assert_array_equal(heard, padded[round((start + 1) * RATE) :][: len(heard)])


def test_only_what_is_needed_is_decoded_and_none_of_it_is_kept(record):
    path = record("a.wav", tone(60.0))
    file = SoundFile(path)
    assert len(list(file.blocks(0, RATE, size=RATE))) == 1
    assert file.ends is None
    tracemalloc.start()
    count = sum(1 for _ in file.blocks(0, 60 * RATE, size=RATE))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60
    assert most < 3_000_000  # the samples are 11.5 MB
    for _ in file.blocks(0, 70 * RATE, size=RATE):
        pass
    assert file.ends == pytest.approx(60, abs=1e-6)


def test_the_sound_of_a_film_counts_from_its_first_picture(tmp_path, record, clicks):
    from mutoscope.frames.mux import add_sound

    film = tmp_path / "film.mp4"
    with FilmSink(film, 12) as sink:
        for _ in range(12):
            sink.write(torch.zeros(1, 3, 16, 16))
    add_sound(film, SoundFile(record("a.wav", clicks([0.5], 1.0))))
    heard = np.abs(read(film)[0])
    assert abs(int(heard.argmax()) - RATE // 2) < RATE // 100


@pytest.mark.parametrize("late", [0.5, -0.25])
def test_sound_that_begins_after_or_before_the_pictures_stays_with_them(tmp_path, clicks, late):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=10)
        pictures.width = pictures.height = 16
        sound = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for n in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))
            frame.pts, frame.time_base = n + 10, Fraction(1, 10)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        samples = (clicks([0.3], 1.0) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate, frame.pts = RATE, round((1 + late) * RATE)
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    heard = np.abs(read(path, 0, 1)[0])
    assert int(heard.argmax()) == pytest.approx((0.3 + late) * RATE, abs=0.01 * RATE)


def test_surround_becomes_stereo_or_its_mean(tmp_path):
    path = tmp_path / "a.flac"
    planes = np.stack([tone(1.0, pitch=100 * n) for n in range(1, 7)]).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE, layout="5.1")
        resampler = av.AudioResampler(stream.codec_context.format, "5.1", RATE)
        frame = av.AudioFrame.from_ndarray(planes, "fltp", "5.1")
        frame.sample_rate, frame.pts = RATE, 0
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    assert SoundFile(path).channels == 2
    np.testing.assert_allclose(read(path)[0], planes.mean(axis=0), atol=1e-3)
    left, right = read(path, channels=None)
    spectra = np.abs(np.fft.rfft([left, right]))
    assert spectra[0, 100] > 10 * spectra[1, 100]  # the front left's tone
    assert spectra[1, 200] > 10 * spectra[0, 200]
    assert spectra[0, 300] == pytest.approx(spectra[1, 300], rel=0.01)  # the middle's


def test_a_stream_that_changes_on_the_way_is_followed(tmp_path, record):
    first = record("a.mp3", np.stack([tone(1.0)] * 2)).read_bytes()
    second = record("b.mp3", tone(1.0, 44_100), 44_100).read_bytes()
    path = tmp_path / "c.mp3"
    path.write_bytes(first + second)
    rate = SoundFile(path).rate
    for channels in (1, 2):
        heard = read(path, 0, 1.9, channels=channels)
        for at in (0.3, 1.5):
            spectrum = np.abs(np.fft.rfft(heard[0, round(at * rate) :][: rate // 4]))
            assert int(spectrum.argmax()) * 4 == pytest.approx(440, abs=4)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.m4a"])
def test_whatever_is_wrong_with_a_file_it_is_said_in_our_words(record, name):
    path = record(name, np.stack([tone(0.5)] * 2))
    data = path.read_bytes()
    generator = np.random.default_rng(0)
    refusals = []
    for _ in range(25):
        broken = np.frombuffer(data, np.uint8).copy()
        spots = generator.integers(0, len(broken) // 4, 12)
        broken[spots] = generator.integers(0, 256, len(spots))
        path.write_bytes(broken[: generator.integers(len(broken) // 8, len(broken))].tobytes())
        try:
            heard = read(path, 0, 0.5)
        except MediaError as error:
            refusals.append(str(error))
        else:
            assert np.isfinite(heard).all()
    assert not any("\n" in refusal for refusal in refusals)


def test_samples_that_are_no_numbers_are_silence(record):
    samples = tone(1.0)
    samples[100:200] = np.nan
    samples[300], samples[301] = np.inf, 1e30
    heard = read(record("a.wav", samples))[0]
    assert np.isfinite(heard).all()
    assert (heard[100:200] == 0).all()
    assert heard[300] == heard[301] == LOUDEST


def wave(rate=8000, channels=1, claimed=1600, data=b"\0" * 1600):
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", claimed) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no sound at all " * 100, "is damaged or no sound"),
        (b"", "is damaged or no sound"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "is damaged or no sound"),
        (wave(rate=100), "100 samples a second; allowed are 4000 to 384000"),
        (wave(rate=2**31 - 1), "samples a second; allowed"),
        (wave(data=b"", claimed=0), "nothing of its sound can be decoded"),
    ],
)
def test_what_is_no_sound_is_refused_in_one_line(tmp_path, data, message):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(MediaError) as caught:
        read(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_claims_to_be_longer_than_it_is_ends_where_it_ends(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wave(claimed=2**32 - 1, data=b"\0\x40" * 4000))
    heard = read(path)[0]
    assert (heard[:4000] == 0.5).all()
    assert not heard[4000:].any()


def test_missing_files_folders_and_silent_films(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        SoundFile(tmp_path / "a.wav")
    with pytest.raises(MediaError, match="is a folder"):
        SoundFile(tmp_path)
    with FilmSink(tmp_path / "a.mp4", 12) as sink:
        sink.write(torch.zeros(1, 3, 16, 16))
    with pytest.raises(MediaError, match="has no sound in it"):
        SoundFile(tmp_path / "a.mp4")


def test_damage_in_the_middle_costs_the_rest_and_no_more(record, caplog):
    path = record("a.flac", tone(4.0) + 0.01 * np.random.default_rng(0).standard_normal(4 * RATE))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xff\x00" * ((len(data) - len(data) // 2) // 2)
    path.write_bytes(bytes(data))
    with caplog.at_level(logging.WARNING, "mutoscope"):
        heard = read(path, 0, 4)[0]
    np.testing.assert_allclose(heard[:RATE], read(path, 0, 1)[0])
    assert np.abs(heard[:RATE]).max() > 0.4
    assert np.isfinite(heard).all()
