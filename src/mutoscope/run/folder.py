"""One run: a folder that can be picked up again, whatever stopped it.

    images_out/<namespace>/<base>/
        settings.yaml            written before the first step
        run.json                 version, base, where relative paths begin, film, backups
        log.jsonl                one line a step
        frames/<base>_<n>.png    each with its recipe
        state/<n>.safetensors    the newest few
        state/paused.safetensors between two frames, where it stopped or was looked at
        latest.png  losses.png  <base>.mp4

Each file is replaced atomically, and a frame is kept in the order picture, log, film, state: a
state on the disk means that all before it is there. Going on begins at the newest state and drops
what lies beyond it, so that the files of a resumed run are those of the run never stopped.
"""

import contextlib
import logging
import math
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch import Tensor

import mutoscope
from mutoscope import atomic
from mutoscope.chart import losses_chart, read_records
from mutoscope.errors import MediaError, RunError
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.images import encode, load_image
from mutoscope.run import journal, layout
from mutoscope.run.about import About, FilmPlan
from mutoscope.run.checkpoint import SUFFIX, Saved, read_header, read_state, write_state
from mutoscope.run.lock import FolderLock

log = logging.getLogger("mutoscope")


class Run:
    """A run's folder, locked for this process until `close`; a context manager.

    ``folder`` is where it lies, ``base`` what its frames' names begin with, ``relative_to`` the
    folder in which the relative paths of its settings begin. Made by `start` or `open`.
    """

    def __init__(self, folder: Path, about: About, lock: FolderLock) -> None:
        self.folder = folder
        self.base = about.base
        self.relative_to = about.relative_to
        self.log_path = folder / layout.LOG
        self.latest_path = folder / layout.LATEST
        self.losses_path = folder / layout.LOSSES
        self.film_path = folder / f"{about.base}.mp4"
        self._about = about
        self._lock = lock
        self._sink: FilmSink | None = None
        self._last = 0  # the number of the newest frame that counts
        self._going = True  # False while an opened run has not been rewound
        self._closed = False

    @classmethod
    def start(
        cls,
        out: str | Path,
        namespace: str,
        settings_text: str,
        *,
        scenes: Iterable[tuple[float, str]] = (),
        relative_to: str | Path = ".",
        overwrite: bool = False,
        backups: int | float | None = 0,
        film: FilmPlan | None = None,
    ) -> Self:
        """Make the folder of a new run and write its settings, before its first step.

        Args:
            out: The folder in which ``images_out`` lies or is made.
            namespace: The run's name; the folder is ``images_out/<ns>/<ns>``, or the first free
                of ``<ns>(1)``, ``<ns>(2)``….
            settings_text: The settings, as YAML.
            scenes: For each the number of the frame at which it begins, and its text; they follow
                the settings as comments.
            relative_to: Where the relative paths in the settings begin.
            overwrite: Take ``<ns>`` itself and remove the run in it, now: call this when
                everything else is ready. Files that are not a run's own stay.
            backups: How many of the newest states are kept, at least one; ``None`` or infinity
                for all.
            film: The film to be made, or ``None`` for stills.

        Raises:
            SettingsError: The namespace can't name a folder.
            RunError: The folder can't be made or written, or is in use.
        """
        parent = Path(out) / "images_out" / layout.check_namespace(namespace)
        folder, lock = (layout.reclaim if overwrite else layout.claim)(parent, namespace)
        about = About(
            version=mutoscope.__version__,
            base=folder.name,
            relative_to=Path(relative_to).absolute(),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            backups=None if backups is None or math.isinf(backups) else int(backups),
            film=film,
        )
        text = _with_scenes(settings_text, scenes)
        try:
            layout.sweep(folder)
            # The old run goes when the new one's settings are on the disk, and no sooner.
            with atomic.replacing(folder / layout.SETTINGS) as file:
                file.write(text.encode())
                file.flush()
                layout.clear(folder, about.base)
            atomic.write_text(folder / layout.ABOUT, about.to_json())
            layout.make_rooms(folder)
            atomic.sync_folder(parent)
        except BaseException as error:
            if not overwrite:
                layout.dissolve(folder, about.base)
            lock.release()
            if isinstance(error, OSError):
                raise RunError(
                    f"{folder}: the run can't begin: {atomic.reason(error)}; no step was made"
                ) from error
            raise
        return cls(folder, about, lock)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Take up the folder of a run, to go on with it: then ask for `state` and `rewind`.

        Raises:
            RunError: It is not a run's, what is missing is said; or it is in use.
        """
        folder = Path(folder)
        needed = (layout.SETTINGS, layout.ABOUT)
        missing = [name for name in needed if not (folder / name).is_file()]
        if missing:
            raise RunError(layout.no_run(folder, missing))
        lock = FolderLock(folder)
        try:
            run = cls(folder, About.read(folder / layout.ABOUT), lock)
            layout.sweep(folder)
            layout.make_rooms(folder)
        except BaseException as error:
            lock.release()
            if isinstance(error, OSError):
                raise RunError(f"{folder}: can't be opened: {atomic.reason(error)}") from error
            raise
        run._going = False
        return run

    @property
    def settings_text(self) -> str:
        """The settings that the run was started with, as YAML.

        Raises:
            RunError: They can't be read.
        """
        path = self.folder / layout.SETTINGS
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{path}: can't be read: {error}") from error

    def frame_path(self, number: int) -> Path:
        """Where frame `number` is kept."""
        return self.folder / layout.FRAMES / f"{self.base}_{number}.png"

    def frames(self) -> list[tuple[int, Path]]:
        """The kept frames and their numbers, in order."""
        return layout.frame_paths(self.folder, self.base)

    def keep(
        self,
        number: int,
        image: Tensor,
        *,
        tensors: Mapping[str, Tensor],
        meta: Mapping[str, Any] | None = None,
        recipe: Mapping[str, Any] | None = None,
        records: Sequence[Mapping[str, Any]] = (),
    ) -> Path:
        """Keep a frame: picture, log, film and state, in this order, each whole or not at all.

        Args:
            number: Greater than that of the frame before.
            image: (1, 3, H, W) in [0, 1].
            tensors: All that is needed to go on from here, by name.
            meta: What else is needed, as JSON can hold it.
            recipe: What the picture is to say about its making.
            records: Lines for the log, one a step since the frame before.

        Returns:
            Where the picture lies.

        Raises:
            RunError: It can't be written. What was kept before stands, and the run can be
                resumed from it.
        """
        if not self._going or self._closed or number <= self._last:
            raise ValueError(f"frame {number} can't follow {self._last} (open, rewound, forward)")
        path = self.frame_path(number)
        self._going = False  # until all of it is done: after a failure the run must be reopened
        with self._reporting(f"frame {number} can't be kept"):
            data = encode(image, ".png", recipe=recipe, place=str(path))
            # Made first, because it reads the frames that are there so far.
            sink = self._film()
            atomic.write_bytes(path, data)
            self.log(records, durable=True)
            if sink is not None:
                sink.write(image)
            write_state(
                self._state_path(number),
                number,
                tensors,
                meta or {},
                log_bytes=journal.length(self.log_path),
            )
            self._paused.unlink(missing_ok=True)  # it follows the frame before
            self._last = number
            self._going = True
            self._prune()
        with self._reporting("the preview can't be written"):
            atomic.write_bytes(self.latest_path, data, durable=False)
        return path

    def pause(
        self,
        *,
        tensors: Mapping[str, Tensor],
        meta: Mapping[str, Any] | None = None,
        records: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Keep the state between two frames, so that going on begins there: log, then state.

        There is one such state; the next one, or the next frame, replaces it. The arguments are
        those of `keep`.

        Raises:
            RunError: It can't be written. What was kept before stands.
        """
        with self._reporting("the state can't be kept"):
            self.log(records, durable=True)
            write_state(
                self._paused,
                self._last,
                tensors,
                meta or {},
                log_bytes=journal.length(self.log_path),
            )

    def preview(self, image: Tensor) -> None:
        """Replace ``latest.png``, between the frames that are kept.

        Raises:
            RunError: It can't be written.
        """
        with self._reporting("the preview can't be written"):
            data = encode(image, ".png", place=str(self.latest_path))
            atomic.write_bytes(self.latest_path, data, durable=False)

    def log(self, records: Sequence[Mapping[str, Any]], *, durable: bool = False) -> None:
        """Append lines to the log between frames; `keep` does it for its own.

        Raises:
            RunError: They can't be written; the log is then as it was.
        """
        with self._reporting("the log can't be written"):
            journal.append(self.log_path, records, durable=durable)

    def draw_losses(self) -> Path:
        """Draw the log as ``losses.png`` and say where it lies.

        Raises:
            RunError: It can't be written.
        """
        with self._reporting("the plot of the losses can't be written"):
            chart = losses_chart(read_records(self.log_path), title=self.base)
            data = encode(chart, ".png", place=str(self.losses_path))
            atomic.write_bytes(self.losses_path, data)
        return self.losses_path

    def state(self) -> Saved | None:
        """The newest state that can be read, or ``None`` if the run has none yet.

        A damaged one is passed over with a notice, for the one before it.
        """
        for path in self._states():
            try:
                return read_state(path)
            except RunError as error:
                log.warning("%s; going back to the state before it", error)
        return None

    def rewind(self, number: int) -> None:
        """Drop what lies beyond frame `number`, to go on from there; 0 for the very beginning.

        Later frames and states are removed, the log is cut to where it was, and the film is made
        anew from the frames that stay, when the next one is kept or the run is closed. If the run
        was paused after that frame, what it did up to then stays.

        Raises:
            RunError: There is no state after that frame, or the folder can't be changed.
        """
        if self._sink is not None:
            raise ValueError("a run is rewound before it goes on, not while it does")
        with self._reporting("it can't be rewound"):
            length = 0
            if self._pause_follows(number):
                length = read_header(self._paused).log_bytes
            else:
                self._paused.unlink(missing_ok=True)
                if number > 0:
                    length = read_header(self._state_path(number)).log_bytes
            if journal.length(self.log_path) < length:
                log.warning("%s: is shorter than it was; its lines are lost", self.log_path)
            elif self.log_path.exists():
                os.truncate(self.log_path, length)
            # States first: were this cut short, a later one would promise frames that are gone.
            for later, path in [*layout.state_paths(self.folder), *self.frames()]:
                if later > number:
                    path.unlink(missing_ok=True)
            self._prune()
            if number > 0 and self.frame_path(number).exists():
                newest = self.frame_path(number).read_bytes()
                atomic.write_bytes(self.latest_path, newest, durable=False)
            elif number > 0:
                log.warning("%s: is gone; the film will lack it", self.frame_path(number))
        self._last = number
        self._going = True

    def close(self, *, finish: bool = True) -> None:
        """Close the film and unlock the folder. Closing twice is no mistake.

        Args:
            finish: Also make the film anew if it does not hold the frames that were kept, which
                is so when the run was stopped between its last frame and the film's end.

        Raises:
            RunError: The film can't be written. The frames stand; ``mutoscope film`` makes one.
        """
        if self._closed:
            return
        self._closed = True
        try:
            with self._reporting("the film can't be finished"):
                if finish and self._going and self._film_due():
                    self._film()
                if self._sink is not None:
                    self._sink.close()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close(finish=error is None)
        except RunError as second:
            if error is None:
                raise
            # What ended the block is what the user must hear of first.
            log.warning("%s", second)

    @property
    def _paused(self) -> Path:
        return self.folder / layout.PAUSED

    def _state_path(self, number: int) -> Path:
        return self.folder / layout.STATE / f"{number}{SUFFIX}"

    def _states(self) -> list[Path]:
        """The states to go on from, the newest first."""
        states = layout.state_paths(self.folder)
        newest = states[-1][0] if states else 0
        paused = [self._paused] if self._pause_follows(newest) else []
        return [*paused, *(path for _, path in reversed(states))]

    def _pause_follows(self, number: int) -> bool:
        """Whether the run was paused after frame `number` and before the next."""
        try:
            return self._paused.exists() and read_state(self._paused).number == number
        except RunError as error:
            log.warning("%s; going back to the state before it", error)
            return False

    def _film(self) -> FilmSink | None:
        """The film, begun with the frames that are kept already; ``None`` for a still."""
        plan = self._about.film
        if plan is None or self._sink is not None:
            return self._sink
        sink = FilmSink(
            self.film_path,
            plan.rate,
            crf=plan.crf,
            recipe=plan.recipe,
            title=plan.title,
            overwrite=True,
        )
        try:
            for _, path in self._kept():
                try:
                    sink.write(load_image(path))
                except MediaError as error:
                    log.warning("%s; the film leaves this frame out", error)
        except BaseException:
            sink.abort()
            raise
        self._sink = sink
        return sink

    def _kept(self) -> list[tuple[int, Path]]:
        return [(number, path) for number, path in self.frames() if number <= self._last]

    def _film_due(self) -> bool:
        """Whether a film is to be made and the one that is there, if any, is not it."""
        if self._about.film is None or self._sink is not None or not self._kept():
            return False
        try:
            return ClipSource(self.film_path).length != len(self._kept())
        except MediaError:
            return True

    def _prune(self) -> None:
        """Remove all states but the newest."""
        if self._about.backups is None:
            return
        for _, path in layout.state_paths(self.folder)[: -max(1, self._about.backups)]:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        """Turn what the disk refuses into one line: what failed, what stands, how to go on."""
        try:
            yield
        except (OSError, MediaError) as error:
            why = atomic.reason(error) if isinstance(error, OSError) else str(error)
            stands = f"all up to frame {self._last} stands" if self._last else "no frame was kept"
            raise RunError(
                f"{self.folder}: {what}: {why}; {stands}; "
                f"when that is mended, go on with: mutoscope resume {shlex.quote(str(self.folder))}"
            ) from error


def _with_scenes(text: str, scenes: Iterable[tuple[float, str]]) -> str:
    """The settings, followed by a comment for each scene, in one line of printable characters."""
    lines = [text.rstrip("\n")]
    for number, scene in scenes:
        words = " ".join(scene.split())
        lines.append(f"# {number:.2f}: " + "".join(c if c.isprintable() else "�" for c in words))
    return "\n".join(lines) + "\n"
