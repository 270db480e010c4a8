"""The doors for Python: a picture from a line, a film from settings, a run from a folder."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from mutoscope.build import Shelf, build
from mutoscope.crew.processes import Processes
from mutoscope.crew.task import CrewWatch
from mutoscope.errors import RunError
from mutoscope.images import from_bytes, save_image, to_bytes
from mutoscope.paint import Frame, Watch
from mutoscope.perform import finish, perform, recipe, start_run
from mutoscope.run import Run
from mutoscope.run.ordered import settings_of_run
from mutoscope.settings import load_settings
from mutoscope.sources import STILL, Source, refuse_taken, settings_of
from mutoscope.sweep.folder import SheetFolder, is_sheet, spares_the_rest
from mutoscope.sweep.jobs import sweep_of
from mutoscope.sweep.outlook import foresee
from mutoscope.sweep.sweeping import fitting_workers, make_swept

log = logging.getLogger("mutoscope")


@dataclass(frozen=True)
class Picture:
    """A finished picture and how it was made; shown by notebooks as itself.

    ``tensor`` is (1, 3, H, W) in [0, 1]; ``recipe`` goes into every file it is saved to.
    """

    tensor: Tensor
    recipe: Mapping[str, Any]

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write it to a PNG, JPEG or WebP file, recipe included.

        Raises:
            MediaError: the file is there and ``overwrite`` is false, or it can't be written.
        """
        path = Path(path)
        refuse_taken(path, overwrite=overwrite)
        save_image(self.tensor, path, recipe=self.recipe)
        return path

    def pil(self) -> Image.Image:
        """The picture for Pillow."""
        return Image.fromarray(self.numpy())

    def numpy(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The picture as bytes, (H, W, 3)."""
        return to_bytes(self.tensor)

    def _repr_png_(self) -> bytes:
        from mutoscope.images import encode

        return encode(self.tensor, ".png", recipe=self.recipe)


@dataclass(frozen=True)
class ContactSheet:
    """A sheet of pictures in its folder, and where each of them lies; shown by notebooks as itself.

    ``pictures`` are all combinations of ``axes``, the last the fastest; None where one could not be
    made.
    """

    path: Path
    axes: tuple[tuple[str, ...], ...]
    pictures: tuple[Path | None, ...]

    @property
    def folder(self) -> Path:
        """Where the sheet, its jobs and the runs of its pictures lie."""
        return self.path.parent

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()


def image(prompt: str, **settings: Any) -> Picture:
    """Make a picture from words, in memory: ``image("a red fox in the snow").save("fox.png")``.

    Args:
        prompt: a scene: prompts separated by ``|``, each with an optional ``:weight``.
        settings: any key of the settings, such as ``seed=7`` or ``width=512``.

    Raises:
        MutoscopeError: a setting is wrong, or something it names can't be had.
    """
    loaded = load_settings({**settings, "scenes": prompt, "save_every": 0}, preset=STILL)
    parts = build(loaded)
    *_, last = parts.animate()
    return Picture(last.image, recipe(parts.settings, last, behind=parts.lineage))


def contact_sheet(
    prompt: str,
    *,
    count: int | None = None,
    explore: bool = False,
    out: str | Path = ".",
    **settings: Any,
) -> ContactSheet:
    """Make a sheet of pictures, in a folder: ``contact_sheet("a red fox in the snow", count=9)``.

    Args:
        prompt: as for `image`.
        count: with this many seeds, one after the other.
        explore: try what stands in braces, in the prompt, ``"sky at {dawn,noon}"``, and in
            settings, ``learning_rate="{0.1,0.2}"``.
        out: the folder in which ``images_out`` lies or is made.
        settings: any key of the settings.

    Raises:
        MutoscopeError: as `image`; `resume` goes on with what was stopped.
    """
    overrides = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in settings.items()
    ]
    shelf: Shelf = {}
    outlook = foresee(sweep_of(prompt, overrides, count=count, explored=explore), shelf)
    with SheetFolder.start(Path(out), outlook.sweep) as sheet:
        return _made(sheet, sheet.unfinished(), shelf)


def animate(source: Source, *overrides: str, watch: Watch | None = None) -> Iterator[Frame]:
    """Paint what ``source`` describes, in memory: yield each frame as soon as it is finished.

    Args:
        source: settings, a mapping of them, or the path of a settings file.
        overrides: ``"key=value"`` texts that win over the source.
        watch: hears of each step, and may ask for the end.

    Raises:
        MutoscopeError: as `image`; before the first frame.
    """
    parts = build(settings_of(source, overrides))
    first = dict[int, Tensor]()  # what a film that closes is led back to
    for frame in parts.animate(watch=watch, kept=first.get):
        if frame.number is not None:
            if frame.number <= parts.schedule.lap:
                first[frame.number] = from_bytes(to_bytes(frame.image))
            yield frame


def render(source: Source, *overrides: str, out: str | Path = ".") -> Path:
    """Make the picture or film that ``source`` describes, in a run's folder; says which.

    Args:
        source: settings, a mapping of them, or the path of a settings file.
        overrides: ``"key=value"`` texts that win over the source.
        out: the folder in which ``images_out`` lies or is made.
    """
    parts = build(settings_of(source, overrides))
    with start_run(parts, Path(out)) as run:
        for _ in perform(parts, run):
            pass
    return run.folder


def resume(folder: str | Path) -> Path:
    """Go on with the run or sheet in ``folder``, as if it never had been stopped."""
    if is_sheet(Path(folder)):
        with SheetFolder.open(folder) as sheet:
            if sheet.sweep.order.swept:
                _swept(sheet)
            else:
                _made(sheet, sheet.left(), {})
        return sheet.folder
    with Run.open(folder) as run:
        settings, saved = settings_of_run(run), run.state()
        if not finish(run, settings, saved):
            for _ in perform(build(settings), run, saved=saved):
                pass
    return run.folder


def _made(sheet: SheetFolder, left: Sequence[int], shelf: Shelf) -> ContactSheet:
    """The sheet, once the pictures that are ``left`` are made; one that can't be is told of."""
    for index in left:
        try:
            for _ in sheet.paint(index, shelf):
                pass
        except RunError as error:
            if not spares_the_rest(error):
                raise
            log.warning("%s: %s", sheet.sweep.jobs[index].name, error)
    if not left:
        sheet.draw()  # the last one may have been finished by itself
    pictures = tuple(sheet.picture(index) for index in range(len(sheet.sweep.jobs)))
    return ContactSheet(sheet.path, sheet.sweep.axes, pictures)


def _swept(sheet: SheetFolder) -> None:
    """Do what is left of a sweep, by as many processes as there is room for."""
    left, threads = sheet.left(), sheet.sweep.order.threads or 1
    workers = 1
    if left:
        outlook = foresee(sheet.sweep, {}, left=left, trials=1, spare=True)
        settings = sheet.sweep.jobs[left[0]].settings
        workers = fitting_workers(len(left), settings, outlook.plan.memory, threads=threads)
    for outcome in make_swept(sheet, Processes(workers, threads), watch=CrewWatch()):
        if outcome.error is not None:
            log.warning("%s: %s", outcome.task.name, outcome.error)


def newest_picture(run: Run) -> Path:
    """The last frame that a run has kept.

    Raises:
        RunError: there is none yet.
    """
    frames = run.frames()
    if not frames:
        raise RunError(f"{run.folder}: no frame was kept yet")
    return frames[-1][1]
