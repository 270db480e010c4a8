from pathlib import Path

import av
import numpy as np
import pytest

CODECS = {
    ".wav": "pcm_f32le",
    ".flac": "flac",
    ".mp3": "libmp3lame",
    ".ogg": "libopus",
    ".opus": "libopus",
    ".m4a": "aac",
    ".mkv": "pcm_s16le",
}


@pytest.fixture
def record(tmp_path):
    """Writes samples, (n,) or (channels, n), as a sound file of the kind that its name says."""

    def record(name: str, samples: np.ndarray, rate: int = 48_000) -> Path:
        samples = np.atleast_2d(samples).astype(np.float32)
        layout = "mono" if len(samples) == 1 else "stereo"
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(CODECS[path.suffix], rate=rate, layout=layout)
            context = stream.codec_context
            resampler = av.AudioResampler(context.format, context.layout, rate)
            for at in range(0, samples.shape[1], rate):
                piece = np.ascontiguousarray(samples[:, at : at + rate])
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
                frame.sample_rate, frame.pts = rate, at
                for part in resampler.resample(frame):
                    container.mux(stream.encode(part))
            for part in resampler.resample(None):
                container.mux(stream.encode(part))
            container.mux(stream.encode(None))
        return path

    return record


@pytest.fixture
def clicks():
    """Short bursts of noise at the given seconds."""

    def clicks(times, seconds: float, rate: int = 48_000) -> np.ndarray:
        generator = np.random.default_rng(0)
        samples = np.zeros(round(seconds * rate))
        fade = np.exp(-np.arange(rate // 100) * 500 / rate)
        for time in times:
            at = round(time * rate)
            burst = 0.5 * fade * generator.standard_normal(len(fade))
            samples[at : at + len(fade)] += burst[: len(samples) - at]
        return samples

    return clicks
