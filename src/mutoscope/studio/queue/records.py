"""Jobs as they are written down: one file of JSON each, whole or not there."""

import json
import logging
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from mutoscope import atomic
from mutoscope.errors import RunError

log = logging.getLogger("mutoscope")

State = Literal["waiting", "running", "stopping", "stopped", "paused", "done", "failed"]

_FORMAT = 1
_NAME = re.compile(r"[0-9a-f]{12}")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Job:
    """Something that is to be done, is done, or was.

    ``command``: the arguments of ``mutoscope``; ``run``: the name in the place of the folder that
    it writes, once that is known; ``added``, ``started``, ``ended``: seconds since 1970;
    ``message``: why it failed, fit for a page.
    """

    id: str
    title: str
    command: tuple[str, ...]
    state: State
    run: str | None = None
    added: float = 0.0
    started: float | None = None
    ended: float | None = None
    message: str = ""


@dataclass(frozen=True)
class Record:
    """A job and what the queue has to know of it.

    ``order``: its place in the queue; ``pid``: its process; ``wish``: what it is to be when it has
    ended, as it was asked to at ``asked``, when it had printed ``heard`` bytes.
    """

    job: Job
    order: float
    pid: int | None = None
    wish: State | None = None
    asked: float | None = None
    heard: int = 0


def write(folder: Path, record: Record) -> None:
    """Write a job down.

    Raises:
        RunError: it can't be.
    """
    values = {"format": _FORMAT, **asdict(record)}
    try:
        atomic.write_text(folder / f"{record.job.id}.json", json.dumps(values, indent=1) + "\n")
    except OSError as error:
        raise RunError(f"the queue can't be written: {atomic.reason(error)}") from error


def read_all(folder: Path) -> dict[str, Record]:
    """All jobs of a folder; one whose file is damaged is passed over with a notice."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        if not _NAME.fullmatch(path.stem):
            continue
        try:
            found[path.stem] = _read(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.warning("%s: is damaged (%s), and is passed over", path, type(error).__name__)
    atomic.sweep_parts(folder)
    return found


def forget(folder: Path, id: str) -> None:  # noqa: A002
    """Remove the files of a job.

    Raises:
        RunError: they can't be.
    """
    try:
        for kind in ("json", "report", "log", "lock"):
            (folder / f"{id}.{kind}").unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"the job can't be removed: {atomic.reason(error)}") from error


def _read(path: Path) -> Record:
    with path.open("rb") as file:
        values = json.loads(file.read(_MOST_BYTES))
    if values["format"] != _FORMAT:
        raise ValueError("of another version")
    job, pid = values["job"], values["pid"]
    return Record(
        job=Job(
            id=path.stem,
            title=str(job["title"]),
            command=tuple(str(word) for word in job["command"]),
            state=_state(job["state"]),
            run=None if job["run"] is None else str(job["run"]),
            added=float(job["added"]),
            started=_moment(job["started"]),
            ended=_moment(job["ended"]),
            message=str(job["message"]),
        ),
        order=float(values["order"]),
        pid=None if pid is None else int(pid),
        wish=None if values["wish"] is None else _state(values["wish"]),
        asked=_moment(values["asked"]),
        heard=int(values["heard"]),
    )


def _moment(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _state(value: object) -> State:
    for state in get_args(State):
        if state == value:
            return state  # type: ignore[no-any-return]
    raise ValueError("no state")
