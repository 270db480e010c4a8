"""A call's work: a run in a hidden folder beside its results, until they are whole.

Whatever ends a call in between, the same call goes on with the run that it finds. What is done goes
to where it was asked for as soon as it is done, and the hidden folder goes when all of it is.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope import __version__, atomic
from mutoscope.build import Shelf, build
from mutoscope.errors import MediaError, RunError
from mutoscope.images import load_image
from mutoscope.paint import Watch
from mutoscope.perform import finish, perform, start_run
from mutoscope.provenance import read_recipe
from mutoscope.run import Run
from mutoscope.run.layout import ABOUT
from mutoscope.run.ordered import settings_of_run
from mutoscope.settings import Settings
from mutoscope.vqgan_clip.mapping import advising

log = logging.getLogger("mutoscope")

_CALL = "call.json"
_NAMED = "named"  # holds the call once its film is to get its name, until nothing else is left


@dataclass(frozen=True)
class Done:
    """A picture that is done: its number (0 for a look at a still), and what it says of itself."""

    number: int
    image: Tensor  # (1, 3, H, W)
    recipe: Mapping[str, Any]
    records: tuple[Mapping[str, float], ...] = ()


def work_folder(target: Path) -> Path:
    """The hidden folder of a call whose results go to ``target``."""
    return target.absolute().with_name(f".{target.absolute().name}.work")


class Work:
    """The hidden folder of one call.

    Args:
        target: the file or folder that the results are for.
        call: what they depend on, as JSON.
        told: what each picture is to say of the call.
        overwrite: whether what another call has left unfinished may be thrown away.

    Attributes:
        folder: where it lies.
        begun: whether the same call was here before and was stopped.
        named: whether it was so near its end that its film had its name, or was to get it.

    Raises:
        RunError: another call was stopped here.
        MediaError: the folder can't be made.
    """

    def __init__(
        self,
        target: Path,
        call: Mapping[str, Any],
        *,
        told: Mapping[str, Any],
        overwrite: bool = False,
    ) -> None:
        self.folder = work_folder(target)
        text = json.dumps({"version": __version__, **call}, sort_keys=True, default=str)
        self.told = {**told, "digest": hashlib.sha256(text.encode()).hexdigest()[:32]}
        held = self.folder / _CALL
        self.begun = held.is_file() and held.read_text("utf-8", errors="replace") == text
        mark = self.folder / _NAMED
        marked = mark.is_file()
        self.named = marked and mark.read_text("utf-8", errors="replace") == text
        if (held.is_file() and not self.begun) or (marked and not self.named):
            if not (overwrite or marked) and self.run_folder() is not None:
                raise RunError(
                    f"{self.folder}: holds what another call for {target.name} has begun and not "
                    "finished; make that call again to finish it, or delete this folder"
                )
            shutil.rmtree(self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic.write_text(held, text)
        except OSError as error:
            raise MediaError(
                f"{target}: can't be made there: {atomic.reason(error)}; give another place"
            ) from error

    def paint(
        self, settings: Callable[[], Settings], *, shelf: Shelf, watch: Watch | None = None
    ) -> Iterator[Done]:
        """Paint what ``settings`` describe, or go on: yield each picture, from the first on."""
        found = self.run_folder()
        with advising():
            if found is None:
                wanted = settings().replace(file_namespace="run", allow_overwrite=False, film=False)
                parts = build(wanted, shelf=shelf)
                run, saved = start_run(parts, self.folder), None
            else:
                run = Run.open(found)
                parts, saved = None, run.state()
        with run:
            settled = settings_of_run(run)
            if found is not None:
                complete = finish(run, settled, saved)
                newest = saved.number if saved else 0
                for number, path in run.frames():
                    if number <= newest:
                        yield self._done(number, path)
                if complete:
                    return
                with advising():
                    parts = build(settled, shelf=shelf)
            assert parts is not None  # noqa: S101
            for kept in perform(parts, run, saved=saved, watch=watch):
                if (numbered := kept.frame.number) is not None:
                    yield self._done(numbered, kept.picture, tuple(kept.frame.records))

    def seed_of(self, results: Iterable[Path]) -> int | None:
        """The seed by which this same call made all of ``results`` already; None if it didn't."""
        seed: int | None = None
        for path in results:
            try:
                recipe = read_recipe(path) if path.is_file() else None
            except MediaError:
                return None
            call = recipe.get("call") if recipe else None
            if not isinstance(call, Mapping) or call.get("digest") != self.told["digest"]:
                return None
            assert recipe is not None  # noqa: S101
            seed = recipe["settings"].get("seed")
        return seed

    def film(self, out: Path) -> Path:
        """Where the film ``out`` is made until it is whole."""
        return self.folder / f"film{out.suffix.lower()}"

    def name(self, out: Path) -> None:
        """Give the film its name, if it has not got it, such that a later call knows of that.

        Raises:
            MediaError: it can't be.
        """
        try:
            atomic.write_text(self.folder / _NAMED, (self.folder / _CALL).read_text("utf-8"))
            if self.film(out).exists():
                atomic.settle(self.film(out), out)
        except OSError as error:
            raise MediaError(
                f"{out}: can't be written: {atomic.reason(error)}; the same command goes on"
            ) from error

    def remove(self) -> None:
        """All results are where they were asked for: nothing of the work is needed any more.

        From the first moment on there is no run, and what tells of the call goes last: what a kill
        leaves of the folder is gone on with by nobody, and known to be ours.
        """
        if (self.folder / _CALL).is_file():
            for about in self._abouts():
                about.unlink()
            for path in self.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name not in (_CALL, _NAMED):
                    path.unlink()
            (self.folder / _CALL).unlink()
            atomic.sync_folder(self.folder)
            (self.folder / _NAMED).unlink(missing_ok=True)
            self.folder.rmdir()

    def forget_if_nothing_is_done(self) -> None:
        """Leave nothing of a call that failed before its run began."""
        if self.run_folder() is None:
            self.remove()

    def _done(self, number: int, path: Path, records: tuple[Mapping[str, float], ...] = ()) -> Done:
        recipe = {**(read_recipe(path) or {}), "call": self.told}
        return Done(number, load_image(path), recipe, records)

    def run_folder(self) -> Path | None:
        """The folder of the run, if it was begun."""
        abouts = self._abouts()
        return abouts[0].parent if abouts else None

    def _abouts(self) -> list[Path]:
        return sorted(self.folder.glob(f"images_out/run/*/{ABOUT}"))


