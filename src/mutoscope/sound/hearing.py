"""A sound as the numbers that expressions ask for, at any time of a film."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mutoscope.errors import MediaError, SettingsError
from mutoscope.sound.bands import (
    READY,
    READY_BANDS,
    Band,
    Envelope,
    Loudness,
    check,
    fitted,
    normalised,
)
from mutoscope.sound.beats import beats, pulses
from mutoscope.sound.clock import (
    BLOCK_SECONDS,
    CELLS,
    Measure,
    Meter,
    falling,
    highest_ahead,
)
from mutoscope.sound.onsets import Flux, onsets
from mutoscope.sound.reading import SoundFile

log = logging.getLogger("mutoscope")

FLOOR = 2.0**-20
"""The least value of a band, a millionth or so: what is divided by a sum of bands has a value."""
LONGEST = 12 * 3600.0
"""The longest film that is listened for, in seconds."""

_WARM = 1  # second of the sound before the film, in which the filters come to rest
_PULSE = 0.1  # seconds in which an onset's pulse sinks to 1/e
_SILENCE = 2.0**-14  # two steps of 16 bits: the dither of a recorder that nobody plays to
# A band isn't raised to 1 if it is never louder than −72 dB, or by 60 dB softer than the sound.
_FAINT, _SOFTER = 2.0**-12, 1e-3


@dataclass(frozen=True, eq=False)
class Sound:
    """What is to be heard during a film, as numbers in [`FLOOR`, 1].

    A value at ``t`` is the highest within the film frame that would begin at ``t``, so that a beat
    is seen in the frame in which it is heard, and never falls between two; between the cells of
    5 ms it runs straight. Before the film begins (``t`` < 0) and after its end all are `FLOOR`.

    Attributes:
        path: The file.
        bands: The names, without their ``_prev``, as in the columns of `table`.
        duration: The film's length in seconds.
        frame: The length of a frame in seconds: ``NAME_prev`` is the value so long before.
        onsets: Where sounds begin, in seconds of the film.
        beats: Where beats fall, in seconds of the film.
        tempo: Beats a minute; 0 where there is no beat.
        table: The values, (cells, bands), 200 rows a second from the film's start.
    """

    path: Path
    bands: tuple[str, ...]
    duration: float
    frame: float
    onsets: tuple[float, ...]
    beats: tuple[float, ...]
    tempo: float
    table: NDArray[np.float32] = field(repr=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every variable that `values` gives: each band and its ``NAME_prev``."""
        return frozenset(self._keys)

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        return self.bands + tuple(f"{name}_prev" for name in self.bands)

    def values(self, t: float) -> Mapping[str, float]:
        """Each band at ``t`` seconds of the film, and its value a frame before."""
        both = [*self._row(t), *self._row(t - self.frame)]
        return dict(zip(self._keys, both, strict=True))

    def _row(self, t: float) -> list[float]:
        # Times are sums of fractions: a frame before one frame is the film's start, not before it.
        place = t * CELLS
        if -1e-6 < place < 0:
            place = 0.0
        first = int(place) if 0 <= place <= self.duration * CELLS else -1
        if not 0 <= first < len(self.table) - 1:
            return [FLOOR] * len(self.bands)
        low, high = self.table[first : first + 2].astype(np.float64)
        row: list[float] = (low + (high - low) * (place - first)).tolist()
        return row


