"""Where sounds begin: the flux of the spectrum, and its peaks.

SuperFlux, after Böck and Widmer, *Maximum Filter Vibrato Suppression for Onset Detection* (DAFx
2013): magnitudes in quarter tones, in logarithms; what is more than a few cells ago in the same or
a neighbouring tone counts as an increase, so that a trembling voice doesn't. Ours has a window of
40 ms rather than 46, so that it is a whole number of cells at any sampling rate.
"""

import numpy as np
import scipy
from numpy.typing import NDArray

from mutoscope.sound.clock import CELLS, Measure, Signal, cell_starts

WINDOW = 8
"""The window's length in cells."""
LAG = 2
"""How many cells an increase is measured over: where a Hann window has fallen to about half."""
DELAY = WINDOW // 2 - 1
"""Cells by which a click is seen before its window ends: in logarithms it rises at once."""
LOWEST, HIGHEST, TONES = 30.0, 17_000.0, 24  # hertz, hertz, tones in an octave
_QUIET = 1e-3  # of a tone's magnitude, as a sine of full scale has about 1: −60 dB is not seen
_ROWS = 250


class Flux:
    """How much louder the tones become from cell to cell, (cells,), at least 0."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._length = WINDOW * rate // CELLS
        # Twice over the window's sum: a sine of amplitude 1 has the magnitude 1.
        hann = np.hanning(self._length + 1)[:-1]
        self._window = (2 * hann / hann.sum()).astype(np.float32)
        self._size = scipy.fft.next_fast_len(self._length, real=True)
        self._tones = _tones(self._size, rate)
        self._past = np.zeros(self._length, np.float32)
        self._before = np.zeros((LAG, self._tones.shape[1]), np.float32)
        self._cells: list[Measure] = []

    def feed(self, block: Signal) -> None:
        """Take the next block, (n,)."""
        signal = np.concatenate([self._past, block])
        self._past = signal[len(block) :]
        # Each window ends where its cell begins; `measure` moves the result back.
        starts = cell_starts(len(block), self._rate)
        windows = np.lib.stride_tricks.sliding_window_view(signal, self._length)
        for first in range(0, len(starts), _ROWS):
            self._take(windows[starts[first : first + _ROWS]])

    def _take(self, windows: NDArray[np.float32]) -> None:
        spectrum = np.abs(scipy.fft.rfft(windows * self._window, self._size, axis=1))
        levels = np.log10(1 + (spectrum @ self._tones) / _QUIET)  # (cells, tones)
        past = np.concatenate([self._before, levels])
        widened = scipy.ndimage.maximum_filter1d(past[:-LAG], 3, axis=1)
        self._cells.append(np.maximum(levels - widened, 0).sum(axis=1, dtype=np.float64))
        self._before = past[-LAG:]

    def measure(self) -> Measure:
        """The flux of all blocks so far, each value where its increase is heard."""
        flux = np.concatenate(self._cells)
        return np.concatenate([flux[DELAY:], np.zeros(min(DELAY, len(flux)))])


def onsets(flux: Measure) -> NDArray[np.intp]:
    """The cells where a sound begins, in order.

    A peak within ±30 ms that stands out from the mean of the 100 ms before and the 70 ms after it,
    30 ms at least after the onset before it; as in the paper. How far it must stand out follows
    the recording: a share of its strongest peaks, and its usual flux, which in noise is high.
    """
    if not len(flux) or flux.max() <= _LEAST:
        return np.empty(0, np.intp)
    least = _SHARE * np.percentile(flux[flux > _LEAST], 98) + np.median(flux)
    ms = CELLS / 1000
    peak = scipy.ndimage.maximum_filter1d(flux, int(60 * ms) + 1, mode="constant")
    mean = scipy.ndimage.uniform_filter1d(
        flux, int(170 * ms) + 1, mode="constant", origin=-int(15 * ms)
    )
    found = np.flatnonzero((flux == peak) & (flux >= mean + least) & (flux > _LEAST))
    kept: list[int] = []
    for cell in found:
        if not kept or cell - kept[-1] > 30 * ms:
            kept.append(int(cell))
    return np.array(kept, np.intp)


_LEAST = 0.5  # of flux: less is the noise of rounding and the beating of steady tones
_SHARE = 0.1


def _tones(size: int, rate: int) -> NDArray[np.float32]:
    """Triangles over the bins of a spectrum, (bins, tones): each the mean of what it covers."""
    highest = min(HIGHEST, 0.5 * rate)
    count = int(np.log2(highest / LOWEST) * TONES) + 1
    centres = LOWEST * 2.0 ** (np.arange(count) / TONES)
    # Low tones lie closer together than bins: those that share one are one.
    bins = np.unique(np.round(centres * size / rate).astype(np.intp))
    tones = np.zeros((size // 2 + 1, max(1, len(bins) - 2)), np.float32)
    for n, (low, middle, high) in enumerate(zip(bins, bins[1:], bins[2:], strict=False)):
        tones[low : middle + 1, n] = np.linspace(0, 1, middle - low + 1)
        tones[middle : high + 1, n] = np.linspace(1, 0, high - middle + 1)
    means: NDArray[np.float32] = tones / np.maximum(1e-9, tones.sum(axis=0))
    return means
