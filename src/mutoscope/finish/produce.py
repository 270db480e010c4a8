"""Films that take long to make, picture by picture, so that no stop costs much.

The pictures go, in pieces and without loss, into a hidden folder beside the film, and the film is
made of the pieces in the end. Whatever ends the work in between, the same call goes on after the
last whole piece and makes the same film.
"""

import contextlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from mutoscope.atomic import settle, sweep_parts, sync_folder, write_text
from mutoscope.errors import MediaError
from mutoscope.finish.pieces import (
    NEXT,
    PIECE,
    WHOLE,
    Piece,
    Pieces,
    fill,
    pieces_in,
    reporting,
    without_gap,
)
from mutoscope.frames import FilmSink, as_rate
from mutoscope.frames.codecs import codec_of
from mutoscope.frames.mux import sounding
from mutoscope.lock import FolderLock
from mutoscope.provenance import recipe_text
from mutoscope.run.joining import Finish, join
from mutoscope.run.material import Extras
from mutoscope.sound import SoundFile

log = logging.getLogger("mutoscope")

_KEY = "key.json"
_NAMED = "named"  # holds the key of a film that has its name, until nothing else is left
_ROOM = re.compile(r"[0-9]{8}-[0-9]{8}")


class Hands(Protocol):
    """Others who make pictures of a film, on other processes or machines."""

    def make(
        self,
        folder: Path,
        missing: Sequence[tuple[int, int]],
        progress: Callable[[int], None],
    ) -> None:
        """Make the pictures that are missing, as pieces in folders made with `room_in`.

        Args:
            folder: In which those folders are to lie.
            missing: From which number up to which they are wanted, each time.
            progress: Told how many are there now.

        Raises:
            MutoscopeError: They can't all be made. Those that are there stand.
        """


def room_in(folder: Path, first: int, end: int) -> Path:
    """The folder for the pieces of pictures ``first`` up to ``end``."""
    return folder / f"{first:08d}-{end - 1:08d}"


def produce(
    out: Path,
    frames: Callable[[int], Iterator[Tensor]],
    *,
    key: Mapping[str, Any],
    rate: Fraction | float,
    total: int | None,
    sound: Path | None = None,
    sound_from: float = 0.0,
    recipe: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
    hands: Hands | None = None,
) -> None:
    """Write a film of pictures that take long, going on where an earlier call was stopped.

    Pictures are kept as 8 bits in pieces (FFV1) in the folder ``.<name>.work`` beside the film,
    each piece whole or not there; the folder goes when the film has its name. Ctrl-C keeps the
    pictures so far; a kill costs at most one piece.

    Args:
        out: The film; its ending says of which kind (`mutoscope.frames.FilmSink`).
        frames: ``frames(start)`` yields the pictures from number ``start`` on, counted from 0,
            each (1, 3, H, W); a picture must not depend on where it was started.
        key: What the pictures depend on, as JSON. Pieces of another key, or another version of
            this program, are thrown away.
        rate: Pictures per second.
        total: How many there will be, if that is known.
        sound: A file whose sound the film carries.
        sound_from: Where in that sound the film begins, in seconds.
        recipe: What the film is to say about its making.
        overwrite: Whether an existing film may be replaced; it stands until the new one is whole.
        progress: Told how many pictures are done, at the beginning and after each.
        hands: Who else makes what is missing of ``total`` pictures; the film is the same, and what
            a stop costs is a piece of each of them.

    Raises:
        MediaError: The film exists or can't be written, it can't be or have what is asked for, or
            there is no picture. All that can be told at the beginning is.
        RunError: Another process is making this film.
    """
    rate = as_rate(rate, str(out))
    if _was_named(out, _text(key)):
        log.info("%s: is complete; there is nothing left to do", out)
        return
    _check(out, rate, sound=sound, recipe=recipe, overwrite=overwrite)
    told = progress or (lambda _: None)
    with _opened(out, _text(key), gaps=hands is not None) as work:
        if hands is not None and total and not work.whole:
            _share_out(work, hands, out, total=total, progress=told)
        if not work.whole:
            _fill(work, frames, out, total=total, progress=told)
        else:
            told(work.done)
        if not work.done:
            work.remove()
            raise MediaError(f"{out}: there is no picture for it, so no film is written")
        extras = Extras(sound=sound, sound_from=sound_from, recipe=recipe)
        _assemble(work, out, rate, extras, overwrite=overwrite)
        work.remove()


