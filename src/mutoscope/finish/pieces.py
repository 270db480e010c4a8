"""Pieces of a film in a folder: runs of pictures, without loss, each file whole or not there."""

import contextlib
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from mutoscope.atomic import reason, settle
from mutoscope.errors import MediaError
from mutoscope.frames import ClipSource, FilmSink, Source

PIECE_FRAMES = 48
"""The most pictures in a piece."""

PIECE_SECONDS = 15.0
"""After how long a piece is closed although it is short: what a power cut costs at most."""

WHOLE = "whole"
"""The name of a file that says that the last picture is in the last piece."""

NEXT = "next.mkv"
"""The name of a piece while it is written."""

PIECE = re.compile(r"([0-9]{8})-([0-9]{8})\.mkv")

CLOCK = Fraction(25)
"""The rate of pieces, which are read picture by picture; any would do."""

_NO_LIMIT = 1 << 40


@dataclass(frozen=True)
class Piece:
    """Pictures ``first`` to ``last``, the last one included, in a file."""

    path: Path
    first: int
    last: int

    def pictures(self) -> Iterator[Tensor]:
        """Its pictures, bit for bit as they went in."""
        count = 0
        try:
            for picture in ClipSource(self.path, CLOCK, max_pixels=_NO_LIMIT):
                yield picture
                count += 1
        except MediaError:
            count = -1
        if count != self.last - self.first + 1:
            self.path.unlink(missing_ok=True)
            (self.path.parent / WHOLE).unlink(missing_ok=True)
            raise MediaError(
                f"{self.path}: this piece of the film was damaged and has been removed; the same "
                "command makes it again"
            )


class Pieces(Source):
    """The pictures of all pieces."""

    def __init__(self, pieces: Sequence[Piece], rate: Fraction) -> None:
        self._pieces = pieces
        self.rate = rate
        self.length = pieces[-1].last + 1

    def __iter__(self) -> Iterator[Tensor]:
        for piece in self._pieces:
            yield from piece.pictures()


def pieces_in(folder: Path) -> list[Piece]:
    """The pieces in a folder, by their first pictures; of two that overlap only the earlier."""
    found = []
    for path in folder.iterdir():
        if match := PIECE.fullmatch(path.name):
            found.append(Piece(path, int(match[1]), int(match[2])))
    kept: list[Piece] = []
    for piece in sorted(found, key=lambda piece: piece.first):
        if not kept or piece.first > kept[-1].last:
            kept.append(piece)
    return kept


def without_gap(pieces: Sequence[Piece], first: int = 0) -> list[Piece]:
    """Those of the pieces that follow one another from picture ``first`` on."""
    kept: list[Piece] = []
    for piece in pieces:
        if piece.first != (kept[-1].last + 1 if kept else first):
            break
        kept.append(piece)
    return kept


def fill(
    folder: Path,
    frames: Callable[[int], Iterator[Tensor]],
    first: int,
    end: int | None = None,
    *,
    check: Callable[[Tensor], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[None, None, bool]:
    """Write pieces of the pictures from ``first`` on: yield after each that is there.

    Returns whether there is no further picture, or none before ``end``; not so where it was
    stopped. Whatever ends it, the pictures so far are kept: they took their time.

    Args:
        folder: Where they go.
        frames: As for `mutoscope.finish.produce.produce`.
        first: The number of the first picture.
        end: The number before which it ends, if not with the last picture.
        check: Looks at the very first.
        progress: Told the number after each picture.
        stopped: Whether to come to an end; asked after each picture.

    Raises:
        MediaError: A piece can't be written.
    """
    pictures = frames(first)
    done, ended, ending = first, end is not None and first >= end, False
    while not (ended or ending):
        begin, closes = done, time.monotonic() + PIECE_SECONDS
        sink = FilmSink(folder / NEXT, CLOCK, overwrite=True)
        try:
            # Not shorter than one picture, however long that takes.
            while not sink.count or (sink.count < PIECE_FRAMES and time.monotonic() < closes):
                picture = next(pictures, None)
                if picture is None:
                    ended = True
                    break
                if done == first:
                    check(picture)
                sink.write(picture)
                done += 1
                progress(done)
                ended = done == end
                ending = not ended and stopped()
                if ended or ending:
                    break
        finally:
            sink.close()
            if sink.count:
                name = f"{begin:08d}-{done - 1:08d}.mkv"
                with reporting(folder / name):
                    settle(folder / NEXT, folder / name)
        if sink.count:
            yield
    return ended


@contextlib.contextmanager
def reporting(path: Path) -> Iterator[None]:
    """Say what goes wrong in the file system in our words."""
    try:
        yield
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {reason(error)}") from error
