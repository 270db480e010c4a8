"""What another run logged, as a number over time."""

import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutoscope.atomic import reason
from mutoscope.errors import MediaError, nearest

MAX_BYTES = 256 * 2**20
MAX_LINE = 2**20


@dataclass(frozen=True, eq=False)
class Logged:
    """A logged value over the seconds of its film: straight from step to step, held at the ends.

    Attributes:
        times: Seconds, rising.
        values: The value at each.
        names: The variables that it looks at.
    """

    times: tuple[float, ...] = field(repr=False)
    values: tuple[float, ...] = field(repr=False)
    names: frozenset[str] = frozenset({"t"})

    def __call__(self, values: Mapping[str, float]) -> float:
        """The value at the ``t`` of ``values``."""
        t = values["t"]
        after = bisect_right(self.times, t)
        if after == 0:
            return self.values[0]
        if after == len(self.times):
            return self.values[-1]
        begin, end = self.times[after - 1 : after + 1]
        share = (t - begin) / (end - begin)
        return self.values[after - 1] + share * (self.values[after] - self.values[after - 1])


def read_logged(path: str | Path, value: str, *, place: str) -> Logged:
    """Read ``value`` out of a run's ``log.jsonl``; steps at which it was not finite are left out.

    The last line may be torn, as that of a run which is being painted.

    Args:
        path: The file, or the folder of the run.
        value: One of the names in its lines, such as ``total``.
        place: Where it is asked for, for messages.

    Raises:
        MediaError: It can't be read, is larger than `MAX_BYTES`, no log, or has no such value.
    """
    path = Path(path)
    if path.is_dir():
        path /= "log.jsonl"
    times: list[float] = []
    values: list[float] = []
    others: set[str] = set()
    for number, record in _records(path, place):
        t = _number(record.get("t"))
        if t is None:
            raise MediaError(
                f"{place}: {path}:{number}: says no time t; give the log.jsonl of a run"
            )
        found = _number(record.get(value))
        others.update(record)
        if found is None:
            continue
        # A run that was rewound goes over a stretch again.
        if times and t <= times[-1]:
            keep = bisect_left(times, t)
            del times[keep:], values[keep:]
        times.append(t)
        values.append(found)
    if not times:
        known = sorted(others - {"step", "frame", "t", "scene"})
        raise MediaError(
            f"{place}: {path}: has no number under {value!r}; "
            + (f"it holds {_shortened(known)}{nearest(value, known)}" if known else "it is empty")
        )
    return Logged(tuple(times), tuple(values))


def _records(path: Path, place: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line and its number."""
    try:
        if not path.is_file():
            raise MediaError(
                f"{place}: {path}: does not exist; give a run's log.jsonl or its folder, as a path "
                "relative to the settings file"
            )
        if path.stat().st_size > MAX_BYTES:
            raise MediaError(
                f"{place}: {path}: is larger than the {MAX_BYTES // 2**20} MiB that a log may have"
            )
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                try:
                    record = json.loads(line)
                    if not isinstance(record, dict):
                        raise ValueError
                except (ValueError, RecursionError):
                    if not line.endswith(b"\n") and len(line) <= MAX_LINE:
                        return  # the last line, and torn
                    raise MediaError(
                        f"{place}: {path}:{number}: is no line of a log; give the log.jsonl of a "
                        "run"
                    ) from None
                yield number, record
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise MediaError(f"{place}: {path}: can't be read: {why}") from error


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _shortened(words: list[str], most: int = 12) -> str:
    shown = [repr(word[:60]) for word in words[:most]]
    return ", ".join(shown) + (f" and {len(words) - most} more" if len(words) > most else "")