def work_folder(out: Path) -> Path:
    """Where the pieces of the film ``out`` lie while it is being made."""
    return out.with_name(f".{out.name}.work")


def is_taken(out: Path) -> bool:
    """Whether a film can't be made because there is one, and it isn't this very one.

    One that just got its name when the program was ended is told by `produce`, which knows its key.
    """
    return out.exists() and not (work_folder(out) / _NAMED).is_file()


def _was_named(out: Path, text: str) -> bool:
    """Whether the film was complete when an earlier call was ended; what that left goes."""
    folder = work_folder(out)
    mark = folder / _NAMED
    if not (out.is_file() and mark.is_file()):
        return False
    lock = FolderLock(folder)
    try:
        with reporting(folder):
            if mark.read_text(encoding="utf-8") != text:
                mark.unlink()
                return False
            if (made := _film_in(folder, out)).exists():  # then an older one has the name yet
                settle(made, out)
            write_text(folder / _KEY, text)  # it may be gone already
            _Work(folder, text, gaps=True).remove()
    finally:
        _let_go(folder, lock)
    return True


def _text(key: Mapping[str, Any]) -> str:
    """What the pictures depend on, as it is noted."""
    return json.dumps({"key": dict(key), "version": version("mutoscope")}, sort_keys=True)


def _film_in(folder: Path, out: Path) -> Path:
    """Where the film lies until it gets its name."""
    return folder / f"film{out.suffix.lower()}"


class _Work:
    """The folder in which a film is being made, locked.

    With ``gaps`` pieces that lie after a gap stay, to be gone on with by many hands.
    """

    def __init__(self, folder: Path, key: str, *, gaps: bool) -> None:
        self.folder = folder
        sweep_parts(folder)
        held = folder / _KEY
        if not held.is_file() or held.read_text(encoding="utf-8", errors="replace") != key:
            if self._ours() or self._rooms():
                log.info("%s: was begun with other settings, and is begun anew", folder)
            self._clear()
            write_text(held, key)
        self.gather()
        # What comes after a gap is made again otherwise, maybe in pieces that begin elsewhere.
        kept = {piece.path for piece in (pieces_in(folder) if gaps else self.pieces())}
        for path in self._ours():
            if PIECE.fullmatch(path.name) and path not in kept:
                path.unlink()

    @property
    def whole(self) -> bool:
        """Whether the last picture is there."""
        return (self.folder / WHOLE).is_file()

    @property
    def done(self) -> int:
        """How many pictures are there without a gap."""
        pieces = self.pieces()
        return pieces[-1].last + 1 if pieces else 0

    def pieces(self) -> list[Piece]:
        """The pieces from the first picture on, up to a gap."""
        return without_gap(pieces_in(self.folder))

    def missing(self, total: int) -> list[tuple[int, int]]:
        """The pictures that are not there, each time from one number up to another."""
        found, place = [], 0
        for piece in pieces_in(self.folder):
            found.append((place, min(piece.first, total)))
            place = piece.last + 1
        return [(first, end) for first, end in [*found, (place, total)] if first < end]

    def gather(self) -> None:
        """Take the pieces that others have made in folders of their own, and remove those."""
        for room in self._rooms():
            for piece in pieces_in(room):
                with reporting(self.folder / piece.path.name):
                    piece.path.replace(self.folder / piece.path.name)
            shutil.rmtree(room, ignore_errors=True)

    def name(self, out: Path) -> None:
        """Give the film its name, such that a later call knows that it did."""
        with reporting(out):
            write_text(self.folder / _NAMED, (self.folder / _KEY).read_text(encoding="utf-8"))
            settle(_film_in(self.folder, out), out)

    def finish(self) -> None:
        """Note that the last picture is there."""
        with reporting(self.folder / WHOLE):
            write_text(self.folder / WHOLE, "")

    def remove(self) -> None:
        """Remove all that is ours but the lock, which is its holder's to discard."""
        self._clear()
        (self.folder / _KEY).unlink(missing_ok=True)
        sync_folder(self.folder)
        (self.folder / _NAMED).unlink(missing_ok=True)

    def _ours(self) -> list[Path]:
        """The files of ours, apart from key and lock."""
        return [
            path
            for path in self.folder.iterdir()
            if path.name in (WHOLE, NEXT)
            or PIECE.fullmatch(path.name)
            or re.fullmatch(r"film\.[a-z0-9]+", path.name)
        ]

    def _rooms(self) -> list[Path]:
        """The folders in which others have made pieces."""
        found = (path for path in self.folder.iterdir() if _ROOM.fullmatch(path.name))
        return [path for path in found if path.is_dir() and not path.is_symlink()]

    def _clear(self) -> None:
        for path in self._ours():
            path.unlink(missing_ok=True)
        for room in self._rooms():
            shutil.rmtree(room, ignore_errors=True)


