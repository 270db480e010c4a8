"""Existing films and animations, read in order and at any rate; never whole in memory."""

import itertools
import logging
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.video.reformatter import ColorRange
from torch import Tensor

from mutoscope.closable import Closable
from mutoscope.errors import MediaError
from mutoscope.frames.base import MAX_RATE, Source, as_rate
from mutoscope.frames.codecs import SCALER
from mutoscope.images import MAX_PIXELS, Pixels, from_bytes, luma
from mutoscope.media import FAILURES, open_media, say

log = logging.getLogger("mutoscope")

# Containers that are read. Playlists and other formats that name further files or addresses are
# left out on purpose: a film may come from anywhere.
_FORMATS = "mov,matroska,avi,gif,apng,webp,mpeg,mpegts,ogg,flv,asf,h264,hevc,m4v,ivf"
_BT601, _BT709 = 5, 1

# A film's time stamps are a stranger's: a few bytes may ask for a frame to stand for years. Films
# of screens and slides stand for many minutes, and all of that is a film; more is a mistake.
MAX_PAUSE = 3600
"""Seconds for which one frame may stand, where pictures repeat it."""
MAX_HELD = 200_000
"""Pictures in a film that only repeat a frame which has stood for a second already."""


class ClipSource(Source):
    """A film, GIF or animated PNG as pictures, resampled to a rate.

    Picture ``k`` is the one on show at ``k / rate`` seconds (a quarter of the shorter of the two
    frame durations later, so that rounded time stamps skip and repeat nothing). A frame without a
    time stamp comes a frame's length after the one before it; one that goes back, at its moment.
    Rotation flags are obeyed, pixels that are not square are made so, transparent parts are laid
    on white.

    Args:
        path: The film.
        rate: Pictures per second; by default the film's own.
        max_pixels: A film of larger frames is refused.

    Raises:
        MediaError: There is no such file, or it is no film that can be read; on reading on, also
            that a frame stands for more than `MAX_PAUSE` or all pauses are more than `MAX_HELD`.
    """

    rate: Fraction

    def __init__(
        self,
        path: str | Path,
        rate: float | Fraction | None = None,
        *,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.path = Path(path)
        with open_film(self.path) as container:
            stream = picture_stream(container, self.path)
            if stream.codec_context is None:
                raise MediaError(f"{path}: its pictures are coded in a way that is not known here")
            width, height = stream.codec_context.width, stream.codec_context.height
            if not 0 < width * height <= max_pixels:
                raise MediaError(
                    f"{path}: its frames are {width} × {height}; allowed are at most "
                    f"{max_pixels / 1e6:g} megapixels"
                )
            average, guessed = stream.average_rate, stream.guessed_rate
            declared = int(stream.frames)
            if declared > self.path.stat().st_size:  # a frame takes a byte at least
                declared = 0
            # Delays in hundredths of a second alternate; FFmpeg judges by the first of them.
            if container.format.name == "gif" and declared and stream.duration:
                average = declared / (stream.duration * stream.time_base)
            self._flat = _square(width, height, stream.sample_aspect_ratio, max_pixels)
        self.source_rate = Fraction(25)  # for now, and for films that say nothing at all
        first = list(itertools.islice(self._timed(), 2))
        if not first:
            raise MediaError(f"{path}: no frame of it can be decoded; it is damaged or no film")
        spacing = first[-1][0] - first[0][0]
        for own in (average, 1 / spacing if spacing else None, guessed):
            if own and 0 < own <= MAX_RATE:
                self.source_rate = Fraction(own)
                break
        self.rate = self.source_rate if rate is None else as_rate(rate, str(path))
        self._quarters = _quarter_turns(first[0][1])
        self.size = self._flat if self._quarters % 2 == 0 else self._flat[::-1]
        self.length = self._count(Fraction(declared) / self.source_rate) if declared else None

    def __iter__(self) -> Iterator[Tensor]:
        for frame in self.shown():
            yield self.picture(frame)

    def shown(self) -> Iterator[Any]:
        """The decoded frames on show at each picture's time, repeated or left out as needed."""
        shown = held = 0
        current: Any = None
        since = Fraction(0)
        for place, (time, frame) in enumerate(self._until_the_end()):
            if current is not None:
                more = max(0, self._count(time) - shown)
                held += max(0, more - math.ceil(self.rate))
                self._check(place, more, since, time, held)
                yield from itertools.repeat(current, more)
                shown += more
            current, since = frame, time

    def _until_the_end(self) -> Iterator[tuple[Fraction, Any]]:
        """Each decoded frame with its time, and last that at which the film ends, without one."""
        end = Fraction(0)
        for time, frame in self._timed():
            yield time, frame
            end = time + 1 / self.source_rate
        yield end, None

    def _check(self, place: int, more: int, since: Fraction, until: Fraction, held: int) -> None:
        """Refuse pauses that would be years of pictures, before the first of them.

        Args:
            place: The number of the frame on show, from 1.
            more: How many pictures show it.
            since: From when on, in seconds of the film.
            until: Until when.
            held: How many pictures of the film so far only repeat, these included.
        """
        if (more < 2 or until - since <= MAX_PAUSE) and held <= MAX_HELD:
            return
        found = f"frame {place}, at {_seconds(since)} s, stands until {_seconds(until)} s"
        if held > MAX_HELD:
            found += f", and {held:,} pictures would only repeat one that stands"
        raise MediaError(
            f"{self.path}: {found}; allowed are {MAX_PAUSE} s for a frame and {MAX_HELD:,} "
            "repeated pictures in a film; ffmpeg -i FILM -an -vf setpts=N/25/TB NEW writes it anew "
            "with even time stamps"
        )

    def picture(self, frame: Any) -> Tensor:
        """A decoded frame as a picture, (1, 3, H, W)."""
        has_alpha = any(part.is_alpha for part in frame.format.components)
        try:
            pixels = self._pixels(frame, "rgba" if has_alpha else "rgb24")
        except FAILURES as error:
            raise MediaError(f"{self.path}: a frame can't be used ({say(error)})") from error
        if has_alpha:
            alpha = pixels[..., 3:].astype(np.float32) / 255
            mixed = pixels[..., :3] * alpha + 255 * (1 - alpha)
            pixels = np.floor(mixed + 0.5).astype(np.uint8)
        return from_bytes(np.ascontiguousarray(np.rot90(pixels, self._quarters)))

    def _pixels(self, frame: Any, form: str) -> Pixels:
        """A decoded frame as bytes, with square pixels, as its colour tags say."""
        width, height = self._flat
        # Untagged films follow the custom: BT.601 for small pictures, BT.709 for large ones.
        matrix = int(frame.colorspace)
        if matrix not in (1, 4, 5, 6, 7, 9, 10):
            matrix = _BT709 if frame.height >= 720 else _BT601
        source_range = int(frame.color_range) or int(ColorRange.MPEG)
        if frame.format.is_rgb or frame.format.name.startswith(("gray", "yuvj", "pal")):
            source_range = int(ColorRange.JPEG)
        changed = frame.reformat(
            width=width,
            height=height,
            format=form,
            src_colorspace={6: 5, 10: 9}.get(matrix, matrix),
            dst_colorspace={6: 5, 10: 9}.get(matrix, matrix),
            src_color_range=source_range,
            dst_color_range=ColorRange.JPEG,
            interpolation=SCALER,
        )
        pixels: Pixels = changed.to_ndarray()
        return pixels

    def _time(self, number: int) -> Fraction:
        """The moment, in seconds of the film, that picture `number` shows."""
        return number / self.rate + 1 / max(self.rate, self.source_rate) / 4

    def _count(self, duration: Fraction) -> int:
        """How many pictures have their moment within `duration` seconds."""
        ahead = (duration - self._time(0)) * self.rate
        return max(0, -(-ahead.numerator // ahead.denominator))

    def _timed(self) -> Iterator[tuple[Fraction, Any]]:
        """Each decoded frame with its time in seconds after the first."""
        count = 0
        start: Fraction | None = None
        latest = Fraction(0)
        with open_film(self.path) as container:
            stream = picture_stream(container, self.path)
            stream.thread_type = "AUTO"
            frames = container.decode(stream)
            while True:
                try:
                    frame = next(frames, None)
                except FAILURES as error:
                    if count == 0:
                        raise MediaError(f"{self.path}: is damaged ({say(error)})") from error
                    log.warning(
                        "%s: is damaged after frame %d (%s); it ends there for us",
                        self.path, count, say(error),
                    )  # fmt: skip
                    return
                if frame is None:
                    return
                own = None if frame.pts is None else Fraction(frame.pts) * Fraction(frame.time_base)
                due = latest + 1 / self.source_rate if count else latest
                if own is not None and start is None:
                    start = own - due
                # Time stamps that stand still or go back come from broken muxers.
                latest = due if own is None or start is None else max(own - start, latest)
                count += 1
                yield latest, frame


class MaskClip(Closable):
    """A film as masks: its lightness at a rate, the last frame held for ever.

    Args:
        path: The film.
        rate: Masks per second, which is the rate of the film being made.

    Raises:
        MediaError: As in `ClipSource`.
    """

    def __init__(self, path: str | Path, rate: float | Fraction) -> None:
        self._source = ClipSource(path, rate)
        self.size = self._source.size
        self.rate = self._source.rate
        self._frames: Iterator[Any] | None = None
        self._at = -1  # the number of the frame last taken from the iterator
        self._shown: Any = None
        self._ended = False
        self._mask: Tensor | None = None

    def frame(self, index: int) -> Tensor:
        """Mask number `index` (from 0), (H, W) in [0, 1]: the same tensor while it is the same.

        Going forward is fast; going back reads the film again from its start. Past the end the
        last frame stands still.
        """
        if index < 0:
            raise ValueError(f"masks are counted from 0, not {index}")
        if self._frames is None or index < self._at:
            self.close()
            self._frames = self._source.shown()
        before = self._shown
        while self._at < index and not self._ended:
            following = next(self._frames, None)
            if following is None:
                self._ended = True
                log.info("%s: ends before this film; its last frame is held", self._source.path)
            else:
                self._shown, self._at = following, self._at + 1
        if self._shown is None:
            raise MediaError(f"{self._source.path}: holds no frame; give a film with one at least")
        if self._mask is None or self._shown is not before:
            self._mask = luma(self._source.picture(self._shown))
        return self._mask

    def close(self) -> None:
        """Close the file; asking for a frame opens it again."""
        frames, self._frames = self._frames, None
        if frames is not None:
            frames.close()  # type: ignore[attr-defined]
        self._at, self._shown, self._mask, self._ended = -1, None, None, False


def open_film(path: Path) -> Any:
    """The film as a container; see `open_media`."""
    return open_media(path, formats=_FORMATS, kind="film")


def picture_stream(container: Any, path: Path) -> Any:
    """The first pictures in a container, or a `MediaError` where there are none."""
    if not container.streams.video:
        raise MediaError(f"{path}: has no pictures in it, only sound or data")
    return container.streams.video[0]


def _square(width: int, height: int, aspect: Fraction | None, max_pixels: int) -> tuple[int, int]:
    """(width, height) with square pixels: the side that falls short is stretched."""
    if not aspect or not Fraction(1, 4) <= aspect <= 4:
        return width, height
    wide = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return wide if wide[0] * wide[1] <= max_pixels else (width, height)


def _seconds(time: Fraction) -> str:
    """A time as it is said, to a hundredth: ``"0.08"``, ``"36000"``."""
    return f"{float(time):.2f}".rstrip("0").rstrip(".")


def _quarter_turns(frame: Any) -> int:
    """How many quarter turns against the clock bring the frame upright."""
    return round(getattr(frame, "rotation", 0) / 90) % 4