def hear(
    path: str | Path,
    *,
    duration: float,
    frames_per_second: float,
    filters: Iterable[Band] = (),
    offset: float = 0.0,
) -> Sound:
    """Listen to a file once, and know every band at every moment of a film.

    Args:
        path: Any file with sound in it.
        duration: The film's length in seconds.
        frames_per_second: The film's.
        filters: Bands to listen for besides `READY`; one of the same name takes the other's place.
        offset: Where in the sound the film begins, in seconds; with a negative one the film begins
            in silence.

    Raises:
        MediaError: The file can't be read, or the film is longer than twelve hours.
        SettingsError: A band lies outside of what the file's sampling rate holds.
    """
    file = SoundFile(path)
    filters = tuple(filters)
    for number, band in enumerate(filters):
        check(band, file.rate, f"input_audio_filters[{number}]")
    if not 0 < duration <= LONGEST:
        raise MediaError(
            f"{path}: a film of {duration:g} s; sound is heard for at most {LONGEST / 3600:g} hours"
        )
    if not np.isfinite(offset):
        raise SettingsError(f"input_audio_offset: {offset} is no time; write a number of seconds")
    own = {band.name for band in filters}
    ready = [fitted(band, file.rate) for band in READY_BANDS if band.name not in own]
    heard = [*filters, *(band for band in ready if band)]
    listener = _Listener(file, heard)
    listener.listen(offset, duration)
    return listener.sound(duration, frames_per_second, own)


class _Listener:
    """Everything that is measured in one pass through a file."""

    def __init__(self, file: SoundFile, bands: list[Band]) -> None:
        self.file = file
        self.bands = bands
        self.envelopes = [Envelope(band, file.rate) for band in bands]
        self.loudness = Loudness(file.rate)
        self.flux = Flux(file.rate)
        self.peak = 0.0

    def listen(self, offset: float, duration: float) -> None:
        """Take in the film's stretch of the sound, and a second before and after it."""
        rate = self.file.rate
        start = round(offset * rate) - _WARM * rate
        stop = start + round((duration + 2 * _WARM) * rate)
        meters: list[Meter] = [*self.envelopes, self.loudness, self.flux]
        for (block,) in self.file.blocks(start, stop, size=BLOCK_SECONDS * rate, channels=1):
            self.peak = max(self.peak, float(np.abs(block).max()))
            for meter in meters:
                meter.feed(block)
        ends = self.file.ends
        if ends is not None and ends < offset + duration - 1 / CELLS:
            at = max(0.0, ends - offset)
            log.warning(
                "%s: ends after %.1f s, at %.1f s of this film of %.1f s; silence follows",
                self.file.path, ends, at, duration,
            )  # fmt: skip

    def sound(self, duration: float, frames_per_second: float, own: set[str]) -> Sound:
        """What was heard, over the film alone and normalised."""
        length = int(np.ceil(duration * CELLS)) + 2
        span = slice(_WARM * CELLS, _WARM * CELLS + length)
        silent = self.peak <= _SILENCE
        flux = np.zeros(length) if silent else self.flux.measure()[span]
        begun = onsets(flux[: length - 2])
        fallen, tempo = beats(flux, begun)
        struck = np.zeros(length)
        struck[begun] = 1.0
        values = {"onset": falling(struck, _PULSE), "beat": pulses(fallen, length)}
        # A filter of the user's takes the place of what we have under its name.
        values |= {} if silent else self._levels(span)
        names = (*(band.name for band in self.bands if band.name in own),)
        names += tuple(name for name in READY if name not in own)
        ahead = max(1, round(CELLS / frames_per_second))
        silence = np.zeros(length)
        columns = [highest_ahead(values.get(name, silence), ahead) for name in names]
        return Sound(
            path=self.file.path,
            bands=names,
            duration=duration,
            frame=1 / frames_per_second,
            onsets=tuple((begun / CELLS).tolist()),
            beats=tuple((fallen / CELLS).tolist()),
            tempo=tempo,
            table=np.clip(np.stack(columns, axis=1), FLOOR, 1.0).astype(np.float32),
        )

    def _levels(self, span: slice) -> dict[str, Measure]:
        """Loudness, and the bands, in [0, 1]."""
        audible = max(_FAINT, _SOFTER * self.peak)
        # Loudness goes with intensity, the square of the amplitude, to the power of 0.3.
        values = {"loudness": normalised(self.loudness.measure()[span], audible**0.6)}
        for band, envelope in zip(self.bands, self.envelopes, strict=True):
            # Between two peaks of one low tone it is as loud as at them.
            level = highest_ahead(envelope.measure(), max(1, round(CELLS * band.half_wave)))
            values[band.name] = falling(normalised(level[span], audible), band.fall)
        return values
