"""The table of a sweep: a row for each job, as CSV and, where it can be, as Parquet.

    job, one column for each axis, state, seconds, tries, steps, loss, loss of each term,
    picture, film, error

``state`` is ``done``, ``failed``, ``begun`` (there is something to go on from) or ``waiting``;
``seconds`` are those of all its tries in all sittings; paths begin in the sweep's folder. What an
earlier sitting has written is read again, so that going on loses nothing of it.
"""

import csv
import importlib
import importlib.util
import io
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mutoscope import atomic
from mutoscope.crew.task import Outcome
from mutoscope.errors import RunError
from mutoscope.paint import RESERVED
from mutoscope.run import layout
from mutoscope.sweep.folder import CSV, PARQUET, SheetFolder

log = logging.getLogger("mutoscope")

_TAIL = 65_536  # bytes at the end of a log in which its last line is looked for
_MOST_BYTES = 64 * 2**20
_ERROR = 2000  # characters of an error


@dataclass(frozen=True)
class Row:
    """What is known of a job; ``axes`` are its values by key, ``losses`` the last ones by term."""

    job: str
    axes: Mapping[str, str]
    state: str = "waiting"
    seconds: float = 0.0
    tries: int = 0
    steps: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    picture: str = ""
    film: str = ""
    error: str = ""


class Results:
    """The rows of the sweep in ``sheet``, in the order of its jobs; read from its folder."""

    def __init__(self, sheet: SheetFolder) -> None:
        self._sheet = sheet
        before = _read(sheet.folder / CSV)
        labels = sheet.sweep.places()
        self.rows = [
            _carried(Row(job.name, dict(map(_parted, own))), before.get(job.name, {}))
            for job, own in zip(sheet.sweep.jobs, labels, strict=True)
        ]
        for index in range(len(self.rows)):
            self.look(index)

    def take(self, index: int, outcome: Outcome) -> None:
        """A job has ended in this way."""
        row = self.rows[index]
        self.rows[index] = replace(
            row,
            seconds=row.seconds + outcome.seconds,
            tries=row.tries + outcome.tries,
            error=(outcome.error or "")[:_ERROR],
        )
        self.look(index)

    def look(self, index: int) -> None:
        """Bring a row to what lies in the folder of its job."""
        row, folder = self.rows[index], self._sheet.folder / self.rows[index].job
        last = _last_line(folder / layout.LOG)
        frames = layout.frame_paths(folder, row.job)
        if self._sheet.complete(index):
            row = replace(row, state="done", error="")
        else:
            begun = "begun" if last else "waiting"
            row = replace(row, state="failed" if row.error else begun)
        film = folder / f"{row.job}.mp4"
        self.rows[index] = replace(
            row,
            steps=last.get("step", 0),
            losses={k: v for k, v in last.items() if k == "total" or k not in RESERVED},
            picture=f"{row.job}/{layout.FRAMES}/{frames[-1][1].name}" if frames else "",
            film=f"{row.job}/{film.name}" if film.exists() else "",
        )

    def write(self) -> None:
        """Write the table.

        Raises:
            RunError: it can't be written.
        """
        columns = self.columns()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        path = self._sheet.folder / CSV
        try:
            atomic.write_text(path, text.getvalue())
            if importlib.util.find_spec("pyarrow") is not None:
                path = self._sheet.folder / PARQUET
                _write_parquet(path, columns)
        except OSError as error:
            raise RunError(
                f"{path}: can't be written: {atomic.reason(error)}; the pictures stand"
            ) from error

    def columns(self) -> dict[str, list[Any]]:
        """The table by columns; None where there is no value."""
        rows = self.rows
        terms = list(dict.fromkeys(name for row in rows for name in row.losses if name != "total"))
        columns: dict[str, list[Any]] = {"job": [row.job for row in rows]}
        for key in rows[0].axes:
            columns[key if key not in _NAMES else f"{key} (tried)"] = _typed(
                [row.axes[key] for row in rows]
            )
        columns |= {
            "state": [row.state for row in rows],
            "seconds": [round(row.seconds, 3) for row in rows],
            "tries": [row.tries for row in rows],
            "steps": [row.steps for row in rows],
            "loss": [row.losses.get("total") for row in rows],
        }
        columns |= {f"loss of {t}": [row.losses.get(t) for row in rows] for t in terms}
        for name in ("picture", "film", "error"):
            columns[name] = [getattr(row, name) or None for row in rows]
        return columns


_NAMES = frozenset(
    {"job", "state", "seconds", "tries", "steps", "loss", "picture", "film", "error"}
)


def tell_missing() -> None:
    """Say how Parquet is had, where it is not."""
    if importlib.util.find_spec("pyarrow") is None:
        log.info(
            "%s only, for %s needs the package pyarrow: pip install 'mutoscope[sweep]'",
            CSV, PARQUET,
        )  # fmt: skip


def _write_parquet(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    types = {"loss": arrow.float64(), "picture": arrow.string(), "film": arrow.string(),
             "error": arrow.string()}  # fmt: skip
    arrays = {
        name: arrow.array(
            list(values),
            type=arrow.float64() if name.startswith("loss of ") else types.get(name),
        )
        for name, values in columns.items()
    }
    with atomic.replacing(path) as file:
        parquet.write_table(arrow.table(arrays), file)


def _parted(label: str) -> tuple[str, str]:
    """The key and the value of an axis's label."""
    key, _, value = label.partition("=")
    return key, value


def _typed(texts: Sequence[str]) -> list[Any]:
    """Values as numbers where all are, else as they stand."""
    for kind in (int, float):
        try:
            numbers = [kind(text) for text in texts]
        except ValueError:
            continue
        if all(map(math.isfinite, numbers)) and max(map(abs, numbers)) < 2**63:
            return numbers
    return list(texts)


def _carried(row: Row, before: Mapping[str, str]) -> Row:
    """A row with what an earlier sitting knew of it."""
    try:
        return replace(
            row,
            seconds=float(before.get("seconds") or 0),
            tries=int(before.get("tries") or 0),
            error=before.get("error") or "",
        )
    except ValueError:
        return row


def _read(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a table by job; none where it is not there or can't be read."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode()
        return {row["job"]: row for row in csv.DictReader(io.StringIO(text)) if row.get("job")}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, csv.Error) as error:
        log.warning("%s: can't be read, so it is begun anew (%s)", path, error)
        return {}


def _last_line(path: Path) -> dict[str, Any]:
    """The last record of a log, its numbers only; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().split(b"\n")
        record = json.loads(next((line for line in reversed(lines) if line.strip()), b"{}"))
    except (OSError, ValueError, RecursionError):
        return {}
    numbers = record.items() if isinstance(record, dict) else ()
    return {key: value for key, value in numbers if isinstance(value, int | float)}
