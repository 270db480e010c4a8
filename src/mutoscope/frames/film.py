"""Films: H.264 in MP4, written while they are made."""

import contextlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from torch import Tensor

from mutoscope.atomic import part_path, reason, settle
from mutoscope.errors import MediaError
from mutoscope.frames.base import Sink, as_rate
from mutoscope.images import to_bytes
from mutoscope.provenance import recipe_text

CRF = 17
"""The default quality: visually lossless or nearly so."""

THREADS = 4  # fixed, because the encoder's output depends on their number
# Macroblock-tree rate control makes the output of x264 (core 165) differ from one call to the next
# for the same pictures, from 64 pixels a side on; a film must be the same after a resume.
X264 = "mbtree=0"
BT709 = 1  # as primaries, as transfer and as matrix, in ITU-T H.273

# swscale's defaults round down, which darkens each frame by a whole step of 255.
SCALER = int(
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


class FilmSink(Sink):
    """Writes pictures as an H.264 MP4 that plays everywhere (yuv420p, BT.709, index in front).

    The film is made in a hidden part file and takes its name when it is closed. When an error or
    Ctrl-C ends the ``with`` block, the film so far is closed properly and kept; `abort` leaves
    nothing. Equal pictures give equal bytes. H.264 wants even sides: an odd one is extended by
    repeating its last row or column.

    Args:
        path: Where.
        rate: Frames per second; fractions such as ``Fraction(30000, 1001)`` are kept exactly.
        size: (width, height) of the pictures; by default that of the first.
        crf: Quality, 0 (lossless, large) to 51.
        preset: How much time x264 takes to save space.
        recipe: What `mutoscope.provenance.read_recipe` is to find in it.
        title: The film's title for players.
        overwrite: Whether an existing file may be replaced.

    Raises:
        MediaError: The rate, size or quality is out of range, the file exists or can't be
            written, or a picture has another size.
    """

    def __init__(
        self,
        path: str | Path,
        rate: float | Fraction,
        size: tuple[int, int] | None = None,
        *,
        crf: float = CRF,
        preset: str = "medium",
        recipe: Mapping[str, Any] | None = None,
        title: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.rate = as_rate(rate, str(path))
        self.count = 0
        self.size = size
        if not 0 <= crf <= 51:
            raise MediaError(f"{path}: quality (crf) {crf}; allowed are 0 (best) to 51")
        if not overwrite and self.path.exists():
            raise MediaError(f"{path}: exists already; choose another name")
        if not self.path.parent.is_dir():
            raise MediaError(f"{path}: can't be written: there is no folder {self.path.parent}")
        self._overwrite = overwrite
        self._options = {
            "crf": f"{crf:g}",
            "preset": preset,
            "threads": str(THREADS),
            "x264-params": X264,
        }
        self._metadata = {"comment": recipe_text(recipe)} if recipe is not None else {}
        if title is not None:
            self._metadata["title"] = " ".join(title.split())
        self._part = part_path(self.path)
        self._container: Any = None
        self._stream: Any = None
        self._closed = False

    def write(self, image: Tensor) -> None:
        """Encode the next picture, (1, 3, H, W) in [0, 1]."""
        if self._closed:
            raise ValueError(f"{self.path} is closed")
        pixels = to_bytes(image)  # (H, W, 3)
        height, width = pixels.shape[:2]
        if self.size is None:
            self.size = (width, height)
        if (width, height) != self.size:
            raise MediaError(
                f"{self.path}: frame {self.count + 1} is {width} × {height}, the film "
                f"{self.size[0]} × {self.size[1]}; the frames of a film have one size"
            )
        padded = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        with self._reporting():
            if self._container is None:
                self._open(padded.shape[1], padded.shape[0])
            rgb = av.VideoFrame.from_ndarray(padded, format="rgb24")
            frame = rgb.reformat(
                format="yuv420p",
                src_colorspace=Colorspace.ITU709,
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=SCALER,
            )
            frame.pts = self.count
            frame.time_base = 1 / self.rate
            self._container.mux(self._stream.encode(frame))
        self.count += 1

    def close(self) -> None:
        """Finish the film and give it its name; of no frame at all no file is made.

        Raises:
            MediaError: The end of the film can't be written; nothing is then left of it.
        """
        if self._closed:
            return
        self._closed = True
        if self._container is None:
            return
        try:
            with self._reporting():
                self._container.mux(self._stream.encode(None))
                self._container.close()
                if not self._overwrite and self.path.exists():
                    raise MediaError(f"{self.path}: came to exist while the film was made")
                settle(self._part, self.path)
        except BaseException:
            self._discard()
            raise

    def abort(self) -> None:
        """Leave nothing of the film; a file that had its name before is untouched."""
        if not self._closed:
            self._closed = True
            self._discard()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except MediaError:
            if error is None:
                raise
            # What ended the block is what the user must hear of; the film fell with it.

    def _open(self, width: int, height: int) -> None:
        """Create the part file and the encoder."""
        # FFmpeg writes late; this shows at once whether the folder takes files.
        self._part.open("xb").close()
        # "file:" keeps a name from being taken for an address or an option.
        self._container = av.open(
            f"file:{self._part}",
            "w",
            format="mp4",
            container_options={"movflags": "+faststart", "fflags": "+bitexact"},
        )
        self._container.metadata.update(self._metadata)
        stream = self._container.add_stream("libx264", rate=self.rate, options=self._options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = 1 / self.rate
        context = stream.codec_context
        context.thread_count = THREADS
        context.color_primaries = BT709
        context.color_trc = BT709
        context.colorspace = BT709
        context.color_range = int(ColorRange.MPEG)
        self._stream = stream

    def _discard(self) -> None:
        container, self._container, self._stream = self._container, None, None
        if container is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                container.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _reporting(self) -> Any:
        """Say what goes wrong inside FFmpeg or the file system in our words."""
        try:
            yield
        except OSError as error:
            raise MediaError(
                f"{self.path}: the film can't be written: {reason(error)}; "
                f"{self.count} of its frames had gone in"
            ) from error
        except av.FFmpegError as error:
            raise MediaError(
                f"{self.path}: the film can't be encoded ({error.strerror})"
            ) from error
