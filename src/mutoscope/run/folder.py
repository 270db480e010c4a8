"""One run: a folder that can be picked up again, whatever stopped it.

    images_out/<namespace>/<base>/
        settings.yaml            written before the first step
        run.json                 version, base, where relative paths begin, film, backups
        log.jsonl                one line a step
        frames/<base>_<n>.png    each with its recipe
        smoothed/<base>_<n>.png  as the film shows it, where frames are smoothed over time
        state/<n>.safetensors    the newest few, and some spread over the run
        state/paused.safetensors between two frames, where it stopped or was looked at
        latest.png  losses.png  <base>.mp4
        quality.json  quality.png   of a film that is complete
        palette.png  tensorboard/  profile.txt  trace.json   where they are asked for

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
from mutoscope.images import encode
from mutoscope.lock import FolderLock
from mutoscope.run import journal, layout
from mutoscope.run.about import About, FilmPlan
from mutoscope.run.beginning import Beginning
from mutoscope.run.checkpoint import Saved
from mutoscope.run.footage import Footage
from mutoscope.run.founding import establish, take_up, with_scenes
from mutoscope.run.states import States
from mutoscope.settings.document import MAX_KEPT_BYTES

log = logging.getLogger("mutoscope")


class Run:
    """A run's folder, locked for this process until `close`; a context manager.

    ``folder`` is where it lies, ``base`` what its frames' names begin with, ``relative_to`` the
    folder in which the relative paths of its settings begin. Made by `start` or `open`.
    """

    def __init__(self, folder: Path, about: About, lock: FolderLock) -> None:
        self.folder = folder
        self.about = about
        self.base = about.base
        self.relative_to = about.relative_to
        self.log_path = folder / layout.LOG
        self.latest_path = folder / layout.LATEST
        self.losses_path = folder / layout.LOSSES
        self.film_path = folder / f"{about.base}.mp4"
        self._lock = lock
        self._states = States(folder, about.backups, about.resume_points)
        self._footage = Footage(self.film_path, about.film, self._kept)
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
        resume_points: int = 0,
        follows: Mapping[str, str] | None = None,
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
            resume_points: How many more are kept, spread evenly over the frames made so far.
            follows: Digests of the files that the pictures follow, by settings key.
            film: The film to be made, or ``None`` for stills.

        Raises:
            SettingsError: The namespace can't name a folder.
            RunError: The folder can't be made or written, or is in use.
        """
        known = About(
            version=mutoscope.__version__,
            base=namespace,
            relative_to=Path(relative_to).absolute(),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            backups=None if backups is None or math.isinf(backups) else int(backups),
            film=film,
            resume_points=resume_points,
            follows=dict(follows or {}),
        )
        text = with_scenes(settings_text, scenes)
        return cls(*establish(out, namespace, text, known, overwrite=overwrite))

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Take up the folder of a run, to go on with it: then ask for `state` and `rewind`.

        Raises:
            RunError: It is not a run's, what is missing is said; or it is in use.
        """
        folder = Path(folder)
        run = cls(folder, *take_up(folder))
        run._going = False
        return run

    def take(self, beginning: Beginning) -> None:
        """Begin with what another run has kept, before the first frame; then ask for `state`.

        Raises:
            RunError: It can't be copied; the folder is removed again.
        """
        try:
            beginning.copy(self.folder, self.base)
        except BaseException as error:
            self._closed = True
            layout.dissolve(self.folder, self.base)
            self._lock.discard()
            if isinstance(error, OSError):
                raise RunError(
                    f"{self.folder}: can't begin with frames of another run: "
                    f"{atomic.reason(error)}; no step was made"
                ) from error
            raise

    @property
    def settings_text(self) -> str:
        """The settings that the run was started with, as YAML.

        Raises:
            RunError: They can't be read.
        """
        path = self.folder / layout.SETTINGS
        try:
            return atomic.read_bounded(path, MAX_KEPT_BYTES).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{path}: can't be read: {error}") from error

    def frame_path(self, number: int) -> Path:
        """Where frame `number` is kept."""
        return self.folder / layout.FRAMES / f"{self.base}_{number}.png"

    def frames(self) -> list[tuple[int, Path]]:
        """The kept frames and their numbers, in order."""
        return layout.frame_paths(self.folder, self.base)

    def shown(self) -> list[Path]:
        """The kept frames in the order in which the film shows them."""
        frames = [path for _, path in layout.shown_paths(self.folder, self.base)]
        return list(self.about.film.order(frames)) if self.about.film is not None else frames

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
            # First, because it reads the frames that are there so far.
            self._footage.begin()
            atomic.write_bytes(path, data)
            self.log(records, durable=True)
            self._footage.add(image)
            length = journal.length(self.log_path)
            self._states.keep(number, tensors, meta or {}, log_bytes=length)
            self._last = number
            self._going = True
            self._states.prune()
        with self._reporting("the preview can't be written"):
            atomic.write_bytes(self.latest_path, data, durable=False)
        return path

    def keep_smoothed(
        self, number: int, image: Tensor, *, recipe: Mapping[str, Any] | None = None
    ) -> Path:
        """Keep what the film is to show in place of a frame, whether that is kept yet or not.

        Args:
            number: That of the frame.
            image: (1, 3, H, W) in [0, 1].
            recipe: What the picture is to say about its making.

        Returns:
            Where the picture lies.

        Raises:
            RunError: It can't be written. What was kept before stands.
        """
        path = self.folder / layout.SMOOTHED / f"{self.base}_{number}.png"
        with self._reporting(f"frame {number} can't be kept smoothed"):
            if not path.parent.is_dir():
                path.parent.mkdir(exist_ok=True)
                atomic.sync_folder(self.folder)
            atomic.write_bytes(path, encode(image, ".png", recipe=recipe, place=str(path)))
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
            length = journal.length(self.log_path)
            self._states.pause(self._last, tensors, meta or {}, log_bytes=length)

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
        return self._states.newest()

    def rewind(self, number: int) -> None:
        """Drop what lies beyond frame `number`, to go on from there; 0 for the very beginning.

        Later frames and states are removed, the log is cut to where it was, and the film is made
        anew from the frames that stay, when the next one is kept or the run is closed. If the run
        was paused after that frame, what it did up to then stays.

        Raises:
            RunError: There is no state after that frame, or the folder can't be changed.
        """
        if self._footage.running:
            raise ValueError("a run is rewound before it goes on, not while it does")
        with self._reporting("it can't be rewound"):
            length = self._states.log_bytes(number)
            if journal.length(self.log_path) < length:
                log.warning("%s: is shorter than it was; its lines are lost", self.log_path)
            elif self.log_path.exists():
                os.truncate(self.log_path, length)
            # States first: were this cut short, a later one would promise frames that are gone.
            smoothed = layout.smoothed_paths(self.folder, self.base)
            for later, path in [*layout.state_paths(self.folder), *smoothed, *self.frames()]:
                if later > number:
                    path.unlink(missing_ok=True)
            self._states.prune()
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
                self._footage.finish(remake=finish and self._going)
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

    def _kept(self) -> list[Path]:
        """The frames that count, in order, as they are shown."""
        shown = layout.shown_paths(self.folder, self.base)
        return [path for number, path in shown if number <= self._last]

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
