"""Sound files, decoded in order and laid on a clock of samples; never whole in memory."""

import logging
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from mutoscope.errors import MediaError
from mutoscope.media import FAILURES, open_media, say

log = logging.getLogger("mutoscope")

Samples = NDArray[np.float32]

RATES = range(4000, 384_001)
"""Sampling rates that are read, in hertz."""
LOUDEST = 64.0
"""Larger samples are clipped: +36 dB over full scale is no sound but a damaged file."""

# Containers that are read. Playlists and other formats that name further files or addresses are
# left out on purpose: a sound may come from anywhere.
_FORMATS = (
    "wav,w64,aiff,au,caf,mp3,flac,ogg,mov,matroska,aac,loas,ac3,eac3,dts,amr,ape,wv,tta,tak,mpc,"
    "mpc8,asf,avi,mpeg,mpegts,flv,m4v"
)
_ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC: the cover of an album
_JITTER = 0.05  # seconds by which time stamps may be off before they are believed
_CHANNELS = 64


class SoundFile:
    """The first sound in a file, at its own sampling rate.

    Its time 0 is its first sample (what an MP3 or AAC encoder put before that is left out); in a
    file that has pictures too, time 0 is the first picture, so that both stay together.

    Attributes:
        rate: Samples per second.
        channels: 2, or 1 if the file has one.
        ends: Where the sound ends, in seconds of its own time, once it has been read that far.

    Raises:
        MediaError: There is no such file, no sound in it, or none that can be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.ends: float | None = None
        with open_media(self.path, formats=_FORMATS, kind="sound") as container:
            context = _sound_stream(container, self.path).codec_context
            rate, channels = (context.rate, context.layout.nb_channels) if context else (0, 0)
        if not rate or not channels:
            raise MediaError(f"{path}: its sound is coded in a way that is not known here")
        if rate not in RATES:
            raise MediaError(
                f"{path}: {rate} samples a second; allowed are {RATES.start} to {RATES.stop - 1}"
            )
        if channels > _CHANNELS:
            raise MediaError(f"{path}: {channels} channels; allowed are at most {_CHANNELS}")
        self.rate = int(rate)
        self.channels = min(2, channels)

    def blocks(
        self, start: int, stop: int, *, size: int, channels: int | None = None
    ) -> Iterator[Samples]:
        """Samples from ``start`` up to ``stop``, as blocks of (channels, size) float32.

        Both count from the sound's time 0 and may lie outside of it: before, after and in its gaps
        there is silence. The last block reaches beyond ``stop`` if ``size`` doesn't divide the
        span. ``channels``: 1 mixes all to one (their mean); by default those of the file.

        Raises:
            MediaError: Nothing of it can be decoded.
        """
        channels = self.channels if channels is None else channels
        block = np.zeros((channels, size), np.float32)
        at = start
        pieces = self._pieces(channels)
        for place, piece in pieces:
            end = place + piece.shape[1]
            while end > at and at < stop:
                first, last = max(place, at), min(end, at + size)
                if first < last:
                    block[:, first - at : last - at] = piece[:, first - place : last - place]
                if end < at + size:
                    break
                yield block
                block = np.zeros_like(block)
                at += size
            if at >= stop or place >= stop:
                pieces.close()
                break
        while at < stop:
            yield block
            block = np.zeros_like(block)
            at += size

    def _pieces(self, channels: int) -> Generator[tuple[int, Samples], None, None]:
        """Each decoded piece, (channels, n), with the place of its first sample."""
        at = 0
        began = False
        with open_media(self.path, formats=_FORMATS, kind="sound") as container:
            zero = _first_picture(container)
            for frame, planes in self._decoded(container, channels):
                time = None if frame.pts is None else Fraction(frame.pts) * frame.time_base
                if time is not None and zero is None:
                    zero = time
                place = at if time is None or zero is None else round((time - zero) * self.rate)
                # Time stamps jitter, and in broken files go back; sound itself has no such gaps.
                if not began or place > at + _JITTER * self.rate:
                    at = place
                began = True
                yield at, _mixed(planes, channels)
                at += planes.shape[1]
        if not began:
            raise MediaError(f"{self.path}: nothing of its sound can be decoded; it is damaged")
        self.ends = at / self.rate

    def _decoded(self, container: Any, channels: int) -> Iterator[tuple[Any, Samples]]:
        """Each frame that can be decoded, and its samples at the file's rate, (channels, n).

        What is damaged is left out, as players do: it is silence by the time stamps of the rest.
        """
        stream = _sound_stream(container, self.path)
        stream.thread_type = "AUTO"
        packets = container.demux(stream)
        resampler: Any = None
        shape: Any = None
        sound = True
        while True:
            packet = None
            try:
                packet = next(packets, None)
                for frame in packet.decode() if packet is not None else ():
                    now = (frame.format.name, frame.layout.name, frame.sample_rate)
                    if now != shape:
                        resampler, shape = self._resampler(frame, channels), now
                    parts = [part.to_ndarray() for part in resampler.resample(frame)]
                    if parts:
                        yield frame, np.concatenate(parts, axis=1)
            except FAILURES as error:
                if sound:
                    log.warning(
                        "%s: a part of its sound is damaged (%s) and left out",
                        self.path, say(error),
                    )  # fmt: skip
                sound = False
            if packet is None:
                return

    def _resampler(self, frame: Any, channels: int) -> Any:
        """Turns frames of this kind into planes of float32 at the file's rate.

        Its own downmix is used only from surround to stereo: to one channel it adds rather than
        averages.
        """
        surround = channels == 2 and frame.layout.nb_channels > 2
        layout = "stereo" if surround else frame.layout.name
        return av.AudioResampler(format="fltp", layout=layout, rate=self.rate)


def _mixed(planes: Samples, channels: int) -> Samples:
    """(n channels, n) as (channels, n), with every sample a number within reason."""
    planes = np.clip(np.nan_to_num(planes, nan=0.0), -LOUDEST, LOUDEST)
    if planes.shape[0] != channels:
        mean = planes.mean(axis=0, keepdims=True, dtype=np.float32)
        planes = np.repeat(mean, channels, axis=0)
    return planes


def _sound_stream(container: Any, path: Path) -> Any:
    if not container.streams.audio:
        raise MediaError(f"{path}: has no sound in it; give a file with sound, such as WAV or MP3")
    return container.streams.audio[0]


def _first_picture(container: Any) -> Fraction | None:
    """When the first picture is shown, or None where there are no moving pictures."""
    for stream in container.streams.video:
        if not int(stream.disposition) & _ATTACHED_PICTURE and stream.start_time is not None:
            return Fraction(stream.start_time) * Fraction(stream.time_base)
    return None
