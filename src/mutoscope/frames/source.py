"""A film that is followed picture by picture, in step with the film being made."""

import copy
import logging
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from mutoscope.curves import smooth
from mutoscope.errors import MediaError
from mutoscope.frames.clip import ClipSource, open_film, picture_stream
from mutoscope.images import MAX_PIXELS, resize
from mutoscope.media import FAILURES, say

log = logging.getLogger("mutoscope")

# Containers with an index, in which a jump lands where it says. In others (MPEG streams, GIF) a
# jump may land anywhere, or lose the time; those are read from their start.
_INDEXED = frozenset({"mov", "mp4", "matroska", "webm"})

# A jump decodes from a key frame on, which may be seconds of film; what is nearer is read on to.
_WORTH_A_JUMP = Fraction(5)

Timed = tuple[Fraction, Any]
"""A decoded frame and its time in seconds after the film's first."""


class SourceFilm:
    """The pictures of a film at the rate of the film being made, by number, from 0.

    Picture ``n`` is the one on show at ``n · stride / rate`` seconds; variable frame rates go by
    their time stamps. Past the end the last one stands still. Rotated films are upright, what is
    transparent lies on white, deeper colours are rounded to 8 bits (see `ClipSource`).

    The film is decoded in order, and of it no more is held than two frames. Going on is fast; going
    back, or far ahead as when a run is resumed, jumps to the key frame before and decodes from
    there: the picture is the same, bit for bit, as when all before it had been read.

    Args:
        path: The film.
        rate: Frames per second of the film being made.
        size: ``(width, height)`` of the pictures, which are stretched to it; by default the film's
            own.
        stride: How many frames of the film at that rate pass with each picture.
        max_pixels: A film of larger frames is refused.

    Attributes:
        size: As given.
        length: How many pictures there are before the last one stands still, or None if the film
            doesn't say.

    Raises:
        MediaError: There is no such file, or it is no film that can be read.
    """

    _frames: Generator[Timed, None, None] | None  # what is still to be read
    _shown: Timed | None  # the frame on show, and the one after it
    _following: Timed | None
    _picture: Tensor | None  # what was made last, and of which frame
    _pictured: Any

    def __init__(
        self,
        path: str | Path,
        rate: float | Fraction,
        *,
        size: tuple[int, int] | None = None,
        stride: int = 1,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        if stride < 1:
            raise ValueError(f"a stride is 1 or more, not {stride}")
        self._reader = _Reader(path, rate, max_pixels=max_pixels)
        self._stride = stride
        self.size = size or self._reader.size
        length = self._reader.length
        self.length = None if length is None else -(-length // stride)
        self._forget()

    def frame(self, index: int) -> Tensor:
        """Picture number `index`, (1, 3, H, W): the same tensor while the film shows the same.

        Raises:
            MediaError: The film can't be read any more, or its frame can't be used.
        """
        if index < 0:
            raise ValueError(f"pictures are counted from 0, not {index}")
        time = self._reader.moment(index * self._stride)
        frame = self._shown_at(time)
        if self._picture is None or frame is not self._pictured:
            self._picture = resize(self._reader.picture(frame), self.size)
            self._pictured = frame
        return self._picture

    def sibling(self) -> Self:
        """Another reader of the same film, with a place of its own in it."""
        other = copy.copy(self)
        other._forget()
        return other

    def close(self) -> None:
        """Close the file; asking for a picture opens it again."""
        frames = self._frames
        self._forget()
        if frames is not None:
            frames.close()

    def _forget(self) -> None:
        self._frames = self._shown = self._following = None
        self._picture = self._pictured = None
        self._told = False

    def _shown_at(self, time: Fraction) -> Any:
        """The decoded frame on show at ``time``: the last that isn't later."""
        if self._shown is None or time < self._shown[0] or self._far_behind(time):
            self._enter(time)
        while self._following is not None and self._following[0] <= time:
            assert self._frames is not None  # noqa: S101
            self._shown, self._following = self._following, next(self._frames, None)
        if self._shown is None:
            raise MediaError(f"{self._reader.path}: holds no frame any more; was it replaced?")
        over = self._following is None and time >= self._shown[0] + 1 / self._reader.source_rate
        if over and not self._told:
            self._told = True
            log.info("%s: ends before this film; its last frame is held", self._reader.path)
        return self._shown[1]

    def _far_behind(self, time: Fraction) -> bool:
        """Whether a jump gets to ``time`` sooner than reading on."""
        return (
            self._reader.indexed
            and self._following is not None
            and self._following[0] + _WORTH_A_JUMP < time
        )

    def _enter(self, time: Fraction) -> None:
        """Stand at a frame that isn't later than ``time``."""
        self.close()
        for frames in self._reader.approaches(time):
            self._shown = next(frames, None)
            if self._shown is not None and self._shown[0] <= time:
                self._frames, self._following = frames, next(frames, None)
                return
            frames.close()


class ClosingFilm:
    """A film that plays round: over its last frames it goes over into its first.

    From picture ``length`` on it is what comes then, more and more mixed with what was at the
    beginning, until picture ``length + lap - 1`` is picture ``lap - 1``.

    Args:
        film: The film that is to close.
        length: After how many pictures it begins anew.
        lap: Over how many it goes over into its beginning.
    """

    def __init__(self, film: SourceFilm, *, length: int, lap: int) -> None:
        self._film, self._again = film, film.sibling()
        self._length, self._lap = length, lap
        self.size = film.size

    def frame(self, index: int) -> Tensor:
        """Picture number ``index`` from 0, (1, 3, H, W)."""
        picture, place = self._film.frame(index), index - self._length
        if place < 0:
            return picture
        share = smooth(min(1.0, (place + 1) / self._lap))
        return torch.lerp(picture, self._again.frame(place), share)

    def sibling(self) -> Self:
        """Another reader of the same pictures."""
        return type(self)(self._film.sibling(), length=self._length, lap=self._lap)

    def close(self) -> None:
        """Let go of the file; asking for a picture opens it again."""
        self._film.close()
        self._again.close()


class _Reader(ClipSource):
    """A clip that can be entered in the middle."""

    def __init__(self, path: str | Path, rate: float | Fraction, *, max_pixels: int) -> None:
        super().__init__(path, rate, max_pixels=max_pixels)
        with open_film(self.path) as container:
            stream = picture_stream(container, self.path)
            names = set(container.format.name.split(","))
            first = next(container.decode(stream), None)
            self._origin = None if first is None or first.pts is None else _stamp(first)
            self.indexed = bool(names & _INDEXED) and self._origin is not None

    def moment(self, number: int) -> Fraction:
        """The moment, in seconds of the film, that picture `number` shows."""
        return self._time(number)

    def approaches(self, time: Fraction) -> Iterator[Generator[Timed, None, None]]:
        """Readings that may begin at or before ``time``, the quickest first; the last one does."""
        if self.indexed and time > _WORTH_A_JUMP:
            # A little before: the first pictures at a key frame may lean on others before it.
            yield self._timed_from(time - 1)
        yield self._from_the_start()

    def _from_the_start(self) -> Generator[Timed, None, None]:
        yield from self._timed()

    def _timed_from(self, time: Fraction) -> Generator[Timed, None, None]:
        """Each frame from the last key frame at or before ``time``; nothing if that fails."""
        assert self._origin is not None  # noqa: S101
        latest: Fraction | None = None
        with open_film(self.path) as container:
            stream = picture_stream(container, self.path)
            stream.thread_type = "AUTO"
            try:
                container.seek(int((time + self._origin) / stream.time_base), stream=stream)
            except FAILURES:
                return
            try:
                for frame in container.decode(stream):
                    if latest is None and not frame.key_frame:
                        continue
                    if frame.pts is None:
                        return
                    own = _stamp(frame) - self._origin
                    latest = own if latest is None else max(own, latest)
                    yield latest, frame
            except FAILURES as error:
                log.warning(
                    "%s: is damaged after %.2f seconds (%s); it ends there for us",
                    self.path, float(time if latest is None else latest), say(error),
                )  # fmt: skip


def _stamp(frame: Any) -> Fraction:
    """When a decoded frame is to be shown, in seconds by the container's clock."""
    return Fraction(frame.pts) * Fraction(frame.time_base)
