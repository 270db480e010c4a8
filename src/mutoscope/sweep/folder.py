"""A sheet's folder: its jobs, their runs, and the sheet that grows with every picture.

    images_out/<name>/
        sheet.json              the jobs, written before the first step
        sheet.png               the pictures so far, each in its place
        results.csv  index.html thumbs/   of a sweep: its table and its page
        01-dawn-oil/            the run of one picture, as any other run

Each run is resumed as runs are, and the sheet is drawn from what they have kept. So whatever ended
the program, going on means: make what is not there yet.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from mutoscope import atomic
from mutoscope.build import Shelf
from mutoscope.closable import Closable
from mutoscope.crew.painting import Fetching, paint_run
from mutoscope.errors import MediaError, MutoscopeError, RunError
from mutoscope.explore import MOST
from mutoscope.frames import ClipSource
from mutoscope.images import load_image
from mutoscope.lock import NAME as LOCK
from mutoscope.lock import FolderLock, was_left
from mutoscope.paint import Watch
from mutoscope.perform import Kept
from mutoscope.run import InUseError, layout
from mutoscope.run.about import About
from mutoscope.run.checkpoint import read_header
from mutoscope.schedule import make_schedule
from mutoscope.settings import Settings
from mutoscope.sheet import Sheet
from mutoscope.sweep.jobs import FILE, Sweep

log = logging.getLogger("mutoscope")

SHEET = "sheet.png"
CSV, PARQUET, PAGE, THUMBS = "results.csv", "results.parquet", "index.html", "thumbs"


class SheetFolder(Closable):
    """A sheet's folder, locked for this process until `close`; a context manager.

    Made by `start` or `open`. ``folder`` is where it lies, ``path`` the sheet itself, ``sweep``
    what it is to hold.
    """

    def __init__(self, folder: Path, sweep: Sweep, lock: FolderLock) -> None:
        self.folder, self.sweep = folder, sweep
        self.path = folder / SHEET
        self._lock = lock
        self._sheet: Sheet | None = None

    @classmethod
    def start(cls, out: Path, sweep: Sweep) -> Self:
        """Make the folder of a new sheet, with its jobs in it, before the first step.

        It is ``images_out/<name>`` or the first free of ``<name>(1)``, ``<name>(2)`` and so on,
        or, where ``allow_overwrite`` is set, ``<name>`` itself, in which an older sheet is then
        removed. Files that are not a sheet's own stay.

        Raises:
            RunError: The folder can't be made or written, or is in use.
        """
        parent = out / "images_out"
        overwrite = sweep.jobs[0].settings.allow_overwrite
        folder, lock = (_reclaim if overwrite else _claim)(parent, sweep.name)
        try:
            # The old sheet goes when the new one's jobs are on the disk, and no sooner.
            with _old_runs(folder, sweep) as old, atomic.replacing(folder / FILE) as file:
                file.write(sweep.to_json().encode())
                file.flush()
                for run in old:
                    layout.clear(run, run.name)
                thumbs = (folder / THUMBS).glob("*.jpg")
                for path in (*(folder / name for name in (SHEET, CSV, PARQUET, PAGE)), *thumbs):
                    path.unlink(missing_ok=True)
            for run in old:
                layout.dissolve(run, run.name)
            atomic.sync_upward(folder, levels=2)
            made = cls(folder, sweep, lock)
            made.draw()
        except BaseException as error:
            if not overwrite:
                with contextlib.suppress(OSError):
                    for name in (FILE, SHEET):
                        (folder / name).unlink(missing_ok=True)
                lock.discard()
            lock.release()
            if isinstance(error, OSError):
                raise RunError(
                    f"{folder}: the sheet can't begin: {atomic.reason(error)}; no step was made"
                ) from error
            raise
        return made

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Take up the folder of a sheet, to go on with it.

        Raises:
            RunError: It is not a sheet's, or it is in use.
        """
        folder = Path(folder)
        if not is_sheet(folder):
            raise RunError(f"{folder}: is not the folder of a sheet: {FILE} is missing")
        lock = FolderLock(folder)
        try:
            atomic.sweep_parts(folder)
            return cls(folder, Sweep.read(folder / FILE), lock)
        except BaseException:
            lock.release()
            raise

    def unfinished(self) -> list[int]:
        """The numbers of the pictures, from 0, that are not there or not complete."""
        return [index for index in range(len(self.sweep.jobs)) if not self.complete(index)]

    def left(self) -> list[int]:
        """The numbers of those to go on with: unfinished, or without the report on their film.

        A report that can't be made leaves a picture finished; the next going on tries once more.
        """
        unfinished = set(self.unfinished())
        return [
            index
            for index in range(len(self.sweep.jobs))
            if index in unfinished or not self._measured(index)
        ]

    def _measured(self, index: int) -> bool:
        """Whether the report on a film's quality is there, where there is to be one."""
        job = self.sweep.jobs[index]
        schedule = make_schedule(job.settings)
        if not (job.settings.quality and (schedule.animated or schedule.lap)):
            return True
        folder = self.folder / job.name
        return all((folder / name).exists() for name in (layout.QUALITY, layout.QUALITY_PLOT))

    def steps(self, index: int) -> int:
        """How many steps a picture takes."""
        return make_schedule(self.sweep.jobs[index].settings).total_steps

    def picture(self, index: int) -> Path | None:
        """Where a finished picture lies, None while it is not."""
        job = self.sweep.jobs[index]
        frames = layout.frame_paths(self.folder / job.name, job.name)
        return frames[-1][1] if frames and self.complete(index) else None

    def paint(
        self,
        index: int,
        shelf: Shelf,
        *,
        progress: Fetching | None = None,
        watch: Watch | None = None,
    ) -> Iterator[Kept]:
        """Make a picture, or what is left of it, and put it on the sheet.

        It is as resumable as any run. When the iteration ends with the picture complete, it is on
        the sheet, and the sheet on the disk.

        Args:
            index: which, from 0.
            shelf: where networks are taken from, and left for the next picture.
            progress: as for `mutoscope.build.build`.
            watch: hears of each step, and may ask for the end.

        Raises:
            MutoscopeError: it can't be made or kept; what was kept before stands.
        """
        job = self.sweep.jobs[index]
        yield from paint_run(
            self.folder / job.name, job.settings, shelf, progress=progress, watch=watch
        )
        self.put(index)
        self.draw()

    def put(self, index: int) -> None:
        """Put a picture on the sheet, if it is finished."""
        if len(self.sweep.jobs) <= MOST and (path := self.picture(index)) is not None:
            self._drawn().put(index, load_image(path))

    def draw(self) -> None:
        """Write the sheet as it is now to the disk.

        Raises:
            RunError: It can't be written.
        """
        if len(self.sweep.jobs) > MOST:
            return  # nobody could see them; a sweep has a page
        data = self._drawn().png(self.sweep.recipe())
        try:
            atomic.write_bytes(self.path, data)
        except OSError as error:
            raise RunError(
                f"{self.path}: can't be written: {atomic.reason(error)}; the pictures stand"
            ) from error

    def close(self) -> None:
        """Unlock the folder. Closing twice is no mistake."""
        self._lock.release()

    def _drawn(self) -> Sheet:
        """The sheet with all that is finished on it; read from the disk once."""
        if self._sheet is None:
            sizes = [picture_size(job.settings) for job in self.sweep.jobs]
            size = (max(width for width, _ in sizes), max(height for _, height in sizes))
            self._sheet = Sheet(self.sweep.axes, size, title=self.sweep.order.title)
            for index in range(len(self.sweep.jobs)):
                self.put(index)
        return self._sheet

    def complete(self, index: int) -> bool:
        """Whether a picture is there with all that belongs to it; only headers are read."""
        job = self.sweep.jobs[index]
        folder = self.folder / job.name
        if was_left(folder):
            return False  # its steps may be done, and its plot and film not
        states = layout.state_paths(folder)
        if not states or not (folder / layout.LOSSES).exists():
            return False
        try:
            steps = read_header(states[-1][1]).meta.get("steps")
        except RunError:
            return False
        if not isinstance(steps, int) or steps < self.steps(index):
            return False
        return job.settings.animation_mode == "off" or _film_is_whole(folder, job.name)


