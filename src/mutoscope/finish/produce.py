"""Films that take long to make, picture by picture, so that no stop costs much.

The pictures go, in pieces and without loss, into a hidden folder beside the film, and the film is
made of the pieces in the end. Whatever ends the work in between, the same call goes on after the
last whole piece and makes the same film.
"""

import contextlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope.atomic import reason, settle, sweep_parts, write_text
from mutoscope.errors import MediaError
from mutoscope.frames import ClipSource, FilmSink, Source, as_rate
from mutoscope.frames.codecs import codec_of
from mutoscope.frames.mux import sounding
from mutoscope.lock import NAME as LOCK
from mutoscope.lock import FolderLock
from mutoscope.provenance import recipe_text
from mutoscope.run.joining import Finish, join
from mutoscope.run.material import Extras
from mutoscope.sound import SoundFile

log = logging.getLogger("mutoscope")

PIECE_FRAMES = 48
"""The most pictures in a piece."""

PIECE_SECONDS = 15.0
"""After how long a piece is closed although it is short: what a power cut costs at most."""

_KEY = "key.json"
_WHOLE = "whole"  # says that the last picture is in the last piece
_NEXT = "next.mkv"
_PIECE = re.compile(r"([0-9]{8})-([0-9]{8})\.mkv")
_CLOCK = Fraction(25)  # of the pieces, which are read picture by picture; any would do
_NO_LIMIT = 1 << 40


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

    Raises:
        MediaError: The film exists or can't be written, it can't be or have what is asked for, or
            there is no picture. All that can be told at the beginning is.
        RunError: Another process is making this film.
    """
    rate = as_rate(rate, str(out))
    _check(out, rate, sound=sound, recipe=recipe, overwrite=overwrite)
    with _opened(out, key) as work:
        if not work.whole:
            _fill(work, frames, out, total=total, progress=progress)
        elif progress is not None:
            progress(work.done)
        if not work.done:
            work.remove()
            raise MediaError(f"{out}: there is no picture for it, so no film is written")
        extras = Extras(sound=sound, sound_from=sound_from, recipe=recipe)
        _assemble(work, out, rate, extras, overwrite=overwrite)
        work.remove()


def work_folder(out: Path) -> Path:
    """Where the pieces of the film ``out`` lie while it is being made."""
    return out.with_name(f".{out.name}.work")


@dataclass(frozen=True)
class _Piece:
    """Pictures ``first`` to ``last``, the last one included, in a file."""

    path: Path
    first: int
    last: int

    def pictures(self) -> Iterator[Tensor]:
        """Its pictures, bit for bit as they went in."""
        count = 0
        try:
            for picture in ClipSource(self.path, _CLOCK, max_pixels=_NO_LIMIT):
                yield picture
                count += 1
        except MediaError:
            count = -1
        if count != self.last - self.first + 1:
            self.path.unlink(missing_ok=True)
            (self.path.parent / _WHOLE).unlink(missing_ok=True)
            raise MediaError(
                f"{self.path}: this piece of the film was damaged and has been removed; the same "
                "command makes it again"
            )


class _Work:
    """The folder in which a film is being made, locked."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        sweep_parts(folder)
        held = folder / _KEY
        if not held.is_file() or held.read_text(encoding="utf-8", errors="replace") != key:
            if self._ours():
                log.info("%s: was begun with other settings, and is begun anew", folder)
            self._clear()
            write_text(held, key)
        # What comes after a gap is made again, maybe in pieces that begin elsewhere.
        kept = {piece.path for piece in self.pieces()}
        for path in self._ours():
            if _PIECE.fullmatch(path.name) and path not in kept:
                path.unlink()

    @property
    def whole(self) -> bool:
        """Whether the last picture is there."""
        return (self.folder / _WHOLE).is_file()

    @property
    def done(self) -> int:
        """How many pictures are there without a gap."""
        pieces = self.pieces()
        return pieces[-1].last + 1 if pieces else 0

    def pieces(self) -> list[_Piece]:
        """The pieces from the first picture on, up to a gap."""
        found = []
        for path in self.folder.iterdir():
            if match := _PIECE.fullmatch(path.name):
                found.append(_Piece(path, int(match[1]), int(match[2])))
        kept: list[_Piece] = []
        for piece in sorted(found, key=lambda piece: piece.first):
            if piece.first != (kept[-1].last + 1 if kept else 0):
                break
            kept.append(piece)
        return kept

    def keep(self, first: int, count: int) -> None:
        """Give the piece that was written last its name."""
        name = f"{first:08d}-{first + count - 1:08d}.mkv"
        with _reporting(self.folder / name):
            settle(self.folder / _NEXT, self.folder / name)

    def finish(self) -> None:
        """Note that the last picture is there."""
        with _reporting(self.folder / _WHOLE):
            write_text(self.folder / _WHOLE, "")

    def remove(self) -> None:
        """Remove all that is ours, and the folder if nothing else is in it."""
        self._clear()
        (self.folder / _KEY).unlink(missing_ok=True)
        (self.folder / LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _ours(self) -> list[Path]:
        """The files of ours, apart from key and lock."""
        return [
            path
            for path in self.folder.iterdir()
            if path.name in (_WHOLE, _NEXT)
            or _PIECE.fullmatch(path.name)
            or re.fullmatch(r"film\.[a-z0-9]+", path.name)
        ]

    def _clear(self) -> None:
        for path in self._ours():
            path.unlink(missing_ok=True)


class _Pieces(Source):
    """The pictures of all pieces."""

    def __init__(self, pieces: Sequence[_Piece], rate: Fraction) -> None:
        self._pieces = pieces
        self.rate = rate
        self.length = pieces[-1].last + 1

    def __iter__(self) -> Iterator[Tensor]:
        for piece in self._pieces:
            yield from piece.pictures()


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
def _opened(out: Path, key: Mapping[str, Any]) -> Iterator[_Work]:
    """The work folder of a film, made if need be, and ours alone."""
    folder = work_folder(out)
    text = json.dumps({"key": dict(key), "version": version("mutoscope")}, sort_keys=True)
    with _reporting(folder):
        folder.mkdir(exist_ok=True)
    lock = FolderLock(folder)
    try:
        with _reporting(folder):
            work = _Work(folder, text)
        yield work
    finally:
        lock.release()


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Say what goes wrong in the file system in our words."""
    try:
        yield
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {reason(error)}") from error


def _fill(
    work: _Work,
    frames: Callable[[int], Iterator[Tensor]],
    out: Path,
    *,
    total: int | None,
    progress: Callable[[int], None] | None,
) -> None:
    """Write pieces until there is no further picture."""
    done = work.done
    if done:
        log.info("%s: goes on after frame %d%s", out, done, f" of {total}" if total else "")
    if progress is not None:
        progress(done)
    pictures = frames(done)
    ended = False
    while not ended:
        first, ends = done, time.monotonic() + PIECE_SECONDS
        sink = FilmSink(work.folder / _NEXT, _CLOCK, overwrite=True)
        try:
            # Not shorter than one picture, however long that takes.
            while not sink.count or (sink.count < PIECE_FRAMES and time.monotonic() < ends):
                picture = next(pictures, None)
                if picture is None:
                    ended = True
                    break
                if not done:
                    _check_size(picture, out)
                sink.write(picture)
                done += 1
                if progress is not None:
                    progress(done)
        finally:
            # Also after an error or Ctrl-C: these pictures took their time.
            sink.close()
            if sink.count:
                work.keep(first, sink.count)
    work.finish()


def _check_size(picture: Tensor, out: Path) -> None:
    """Refuse pictures that the film will not hold."""
    height, width = picture.shape[-2:]
    most = min(codec_of(out).largest, codec_of(Path(_NEXT)).largest)
    if max(width, height) > most:
        raise MediaError(
            f"{out}: its frames would be {width} × {height}, and a film holds at most {most} a "
            "side; make them smaller"
        )


def _assemble(work: _Work, out: Path, rate: Fraction, extras: Extras, *, overwrite: bool) -> None:
    """Make the film of the pieces, and give it its name."""
    made = work.folder / f"film{out.suffix.lower()}"
    join(_Pieces(work.pieces(), rate), made, extras, Finish(overwrite=True))
    if out.exists() and not overwrite:
        raise MediaError(f"{out}: came to exist while the film was made; give another name")
    with _reporting(out):
        settle(made, out)
