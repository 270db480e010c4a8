"""The beat of a piece: its tempo, and where each beat falls.

Ellis, *Beat Tracking by Dynamic Programming* (Journal of New Music Research 36, 2007): the tempo is
the lag at which the onsets agree best with themselves, people's liking for 120 beats a minute
considered; the beats are the sequence that meets the strongest onsets at the steadiest pace.
"""

import numpy as np
import scipy
from numpy.typing import NDArray

from mutoscope.sound.clock import CELLS, Measure

SLOWEST, FASTEST = 40.0, 240.0
"""The tempi that are looked for, in beats a minute."""
LIKED, SPREAD = 0.5, 0.9  # seconds between beats, octaves about them
TIGHTNESS = 100.0
"""How much a steady pace weighs against strong onsets (the paper's α)."""
_LEAST = 4  # onsets; fewer have no beat


def beats(flux: Measure, begun: NDArray[np.intp]) -> tuple[NDArray[np.intp], float]:
    """The cells on which the beats fall, and their tempo in beats a minute.

    Args:
        flux: Strength of the onsets, (cells,).
        begun: The cells of the onsets themselves: what has fewer than four, has no beat.

    Returns:
        The cells in order, and the tempo; no cells and 0 where there is no beat.
    """
    none = np.empty(0, np.intp), 0.0
    if len(begun) < _LEAST:
        return none
    # What noise and dense chords always have, says nothing of the beat.
    above = np.maximum(0, flux - scipy.ndimage.uniform_filter1d(flux, CELLS, mode="constant"))
    strength = scipy.ndimage.gaussian_filter1d(above / above.std(), 0.01 * CELLS)
    period = _period(strength)
    if period is None:
        return none
    found = _trimmed(_track(strength, period), strength)
    if len(found) < _LEAST:
        return none
    return found, 60.0 * CELLS / float(np.median(np.diff(found)))


def pulses(cells: NDArray[np.intp], length: int) -> Measure:
    """1 on each beat, sinking to 0 at the next as (1 − phase)²; 0 before the first.

    After the last beat it sinks once more, as long as the beat before.
    """
    value = np.zeros(length)
    if len(cells) < 2:
        return value
    ends = np.append(cells[1:], 2 * cells[-1] - cells[-2])
    for start, end in zip(cells, ends, strict=True):
        phase = np.arange(end - start) / (end - start)
        value[start:end] = (1 - phase[: max(0, length - start)]) ** 2
    return value


def _period(strength: Measure) -> float | None:
    """Cells between two beats, or None if the onsets don't repeat at all."""
    longest = min(int(60 * CELLS / SLOWEST), len(strength) // 2)
    shortest = int(60 * CELLS / FASTEST)
    if longest <= shortest:
        return None
    centred = strength - strength.mean()
    size = scipy.fft.next_fast_len(len(centred) + 4 * longest, real=True)
    power = np.abs(scipy.fft.rfft(centred, size)) ** 2
    agreement = scipy.fft.irfft(power, size)[: 4 * longest]
    lags = np.arange(shortest, longest)
    liking = np.exp(-0.5 * (np.log2(lags / (LIKED * CELLS)) / SPREAD) ** 2)
    # A beat also agrees with itself two and three beats on.
    support = agreement[lags] + 0.5 * agreement[2 * lags] + 0.33 * agreement[3 * lags]
    score = liking * support
    best = int(np.argmax(score))
    return float(lags[best]) if score[best] > 0 else None


def _track(strength: Measure, period: float) -> NDArray[np.intp]:
    """The best sequence of beats by dynamic programming (the paper's equations 2 and 3)."""
    back = np.arange(-round(2 * period), -round(period / 2) + 1)
    cost = TIGHTNESS * np.log(-back / period) ** 2
    before = len(back) - 1 - back[-1]  # cells ahead of the first, where no beat was
    score = np.concatenate([np.zeros(before), strength])
    link = np.full(len(strength), -1, np.intp)
    least = 0.01 * strength.max()
    started = False
    for cell in range(len(strength)):
        at = cell + before
        reach = score[at + back[0] : at + back[-1] + 1] - cost
        best = int(reach.argmax())
        score[at] += reach[best]
        # What comes before the first onset is no beat.
        if started or strength[cell] >= least:
            link[cell] = cell + back[best]
            started = True
    # The last beat: the last cell whose sum is near the highest of the final period.
    tail = score[before:]
    last = int(len(tail) - 1 - np.argmax(tail[::-1][: round(period)]))
    found = []
    while last >= 0:
        found.append(last)
        last = int(link[last])
    return np.array(found[::-1], np.intp)


def _trimmed(found: NDArray[np.intp], strength: Measure) -> NDArray[np.intp]:
    """Without the beats at both ends that lie in silence, where the pace alone put them."""
    if not len(found):
        return found
    there = np.array([strength[max(0, cell - 4) : cell + 5].max() for cell in found])
    strong = np.flatnonzero(there >= 0.5 * np.sqrt(np.mean(there**2)))
    return found[strong[0] : strong[-1] + 1] if len(strong) else found[:0]