def _film_is_whole(folder: Path, base: str) -> bool:
    """Whether the film of a run that is complete holds all that it is to show; True without one."""
    try:
        plan = About.read(folder / layout.ABOUT).film
        if plan is None:
            return True
        shown = plan.order([path for _, path in layout.frame_paths(folder, base)])
        return ClipSource(folder / f"{base}.mp4").length == len(shown)
    except (RunError, MediaError):
        return False


def is_sheet(folder: Path) -> bool:
    """Whether a folder is that of a sheet."""
    return (folder / FILE).is_file()


def spares_the_rest(error: MutoscopeError) -> bool:
    """Whether an error lies in one picture, such as a loss that blew up, and others may be made.

    A full disk, or a run that another process holds, does not.
    """
    return isinstance(error, RunError) and not isinstance(error.__cause__, OSError)


def picture_size(settings: Settings) -> tuple[int, int]:
    """Width and height of the picture that settings make, before a canvas rounds them."""
    initial = None
    if -1 in (settings.width, settings.height) and settings.init_image:
        image = load_image(settings.resolve(settings.init_image))
        initial = (image.shape[-1], image.shape[-2])
    width, height = settings.size(initial)
    return width * settings.pixel_size, height * settings.pixel_size


# ── getting a folder ──


def _claim(parent: Path, name: str) -> tuple[Path, FolderLock]:
    """An empty folder for a sheet, the first free of ``name``, ``name(1)``…, locked."""
    index = 0
    while True:
        folder = parent / (name if index == 0 else f"{name}({index})")
        try:
            with contextlib.suppress(FileExistsError):  # a file has that name
                folder.mkdir(parents=True, exist_ok=True)
            if (lock := _take_if_empty(folder)) is not None:
                return folder, lock
        except OSError as error:
            raise RunError(
                f"{folder}: can't be made: {atomic.reason(error)}; nothing was changed"
            ) from error
        index += 1


