"""GIF: one palette for a whole film, found while the pictures pass by a first time."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph

from mutoscope.atomic import part_path
from mutoscope.frames.codecs import CODECS, Encoder
from mutoscope.images import Pixels

_GIF, _KEPT = CODECS[".gif"], CODECS[".mkv"]

# The fixed pattern of ordered dithering stands still where the picture does; diffused errors crawl
# over it, which looks like noise and takes more room.
_DITHERING = "dither=bayer:bayer_scale=5"

# What the palette is chosen from: 7 bits of each channel, so that noise can't make ever more
# different colours, which are all remembered. Black and white stay what they are.
_SEVEN_BITS = np.round((np.arange(256) >> 1) * (255 / 127)).astype(np.uint8)


class GifEncoder:
    """Writes pictures into a GIF of 256 colours chosen for all of them together.

    They are kept in a lossless file beside it until the last is known; in memory are no more than
    their different colours. One palette is smaller than one for each picture and doesn't flicker:
    on a street scene of 3 seconds by a quarter, with the changes from
    picture to picture as they were.

    Args:
        part: The file; it must be there, and is written anew.
        rate: Pictures per second.
        size: (width, height) of each.
        plays: How often the GIF is to be played; 0 for ever.
    """

    def __init__(
        self, part: Path, rate: Fraction, size: tuple[int, int], *, plays: int = 0
    ) -> None:
        self._part, self._rate, self._size, self._plays = part, rate, size, plays
        self._count = 0
        self._kept_path = part_path(part)
        self._kept_path.open("xb").close()
        try:
            self._kept: Encoder | None = Encoder(self._kept_path, _KEPT, rate, size)
            self._colours = Graph()
            self._found = self._colours.add("buffersink")
            self._seen = self._source(self._colours, "rgb24", size)
            choosing = self._colours.add("palettegen", "stats_mode=full")
            self._seen.link_to(choosing)
            choosing.link_to(self._found)
            self._colours.configure()
        except BaseException:
            self.close()
            raise

    def write(self, pixels: Pixels, number: int) -> None:
        """Take picture `number`, counted from 0, (H, W, 3)."""
        assert self._kept is not None  # noqa: S101
        frame = av.VideoFrame.from_ndarray(_SEVEN_BITS[pixels], format="rgb24")
        frame.pts, frame.time_base = _GIF.stamp(number, self._rate)
        self._seen.push(frame)
        self._kept.write(pixels, number)
        self._count = number + 1

    def finish(self) -> None:
        """Choose the palette and write the GIF."""
        assert self._kept is not None  # noqa: S101
        self._kept.finish()
        self._kept = None
        self._seen.push(None)
        palette = self._found.pull()
        last = _GIF.stamp(self._count, self._rate)[0] - _GIF.stamp(self._count - 1, self._rate)[0]
        encoder = Encoder(
            self._part, _GIF, self._rate, self._size,
            # What counts is the repetitions after the first time; -1 is none.
            container_options={
                "loop": str(self._plays - 1 if self._plays > 1 else -self._plays),
                "final_delay": str(last),
            },
        )  # fmt: skip
        try:
            for number, frame in enumerate(self._painted(palette)):
                encoder.send(frame, number)
            encoder.finish()
        except BaseException:
            encoder.close()
            raise
        self.close()

    def close(self) -> None:
        """Drop what was kept; the file stays as it is."""
        kept, self._kept = getattr(self, "_kept", None), None
        if kept is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                kept.close()
        self._kept_path.unlink(missing_ok=True)

    def _painted(self, palette: Any) -> Iterator[Any]:
        """The pictures that were kept, in the colours of the palette."""
        graph = Graph()
        given = self._source(graph, "rgb24", self._size)
        colours = self._source(graph, palette.format.name, (palette.width, palette.height))
        using, sink = graph.add("paletteuse", _DITHERING), graph.add("buffersink")
        given.link_to(using, 0, 0)
        colours.link_to(using, 0, 1)
        using.link_to(sink)
        graph.configure()
        colours.push(palette)
        colours.push(None)
        with av.open(f"file:{self._kept_path}", format=_KEPT.container) as container:
            for number, frame in enumerate(container.decode(video=0)):
                again = frame.reformat(format="rgb24")
                again.pts, again.time_base = _GIF.stamp(number, self._rate)
                given.push(again)
                yield from _ready(sink)
        given.push(None)
        yield from _ready(sink)

    @staticmethod
    def _source(graph: Any, pixels: str, size: tuple[int, int]) -> Any:
        return graph.add(
            "buffer",
            f"video_size={size[0]}x{size[1]}:pix_fmt={pixels}:time_base={_GIF.clock}"
            ":pixel_aspect=1/1",
        )


def _ready(sink: Any) -> Iterator[Any]:
    """What has come out of a filter so far."""
    while True:
        try:
            yield sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return
