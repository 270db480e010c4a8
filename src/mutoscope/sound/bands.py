"""How loud a sound is, in bands of pitch and as a whole, cell by cell of the clock.

Filters keep their state from block to block: a sound is filtered once, from its beginning, and not
anew for each frame, whose start would drown low tones in the filter's own transient.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from mutoscope.errors import SettingsError
from mutoscope.sound.clock import CELLS, Measure, Signal, cell_starts

READY = ("bass", "mids", "treble", "loudness", "onset", "beat")
"""The names that every sound has without any filter."""


@dataclass(frozen=True)
class Band:
    """Tones from ``f_center`` − ``f_width`` / 2 to ``f_center`` + ``f_width`` / 2, in hertz.

    ``order`` is the Butterworth filter's: at both edges it lets pass 0.707, and beyond them the
    sound falls off the faster the higher it is. ``fall``: the seconds in which the value sinks to
    1/e after a peak; 0 follows the sound itself.
    """

    name: str
    f_center: float
    f_width: float
    order: int = 5
    fall: float = 0.0

    @property
    def half_wave(self) -> float:
        """How long its middle tone takes from one peak to the next, in seconds."""
        return 0.5 / self.f_center

    @property
    def edges(self) -> tuple[float, float]:
        """The lowest and the highest tone, in hertz."""
        return self.f_center - self.f_width / 2, self.f_center + self.f_width / 2


def between(name: str, low: float, high: float) -> Band:
    """A ready-made band, gentle at its edges, whose value sinks as slowly as the eye likes."""
    return Band(name, (low + high) / 2, high - low, order=3, fall=0.12)


# The customary division of mixing desks; 16 kHz because lossy coders keep nothing above.
READY_BANDS = (
    between("bass", 20, 250),
    between("mids", 250, 4000),
    between("treble", 4000, 16000),
)


def fitted(band: Band, rate: int) -> Band | None:
    """A ready-made band as far as ``rate`` samples a second can hold it, or None."""
    low, high = band.edges
    high = min(high, 0.45 * rate)
    return between(band.name, low, high) if high > low else None


def check(band: Band, rate: int, place: str) -> None:
    """Refuse a band that ``rate`` samples a second don't hold.

    Raises:
        SettingsError: It reaches down to 0 Hz, or up to half of ``rate``.
    """
    low, high = band.edges
    if low <= 0:
        raise SettingsError(
            f"{place}: the band {band.name} goes from {low:g} to {high:g} Hz; it must begin "
            f"above 0: make f_width smaller than {2 * band.f_center:g}"
        )
    if high >= rate / 2:
        raise SettingsError(
            f"{place}: the band {band.name} goes from {low:g} to {high:g} Hz, but a sound of "
            f"{rate} samples a second ends at {rate / 2:g} Hz; lower f_center or f_width"
        )


class Envelope:
    """The highest swing of a band within each cell."""

    def __init__(self, band: Band, rate: int) -> None:
        self._sos = scipy.signal.butter(
            band.order, band.edges, btype="bandpass", fs=rate, output="sos"
        )
        self._state = np.zeros((len(self._sos), 2))
        self._rate = rate
        self._cells: list[Measure] = []

    def feed(self, block: Signal) -> None:
        """Take the next block, (n,)."""
        band, self._state = scipy.signal.sosfilt(self._sos, block, zi=self._state)
        starts = cell_starts(len(block), self._rate)
        self._cells.append(np.maximum.reduceat(np.abs(band), starts))

    def measure(self) -> Measure:
        """The envelope of all blocks so far."""
        return np.concatenate(self._cells)


class Loudness:
    """Perceived loudness: K-weighted mean square over 400 ms, to the power of 0.3.

    The weighting and the window are those of momentary loudness in ITU-R BS.1770-4 (head and low
    cut); the power is Stevens's law for intensity (*The Measurement of Loudness*, 1955): ten
    decibels more are twice as loud. The window is centred on its cell.
    """

    WINDOW = 2 * CELLS // 5

    def __init__(self, rate: int) -> None:
        self._sos = k_weighting(rate)
        self._state = np.zeros((len(self._sos), 2))
        self._rate = rate
        self._cells: list[Measure] = []

    def feed(self, block: Signal) -> None:
        """Take the next block, (n,)."""
        weighted, self._state = scipy.signal.sosfilt(self._sos, block, zi=self._state)
        starts = cell_starts(len(block), self._rate)
        energy = np.add.reduceat(weighted * weighted, starts)
        self._cells.append(energy / np.diff(starts, append=len(block)))

    def measure(self) -> Measure:
        """The loudness of all blocks so far."""
        energy = np.concatenate(self._cells)
        half = self.WINDOW // 2
        sums = np.cumsum(np.pad(energy, (half + 1, half)))
        # Differences of sums may come out below 0 by rounding.
        mean = np.maximum(0, sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)
        loud: Measure = mean**0.3
        return loud


def k_weighting(rate: int) -> NDArray[np.float64]:
    """The two filters of ITU-R BS.1770 at any sampling rate, as second-order sections (2, 6).

    The standard tabulates 48 kHz only; the analogue prototypes behind that table are after De Man,
    *Evaluation of Implementations of the EBU R128 Loudness Measurement* (AES 2018).
    """
    shelf_k = math.tan(math.pi * min(1681.974450955533, 0.45 * rate) / rate)
    shelf_q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    over = 1 + shelf_k / shelf_q + shelf_k**2
    shelf = [
        (high + middle * shelf_k / shelf_q + shelf_k**2) / over,
        2 * (shelf_k**2 - high) / over,
        (high - middle * shelf_k / shelf_q + shelf_k**2) / over,
        1.0,
        2 * (shelf_k**2 - 1) / over,
        (1 - shelf_k / shelf_q + shelf_k**2) / over,
    ]
    cut_k, cut_q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    under = 1 + cut_k / cut_q + cut_k**2
    cut = [1.0, -2.0, 1.0, 1.0, 2 * (cut_k**2 - 1) / under, (1 - cut_k / cut_q + cut_k**2) / under]
    return np.array([shelf, cut])


def normalised(measure: Measure, audible: float) -> Measure:
    """``measure`` over its own loud moments, in [0, 1], or over ``audible`` if that is more.

    1 is the 99th percentile of what lies within 60 dB of the highest value: a single crack in a
    recording then doesn't make all the rest small, and a few beats in long silence still count.
    """
    peak: Any = measure.max(initial=0.0)
    if peak <= 0:
        return np.zeros_like(measure)
    loud = np.percentile(measure[measure > 1e-3 * peak], 99)
    share: Measure = np.minimum(measure / max(loud, audible), 1.0)
    return share