def _take_if_empty(folder: Path) -> FolderLock | None:
    """The lock of a folder that holds nothing, or only what a false start left; else ``None``."""
    if not folder.is_dir() or not _empty(folder):
        return None
    try:
        lock = FolderLock(folder)
    except InUseError:
        return None
    if _empty(folder):  # still, now that nobody else can change it
        atomic.sweep_parts(folder)
        return lock
    lock.release()
    return None


def _empty(folder: Path) -> bool:
    return all(path.name == LOCK or atomic.is_part(path) for path in folder.iterdir())


def _reclaim(parent: Path, name: str) -> tuple[Path, FolderLock]:
    """The folder ``name`` itself, locked, for a sheet that may overwrite the one before."""
    folder = parent / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder}: can't be made: {atomic.reason(error)}; nothing was changed"
        ) from error
    if (folder / SHEET).exists() and not is_sheet(folder):
        raise RunError(
            f"{folder}: holds {SHEET}, but not from a sheet of this program, so nothing is "
            "overwritten; choose another file_namespace"
        )
    return folder, FolderLock(folder)


@contextlib.contextmanager
def _old_runs(folder: Path, sweep: Sweep) -> Iterator[list[Path]]:
    """The folders of an older sheet's runs, and those that stand in the new one's way, locked.

    Raises:
        RunError: One of them is in use, or is no run's.
    """
    names = {job.name for job in sweep.jobs}
    if is_sheet(folder):
        try:
            names |= {job.name for job in Sweep.read(folder / FILE).jobs}
        except RunError as error:
            log.warning("%s; runs that only it knows of stay", error)
    found = [folder / name for name in sorted(names) if (folder / name).is_dir()]
    for run in found:
        ours = (run / layout.ABOUT).exists() or (run / LOCK).exists()
        if not ours and layout.own_files(run, run.name):
            raise RunError(
                f"{run}: holds files, but not from a run of this program, so nothing is "
                "overwritten; choose another file_namespace"
            )
    with contextlib.ExitStack() as locks:
        for run in found:
            locks.callback(FolderLock(run).release)
        yield found
