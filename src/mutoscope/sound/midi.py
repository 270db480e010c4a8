"""A MIDI file as the numbers that expressions ask for, at any time of a film.

Nothing is laid on a grid: a value is found among the very times of the notes, so that a drum hit of
a millisecond is seen in the one frame in which it is heard.
"""

import logging
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mutoscope.sound.score import Note, Score, read_score

log = logging.getLogger("mutoscope")

PLAIN = ("note", "velocity", "notes", "note_on", "midi_beat", "bend")
"""The names that stand for the piece as a whole."""
NUMBERED = {"ch": range(1, 17), "key": range(128), "cc": range(128)}
"""The names that a number follows: a channel, a key, a controller."""

_RELEASE = 0.12  # seconds in which a note that has ended sinks to 1/e, as bands of sound do
_PULSE = 0.1  # the same for the pulse of an onset
# Seconds by which a note may come before a frame and still be that frame's: in a file every note is
# rounded to a tick, and ticks are about a millisecond.
_INSTANT = 0.0005
_NUMBERED_NAME = re.compile(r"([a-z]+)([0-9]+)")

Value = Callable[[float, float], float]
"""The highest value from one time of the piece to another, in seconds."""


def midi_names() -> tuple[str, ...]:
    """Every name that a MIDI file gives, without its ``_prev``."""
    return PLAIN + tuple(f"{word}{n}" for word, numbers in NUMBERED.items() for n in numbers)


@dataclass(frozen=True, eq=False)
class Midi:
    """What a MIDI file plays during a film.

    A value at ``t`` is the highest within the film frame that would begin at ``t``, as with a
    sound's bands (of ``bend`` the farthest from 0, of ``note`` the newest). Before the film begins
    nothing sounds, and what is held (``note``, ``bend``, controllers) is as at its beginning.

    Attributes:
        path: The file.
        names: Those that `values` gives, without their ``_prev``.
        frame: The length of a frame in seconds.
        offset: Where in the piece the film begins, in seconds.
        end: Where the piece ends, in seconds of its own.
    """

    path: Path
    names: tuple[str, ...]
    frame: float
    offset: float
    end: float
    _values: Mapping[str, Value]

    def values(self, t: float) -> Mapping[str, float]:
        """Each name at ``t`` seconds of the film, and its value a frame before."""
        found = {name: self._value(name, t) for name in self.names}
        return found | {f"{name}_prev": self._value(name, t - self.frame) for name in self.names}

    def _value(self, name: str, t: float) -> float:
        if t < -_INSTANT:
            if not _held(name):
                return 0.0
            t = 0.0
        begin = t + self.offset + _INSTANT
        # What falls on the border between two frames is the later one's.
        return self._values[name](begin, max(begin, begin + self.frame - 2 * _INSTANT))


def play(
    path: str | Path,
    *,
    duration: float,
    frames_per_second: float,
    offset: float = 0.0,
    names: Iterable[str] | None = None,
) -> Midi:
    """Read a MIDI file once, and know each of ``names`` (all by default) at any time of a film.

    Args:
        path: A MIDI file of format 0 or 1.
        duration: The film's length in seconds; a piece that ends sooner is remarked on.
        frames_per_second: The film's.
        offset: Where in the piece the film begins, in seconds; below 0 it begins in silence.
        names: Those that are asked for, of `midi_names`.

    Raises:
        MediaError: The file can't be read.
    """
    score = read_score(path)
    if score.end < offset + duration - 1 / frames_per_second:
        log.warning(
            "%s: ends after %.1f s, at %.1f s of this film of %.1f s; silence follows",
            path, score.end, max(0.0, score.end - offset), duration,
        )  # fmt: skip
    asked = None if names is None else set(names)
    wanted = tuple(name for name in midi_names() if asked is None or name in asked)
    values = _Instruments(score)
    return Midi(
        path=Path(path),
        names=wanted,
        frame=1 / frames_per_second,
        offset=offset,
        end=score.end,
        _values={name: values.value(name) for name in wanted},
    )


def _held(name: str) -> bool:
    return name in ("note", "bend") or name.startswith("cc")


class _Instruments:
    """Makes what each name stands for."""

    def __init__(self, score: Score) -> None:
        self._score = score
        # Each note is looked for by two of the numbered names.
        self._of: dict[tuple[str, int], list[Note]] = {}
        for note in score.notes:
            self._of.setdefault(("ch", note.channel), []).append(note)
            self._of.setdefault(("key", note.key), []).append(note)

    def value(self, name: str) -> Value:
        """The value of ``name``, one of `midi_names`, over time."""
        score = self._score
        if numbered := _NUMBERED_NAME.fullmatch(name):
            word, number = numbered[1], int(numbered[2])
            if word == "cc":
                return _Steps(score.controllers.get(number, ()), max)
            return _loudness(self._of.get((word, number), []))
        match name:
            case "note":
                return _Steps([(n.start, n.key / 127) for n in score.notes], _newest)
            case "velocity":
                return _loudness(score.notes)
            case "notes":
                return _sounding(score.notes)
            case "note_on":
                return _Levels([(n.start, 1.0) for n in score.notes], spikes=True, fall=_PULSE)
            case "bend":
                return _Steps(score.bends, _farthest)
            case _:
                return _Pulses(score.beats)