def _check(
    out: Path,
    rate: Fraction,
    *,
    sound: Path | None,
    recipe: Mapping[str, Any] | None,
    overwrite: bool,
) -> None:
    """Refuse what can't become a film, before hours go into it."""
    if recipe is not None:
        recipe_text(recipe)
    FilmSink(out, rate, recipe=recipe, overwrite=overwrite).abort()
    if out.is_dir():
        raise MediaError(f"{out}: is a folder; give the film a name of its own")
    if sound is not None:
        sounding(out)
        SoundFile(sound)


@contextlib.contextmanager
def _opened(out: Path, text: str, *, gaps: bool) -> Iterator[_Work]:
    """The work folder of a film, made if need be, and ours alone; gone once its work is removed."""
    folder = work_folder(out)
    with reporting(folder):
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    lock = FolderLock(folder)
    try:
        with reporting(folder):
            work = _Work(folder, text, gaps=gaps)
        yield work
    finally:
        _let_go(folder, lock)


def _let_go(folder: Path, lock: FolderLock) -> None:
    """Release a work folder; one whose work was removed goes as a whole."""
    if (folder / _KEY).exists():
        lock.release()
    else:
        lock.discard()


def _fill(
    work: _Work,
    frames: Callable[[int], Iterator[Tensor]],
    out: Path,
    *,
    total: int | None,
    progress: Callable[[int], None],
) -> None:
    """Write pieces until there is no further picture."""
    done = work.done
    if done:
        log.info("%s: goes on after frame %d%s", out, done, f" of {total}" if total else "")
    progress(done)
    for _ in fill(
        work.folder,
        frames,
        done,
        check=lambda picture: None if done else _check_size(picture, out),
        progress=progress,
    ):
        pass
    work.finish()


def _share_out(
    work: _Work, hands: Hands, out: Path, *, total: int, progress: Callable[[int], None]
) -> None:
    """Let others make what is missing; what they can't know to be missing is left."""
    missing = work.missing(total)
    done = total - sum(end - first for first, end in missing)
    if done:
        log.info("%s: goes on, %d of %d frames are there", out, done, total)
    progress(done)
    try:
        if missing:
            hands.make(work.folder, missing, lambda more: progress(done + more))
    finally:
        work.gather()
    kept = work.pieces()
    for piece in pieces_in(work.folder):
        if piece not in kept:  # fewer pictures came before it than were thought to be there
            piece.path.unlink()


def _check_size(picture: Tensor, out: Path) -> None:
    """Refuse pictures that the film will not hold."""
    height, width = picture.shape[-2:]
    most = min(codec_of(out).largest, codec_of(Path(NEXT)).largest)
    if max(width, height) > most:
        raise MediaError(
            f"{out}: its frames would be {width} × {height}, and a film holds at most {most} a "
            "side; make them smaller"
        )


def _assemble(work: _Work, out: Path, rate: Fraction, extras: Extras, *, overwrite: bool) -> None:
    """Make the film of the pieces, and give it its name."""
    made = _film_in(work.folder, out)
    join(Pieces(work.pieces(), rate), made, extras, Finish(overwrite=True))
    if out.exists() and not overwrite:
        raise MediaError(f"{out}: came to exist while the film was made; give another name")
    work.name(out)
