"""Standard MIDI files, read with limits: notes, controllers and beats, in seconds.

After *Standard MIDI Files 1.0* (MIDI Manufacturers Association, RP-001). A file may come from
anywhere: every length is checked against what is there, no number grows without bounds, and the
work is in proportion to the file. What is damaged is left out, as players do, and said.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mutoscope.atomic import reason
from mutoscope.errors import MediaError

log = logging.getLogger("mutoscope")

MAX_BYTES = 8 * 2**20
MAX_EVENTS = 500_000
MAX_TEMPI = 20_000
MAX_TRACKS = 1_000
LONGEST = 24 * 3600.0
"""The longest piece, in seconds."""
SHORTEST = 0.001
"""A note that ends where it begins, as drums are often written, lasts so many seconds."""

_TEMPO = 500_000  # microseconds a beat, where a file says none
_FILM_RATES = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}
_OFF, _ON, _CONTROLLER, _BEND = 0x8, 0x9, 0xB, 0xE
_LENGTHS = {_OFF: 2, _ON: 2, 0xA: 2, _CONTROLLER: 2, 0xC: 1, 0xD: 1, _BEND: 2}


class Note(NamedTuple):
    """A key struck and released: seconds, channel 1 to 16, key 0 to 127, velocity in (0, 1]."""

    start: float
    end: float
    channel: int
    key: int
    velocity: float


@dataclass(frozen=True)
class Score:
    """What a file plays, in seconds of its own time.

    Attributes:
        notes: In the order in which they are struck.
        controllers: For each number 0 to 127 that is used, when it is set and to what in [0, 1].
        bends: When the pitch wheel is moved, and to where in [-1, 1].
        beats: Points ``(seconds, beats)`` between which beats pass evenly; one point where the
            file counts frames instead of beats.
        end: Where the last event is.
    """

    notes: tuple[Note, ...]
    controllers: Mapping[int, tuple[tuple[float, float], ...]]
    bends: tuple[tuple[float, float], ...]
    beats: tuple[tuple[float, float], ...]
    end: float


def read_score(path: str | Path) -> Score:
    """Read a MIDI file of format 0 or 1, bare or in RIFF (``.rmi``).

    Raises:
        MediaError: It is not there, larger than `MAX_BYTES`, no MIDI file, one of format 2, holds
            more than is allowed, or neither note nor controller.
    """
    path = Path(path)
    data = _bytes(path)
    start = data.find(b"MThd", 0, 256) if data[:4] == b"RIFF" and data[8:12] == b"RMID" else 0
    if start < 0 or data[start : start + 4] != b"MThd" or len(data) < start + 14:
        raise MediaError(f"{path}: is no MIDI file; give one that ends in .mid")
    length, kind, _, division = (
        int.from_bytes(data[start + at : start + at + size])
        for at, size in ((4, 4), (8, 2), (10, 2), (12, 2))
    )
    if kind > 1:
        raise MediaError(
            f"{path}: is a MIDI file of format {kind}, whose tracks are pieces of their own; "
            "save it as format 0 or 1"
        )
    reading = _Reading(path)
    for number, (first, stop) in enumerate(_tracks(data, start + 8 + length)):
        if number == MAX_TRACKS:
            raise MediaError(f"{path}: has more than {MAX_TRACKS} tracks; give a smaller one")
        reading.track(data[first:stop])
    score = _score(reading, division)
    if not (score.notes or score.controllers or score.bends):
        raise MediaError(f"{path}: has neither notes nor controllers in it; give another MIDI file")
    return score


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            what = "is a folder, not a MIDI file" if path.is_dir() else "does not exist"
            raise MediaError(f"{path}: {what}; paths are relative to the settings file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise MediaError(f"{path}: can't be read: {why}") from error
    if len(data) > MAX_BYTES:
        raise MediaError(
            f"{path}: is larger than the {MAX_BYTES // 2**20} MiB that a MIDI file may have"
        )
    return data


def _tracks(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Where each track's events begin and end; other chunks are passed over."""
    while at + 8 <= len(data):
        stop = at + 8 + int.from_bytes(data[at + 4 : at + 8])
        if data[at : at + 4] == b"MTrk":
            yield at + 8, min(stop, len(data))
        at = stop


class _Event(NamedTuple):
    """A channel's message, ``kind`` being the upper half of its status byte."""

    tick: int
    kind: int
    channel: int
    first: int
    second: int