def _newest(values: list[float]) -> float:
    return values[-1]


def _farthest(values: list[float]) -> float:
    return max(values, key=abs)


class _Steps:
    """What is held from each of ``points`` (seconds, value) to the next; 0 before the first."""

    def __init__(
        self, points: Iterable[tuple[float, float]], choose: Callable[[list[float]], float]
    ) -> None:
        points = list(points)
        self._times = [time for time, _ in points]
        self._values = [0.0, *(value for _, value in points)]
        self._choose = choose

    def __call__(self, begin: float, end: float) -> float:
        """One of the values that are held from ``begin`` to ``end``."""
        first, last = bisect_right(self._times, begin), bisect_right(self._times, end)
        # Of several that are set at one moment only the last is ever held.
        held = [
            self._values[index]
            for index in range(first, last + 1)
            if index == last or self._times[index - 1 : index] != self._times[index : index + 1]
        ]
        return self._choose(held)


class _Levels:
    """A level from each of ``points`` to the next, which sinks to 1/e in ``fall`` where it ends.

    ``spikes``: each level lasts no time and only sinks.
    """

    def __init__(
        self, points: Iterable[tuple[float, float]], *, spikes: bool = False, fall: float = 0.0
    ) -> None:
        points = list(points)
        self._times = [time for time, _ in points]
        self._levels = np.array([level for _, level in points])
        self._fall = fall
        self._spikes = spikes
        self._carried = [0.0]  # what still sinks where each level begins
        for (before, level), (time, _) in pairwise(points):
            # A spike sinks from its beginning on, a level from its end.
            sinks = level * self._sunk(time - before) if spikes else level
            self._carried.append(max(sinks, self._carried[-1] * self._sunk(time - before)))

    def _sunk(self, seconds: float) -> float:
        return math.exp(-seconds / self._fall) if self._fall else 0.0

    def __call__(self, begin: float, end: float) -> float:
        """The highest from ``begin`` to ``end``."""
        first, last = bisect_right(self._times, begin), bisect_right(self._times, end)
        highest = float(self._levels[first:last].max(initial=0.0))
        if first == 0:
            return highest
        level = float(self._levels[first - 1])
        sunk = self._sunk(begin - self._times[first - 1])
        # One that fell within the last instant before the frame began is the frame's.
        now = begin - self._times[first - 1] <= 2 * _INSTANT
        level = level if now or not self._spikes else level * sunk
        return max(highest, level, self._carried[first - 1] * sunk)


def _loudness(notes: Iterable[Note]) -> Value:
    """The velocity of the strongest note that sounds, and a short release after it."""
    changes = _changes(notes)
    points = []
    sounding: list[int] = [0] * 128  # how many sound with each velocity
    loudest = 0
    for time, velocity, ends in changes:
        step = round(velocity * 127)
        sounding[step] += -1 if ends else 1
        loudest = max(loudest, step)
        while loudest and not sounding[loudest]:
            loudest -= 1
        points.append((time, loudest / 127))
    return _Levels(points, fall=_RELEASE)


def _sounding(notes: Iterable[Note]) -> Value:
    """How many notes sound."""
    count = 0
    points = []
    for time, _, ends in _changes(notes):
        count += -1 if ends else 1
        points.append((time, float(count)))
    return _Levels(points)


def _changes(notes: Iterable[Note]) -> list[tuple[float, float, bool]]:
    """When a note begins or ends, its velocity, and whether it ends.

    Of those at one moment ends come first: a note that follows on another is no second one.
    """
    begun = [(note.start, note.velocity, False) for note in notes]
    ended = [(note.end, note.velocity, True) for note in notes]
    return sorted([*begun, *ended], key=lambda change: (change[0], not change[2]))


class _Pulses:
    """1 on each beat, sinking to 0 at the next as (1 − phase)²; 0 outside of the piece."""

    def __init__(self, beats: Iterable[tuple[float, float]]) -> None:
        self._times, self._places = np.array(list(beats)).T

    def __call__(self, begin: float, end: float) -> float:
        """The highest from ``begin`` to ``end``."""
        just_before = begin - 2 * _INSTANT
        begin, end = max(begin, 0.0), min(end, float(self._times[-1]))
        if end < begin or len(self._times) == 1:
            return 0.0
        before, first, last = np.interp(
            [just_before, begin, end], self._times, self._places
        ).tolist()
        if just_before < 0 or math.floor(last) > math.floor(before):
            return 1.0
        return float((1 - first % 1.0) ** 2)
