"""The report of a run or film, made and written beside it."""

import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from mutoscope import atomic
from mutoscope.chart import read_records
from mutoscope.errors import MediaError
from mutoscope.images import encode
from mutoscope.quality.measure import measure, read_pictures
from mutoscope.quality.plot import plot
from mutoscope.quality.report import Quality
from mutoscope.quality.wishes import scene_starts, wishes
from mutoscope.run.layout import LOG, QUALITY, QUALITY_PLOT
from mutoscope.schedule import Schedule
from mutoscope.settings import Settings

log = logging.getLogger("mutoscope")

_NUMBER = re.compile(r"_(0|[1-9][0-9]*)\Z")


def keep_quality(
    folder: Path,
    frames: Sequence[Path],
    *,
    settings: Settings,
    schedule: Schedule,
    loops: bool = False,
) -> Quality | None:
    """Measure a run that has come to its end, and write its report; for whoever paints it.

    Nothing that goes wrong here ends a run: it is told in a notice.

    Args:
        folder: The run's.
        frames: Its pictures, in the order in which the film shows them.
        settings: Of the run.
        schedule: Of the run.
        loops: Whether the film is to be played round and round.

    Returns:
        The report, or None where it was not made.
    """
    try:
        quality = judge_run(folder, frames, settings=settings, schedule=schedule, loops=loops)
        write_quality(quality, folder)
    except Exception as error:  # noqa: BLE001 - the run is done, and must not be lost to its report
        log.warning("%s: its quality was not measured (%s)", folder, error)
        return None
    return quality


def judge_run(
    folder: Path,
    frames: Sequence[Path],
    *,
    settings: Settings,
    schedule: Schedule,
    loops: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Quality:
    """Measure the pictures of a run, and how well its prompts were met.

    Args:
        folder: The run's, for its log.
        frames: Its pictures, in the order in which the film shows them.
        settings: Of the run.
        schedule: Of the run.
        loops: Whether the film is to be played round and round.
        progress: Told how many pictures are done.

    Raises:
        MediaError: There is no picture, or one can't be read.
    """
    numbers = [number_of(path, place) for place, path in enumerate(frames, 1)]
    in_film = schedule.animated or loops  # the pictures of a still have no time of their own
    film = measure(
        read_pictures(frames),
        numbers=numbers,
        rate=float(settings.frames_per_second) if in_film else None,
        loops=loops,
        progress=progress,
    )
    met = wishes(
        read_records(folder / LOG), schedule, settings.script,
        numbers=numbers, fade=settings.interpolation_steps,
    )  # fmt: skip
    return Quality.of(folder.name, film, wishes=met, scenes=scene_starts(schedule, numbers))


def write_quality(quality: Quality, folder: Path) -> tuple[Path, Path]:
    """Write ``quality.json`` and ``quality.png`` into a folder, and say where they lie.

    Raises:
        MediaError: They can't be written.
    """
    report, picture = folder / QUALITY, folder / QUALITY_PLOT
    text = json.dumps(quality.to_dict(), ensure_ascii=False, indent=1) + "\n"
    try:
        atomic.write_text(report, text)
        atomic.write_bytes(picture, encode(plot(quality), ".png", place=str(picture)))
    except OSError as error:
        raise MediaError(f"{report}: can't be written: {atomic.reason(error)}") from error
    return report, picture


def number_of(path: Path, place: int) -> int:
    """The number at the end of a picture's name, or else its place among the others."""
    found = _NUMBER.search(path.stem)
    return int(found[1]) if found else place