def claim_folder(
    folder: Path,
    *,
    ours: Callable[[str], bool],
    begun: bool,
    overwrite: bool,
    of: str,
) -> None:
    """Make the folder for numbered pictures, or see that it may be used; nothing foreign goes.

    Args:
        folder: made with its parents if need be.
        ours: whether a file of that name is one that will be written.
        begun: whether this work was begun before, so that such files are its own.
        overwrite: whether earlier files of such names may be removed.
        of: the argument that names the folder.

    Raises:
        MediaError: it holds other files, or can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise MediaError(
            f"{of}: {folder} can't be used as a folder: {atomic.reason(error)}"
        ) from error
    strange = [name for name in names if not ours(name)]
    taken = strange if begun or overwrite else names
    if taken:
        more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        advice = (
            "give an empty folder, or a new one"
            if strange
            else "give another folder, or let it be replaced: config.settings = "
            "{'allow_overwrite': True}"
        )
        raise MediaError(
            f"{of}: {folder} holds {taken[0]}{more}, and nothing there is deleted; {advice}"
        )
    if overwrite and not begun:
        for name in names:
            (folder / name).unlink()


def claim_file(path: Path, *, begun: bool, overwrite: bool, endings: Collection[str]) -> None:
    """See that a result may be written to ``path``, and make its folder.

    Raises:
        MediaError: it is there already, or has no ending that says how to write it.
    """
    if path.suffix.lower() not in endings:
        raise MediaError(
            f"{path}: its ending says how it is written; give it one of {', '.join(endings)}"
        )
    if path.is_dir() or (path.exists() and not (overwrite or begun)):
        raise MediaError(
            f"{path}: is there already and is not overwritten; give another name, or let it be "
            "replaced: config.settings = {'allow_overwrite': True}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"{path}: can't be made: {atomic.reason(error)}") from error


def claim_film(path: Path, *, overwrite: bool) -> None:
    """See that a film may be written to ``path``, before any work.

    One that just got its name when the program was ended is told by `Work`, which knows the call.

    Raises:
        MediaError: it is there already, or its folder isn't.
    """
    named = (work_folder(path) / _NAMED).is_file()
    if path.is_dir() or (path.exists() and not (overwrite or named)):
        raise MediaError(f"{path}: exists already; choose another name, or --overwrite")
    if not path.parent.is_dir():
        raise MediaError(f"{path}: there is no folder {path.parent}; make it first")
