"""A run that another begins with: its settings, its frames, and the states to go on from."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mutoscope.errors import RunError
from mutoscope.lock import FolderLock
from mutoscope.run import Beginning, InUseError, layout
from mutoscope.run.about import About
from mutoscope.run.checkpoint import read_header, read_state
from mutoscope.schedule import Schedule
from mutoscope.settings import Settings, load_settings
from mutoscope.sources import CARRIERS, recipe_of

log = logging.getLogger("mutoscope")


@dataclass(frozen=True)
class Point:
    """A state that can be gone on from: after ``steps`` steps, of which ``number`` files stand."""

    number: int
    steps: int
    path: Path
    log_bytes: int


@dataclass(frozen=True)
class Take:
    """A run that is only read.

    ``since``: the time, as files have it, when it began; ``points``: its states, in order.
    """

    folder: Path
    base: str
    settings: Settings
    since: float
    points: tuple[Point, ...]

    def point(self, steps: int, schedule: Schedule) -> Point | None:
        """The newest state that can be read of at most ``steps`` steps and suits ``schedule``.

        It suits where the files before it are those of that plan.
        """
        for point in reversed(self.points):
            number = point.number
            last = schedule.steps_of(number) if number else 0
            suits = last == point.steps
            if point.path.name == Path(layout.PAUSED).name:
                suits = last <= point.steps < schedule.steps_of(number + 1)
            if point.steps > steps or not suits:
                continue
            try:
                read_state(point.path)
            except RunError as error:
                log.warning("%s; going back to the state before it", error)
            else:
                return point
        return None

    def beginning(self, point: Point, *, scalars: bool) -> Beginning:
        """All of it that stands at ``point``."""
        frames = layout.frame_paths(self.folder, self.base)
        kept = [(number, path) for number, path in frames if number <= point.number]
        if len(kept) < point.number:
            log.warning(
                "%s: %d of its first %d frames are gone; the new one lacks them, too",
                *(self.folder, point.number - len(kept), point.number),
            )
        smoothed = layout.smoothed_paths(self.folder, self.base)
        events = sorted((self.folder / layout.TENSORBOARD).glob("events.out.tfevents.*"))
        return Beginning(
            frames=kept,
            states=[other.path for other in self.points if other.steps <= point.steps],
            log=self.folder / layout.LOG,
            log_bytes=point.log_bytes,
            scalars=events if scalars else (),
            smoothed=[(number, path) for number, path in smoothed if number <= point.number],
        )


@contextmanager
def taking(folder: Path) -> Iterator[Take]:
    """A run to begin another with, locked meanwhile, so that nobody changes it.

    Raises:
        RunError: it is no run, is damaged, or is being painted.
    """
    needed = (layout.SETTINGS, layout.ABOUT)
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing or (folder / layout.TAKING).exists():
        raise RunError(layout.no_run(folder, missing or ["its beginning"]))
    try:
        lock = FolderLock(folder)
    except InUseError as error:
        raise InUseError(
            f"{error}; nothing can be taken from a run that is being painted"
        ) from error
    try:
        about = About.read(folder / layout.ABOUT)
        path = folder / layout.SETTINGS
        yield Take(
            folder=folder,
            base=about.base,
            settings=load_settings(path, base=about.relative_to, quiet=True),
            since=min(path.stat().st_mtime, _started(about.started)),
            points=tuple(_points(folder)),
        )
    finally:
        lock.release()


def _started(text: str) -> float:
    """The end of the second in which a run began."""
    try:
        return datetime.fromisoformat(text).timestamp() + 1
    except ValueError:
        return float("inf")


def _points(folder: Path) -> Sequence[Point]:
    paths = [path for _, path in layout.state_paths(folder)]
    if (folder / layout.PAUSED).exists():
        paths.append(folder / layout.PAUSED)
    points = []
    for path in paths:
        try:
            header = read_header(path)
        except RunError as error:
            log.warning("%s; it is passed over", error)
            continue
        steps = header.meta.get("steps")
        if isinstance(steps, int) and steps >= 0:
            points.append(Point(header.number, steps, path, header.log_bytes))
    return sorted(points, key=lambda point: point.steps)


def settings_beside(
    old: Settings, source: Path | Mapping[str, Any], overrides: Sequence[str] = ()
) -> tuple[Settings, tuple[str, ...]]:
    """Settings from ``source``, in which what they leave open is as ``old`` has it.

    A seed that nobody wrote, and networks that the program chose, are those of the run: else
    nothing of it could stand.

    Returns:
        The settings, and what was taken, such as ``seed 7``.
    """
    if isinstance(source, Path) and source.suffix.lower() in CARRIERS:
        source = recipe_of(source)["settings"]
    taken: tuple[str, ...] = ()
    seeds = {load_settings(source, overrides, quiet=True).seed for _ in range(3)}
    if len(seeds) > 1:  # one that is drawn is another each time
        overrides, taken = (*overrides, f"seed={old.seed}"), (f"seed {old.seed}",)
    settings = load_settings(source, overrides)
    if "auto" in settings.perceptor_names and "auto" not in old.perceptor_names:
        names = list(old.perceptor_names)
        settings = settings.replace(perceptors=names)
        taken += (f"perceptors {', '.join(names)}",)
    for key in ("depth_model", "precision", "compile"):
        before = getattr(old, key)
        if getattr(settings, key) == "auto" != before:
            settings = settings.replace(**{key: before})
            taken += (f"{key} {before}",)
    return settings, taken
