"""A run in a folder that is given: begun, or gone on with, whichever it needs."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path

import mutoscope
from mutoscope import atomic
from mutoscope.build import Parts, Shelf, build
from mutoscope.build.listening import digests
from mutoscope.errors import RunError
from mutoscope.lock import FolderLock
from mutoscope.paint import Watch
from mutoscope.perform import Kept, film_plan, finish, perform
from mutoscope.run import Run, layout
from mutoscope.run.about import About
from mutoscope.run.ordered import settings_of_run
from mutoscope.settings import Settings
from mutoscope.weights import Progress

Fetching = Callable[[str], Progress]


def paint_run(
    folder: Path,
    settings: Settings,
    shelf: Shelf,
    *,
    progress: Fetching | None = None,
    watch: Watch | None = None,
) -> Generator[Kept, None, None]:
    """Paint the run in ``folder``, or what is left of it: yield each frame once it is on the disk.

    Args:
        folder: its last part names the run's files. Where there is no run in it, one is begun.
        settings: what a new run is to be; one that is there already has its own.
        shelf: where networks are taken from, and left for the next run.
        progress: as for `mutoscope.build.build`.
        watch: hears of each step, and may ask for the end.

    Raises:
        MutoscopeError: it can't be made or kept; what was kept before stands.
    """
    parts: Parts | None = None
    if not (folder / layout.ABOUT).exists():
        parts = build(settings, progress=progress, shelf=shelf)
        _begin(folder, parts)
    with Run.open(folder) as run:
        settings, saved = settings_of_run(run), run.state()
        if not finish(run, settings, saved):
            if parts is None:
                parts = build(settings, progress=progress, shelf=shelf)
            yield from perform(parts, run, saved=saved, watch=watch)


def _begin(folder: Path, parts: Parts) -> None:
    """Make ``folder`` that of a run, which holds its settings and no step yet.

    Raises:
        RunError: it can't be written, or is in use.
    """
    settings = parts.settings
    follows = digests(settings)
    about = About(
        version=mutoscope.__version__,
        base=folder.name,
        relative_to=Path(settings.paths_from).absolute(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        backups=None if settings.backups == "all" else int(settings.backups),
        film=film_plan(settings, parts.schedule, follows, parts.lineage),
        resume_points=settings.resume_points,
        follows=follows,
    )
    try:
        folder.mkdir(exist_ok=True)
        lock = FolderLock(folder)
        try:
            # In this order: where the second lies there is a run, and it has its settings.
            atomic.write_text(folder / layout.SETTINGS, settings.to_yaml())
            atomic.write_text(folder / layout.ABOUT, about.to_json())
            atomic.sync_folder(folder.parent)
        finally:
            lock.release()
    except OSError as error:
        raise RunError(
            f"{folder}: the run can't begin: {atomic.reason(error)}; no step was made"
        ) from error