@dataclass
class _Reading:
    """The events of all tracks so far, by their ticks."""

    path: Path
    events: list[_Event] = field(default_factory=list)
    tempi: list[tuple[int, int]] = field(default_factory=list)
    last: int = 0
    count: int = 0

    def track(self, data: bytes) -> None:
        """Take the events of a track; from where it is damaged on it is left out."""
        try:
            self._take(data)
        except IndexError:
            log.warning("%s: a track of it is damaged, and its rest left out", self.path)

    def _take(self, data: bytes) -> None:
        at = tick = 0
        running = 0
        while at < len(data):
            delta, at = _number(data, at)
            tick += delta
            status = data[at]
            if status >= 0x80:
                at += 1
            elif running:
                status = running  # the status byte of the message before goes on
            else:
                raise IndexError
            self._count()
            if status >= 0xF0:
                if status not in (0xF0, 0xF7, 0xFF):
                    raise IndexError  # no file may hold it, and how long it is is not known
                meta = data[at] if status == 0xFF else None
                length, at = _number(data, at + (meta is not None))
                content, at = data[at : at + length], at + length
                if at > len(data):
                    raise IndexError
                self._meta(meta, content, tick)
                if meta == 0x2F:
                    break
                continue
            running = status
            length = _LENGTHS[status >> 4]
            first, second = data[at], data[at + 1] if length == 2 else 0
            at += length
            if first > 127 or second > 127:
                raise IndexError
            self.events.append(_Event(tick, status >> 4, (status & 15) + 1, first, second))
            self.last = max(self.last, tick)

    def _meta(self, kind: int | None, content: bytes, tick: int) -> None:
        if kind == 0x51 and len(content) == 3 and (tempo := int.from_bytes(content)):
            if len(self.tempi) == MAX_TEMPI:
                raise MediaError(
                    f"{self.path}: changes its tempo more than {MAX_TEMPI} times; give one that "
                    "has fewer"
                )
            self.tempi.append((tick, tempo))
        elif kind == 0x2F:
            self.last = max(self.last, tick)

    def _count(self) -> None:
        self.count += 1
        if self.count > MAX_EVENTS:
            raise MediaError(
                f"{self.path}: has more than {MAX_EVENTS} events; give a smaller MIDI file"
            )


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to four bytes of seven bits, and where it ends."""
    value = 0
    for place in range(at, at + 4):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    raise IndexError


@dataclass(frozen=True)
class _Clock:
    """From ticks to seconds: points ``(tick, seconds)``, and a tick's seconds after each."""

    points: list[tuple[int, float]]
    rates: list[float]

    def __call__(self, ticks: Iterator[int]) -> Iterator[float]:
        """The seconds of ``ticks``, which never go back."""
        index = 0
        for tick in ticks:
            while index + 1 < len(self.points) and self.points[index + 1][0] <= tick:
                index += 1
            place, seconds = self.points[index]
            yield seconds + (tick - place) * self.rates[index]


def _clock(reading: _Reading, division: int) -> _Clock:
    if division >= 0x8000:
        rate = _FILM_RATES.get(0x100 - (division >> 8))
        if rate is None or not division & 0xFF:
            raise MediaError(
                f"{reading.path}: counts time in a way that is not known; it is damaged"
            )
        return _Clock([(0, 0.0)], [1 / (rate * (division & 0xFF))])
    if division == 0:
        raise MediaError(f"{reading.path}: has 0 ticks a beat; it is damaged")
    points, rates = [(0, 0.0)], [_TEMPO / 1e6 / division]
    # In the order of the ticks, and of the tracks where ticks are equal.
    for tick, tempo in sorted(reading.tempi, key=lambda change: change[0]):
        place, seconds = points[-1]
        points.append((tick, seconds + (tick - place) * rates[-1]))
        rates.append(tempo / 1e6 / division)
    return _Clock(points, rates)


def _score(reading: _Reading, division: int) -> Score:
    clock = _clock(reading, division)
    (end,) = clock(iter((reading.last,)))
    if end > LONGEST:
        raise MediaError(
            f"{reading.path}: lasts {end / 3600:.3g} hours; allowed are at most {LONGEST / 3600:g}"
        )
    events = sorted(reading.events, key=lambda event: event.tick)
    times = list(clock(event.tick for event in events))
    controllers: dict[int, list[tuple[float, float]]] = {}
    bends = []
    for event, time in zip(events, times, strict=True):
        if event.kind == _CONTROLLER:
            controllers.setdefault(event.first, []).append((time, event.second / 127))
        elif event.kind == _BEND:
            way = event.first + 128 * event.second - 8192
            bends.append((time, way / 8192 if way < 0 else way / 8191))
    beats = [(0.0, 0.0)]
    if division < 0x8000:
        ticks = sorted({tick for tick, _ in clock.points} | {reading.last})
        # A change of tempo after the last event plays no part.
        ticks = [tick for tick in ticks if 0 < tick <= reading.last]
        beats += zip(clock(iter(ticks)), (tick / division for tick in ticks), strict=True)
    return Score(
        notes=tuple(sorted(_notes(events, times, end), key=lambda note: (note.start, note.key))),
        controllers={number: tuple(points) for number, points in controllers.items()},
        bends=tuple(bends),
        beats=tuple(beats),
        end=end,
    )


def _notes(events: list[_Event], times: list[float], end: float) -> Iterator[Note]:
    """The notes: one that is struck anew ends there, and one that is never released at the end."""
    struck: dict[tuple[int, int], tuple[float, float]] = {}
    for event, time in zip(events, times, strict=True):
        if event.kind not in (_ON, _OFF):
            continue
        place = event.channel, event.first
        if (before := struck.pop(place, None)) is not None:
            start, velocity = before
            yield Note(start, max(time, start + SHORTEST), *place, velocity)
        if event.kind == _ON and event.second:  # velocity 0 is another way to write a release
            struck[place] = time, event.second / 127
    for place, (start, velocity) in struck.items():
        yield Note(start, max(end, start + SHORTEST), *place, velocity)
