"""Films, written while they are made: in which container and codec, their ending says."""

import contextlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from torch import Tensor

from mutoscope.atomic import part_path, reason, settle
from mutoscope.errors import MediaError
from mutoscope.frames.base import Sink, as_rate
from mutoscope.frames.codecs import Encoder, codec_of, padded, quality_of
from mutoscope.frames.gif import GifEncoder
from mutoscope.frames.stamp import add_recipe, set_plays
from mutoscope.images import to_bytes
from mutoscope.provenance.writing import tags_of

CRF = 17
"""The default quality of H.264: visually lossless or nearly so."""

MAX_PLAYS = 65_535


class FilmSink(Sink):
    """Writes pictures as a film of the kind that its name's ending stands for.

    ========  ==================================================================================
    ``.mp4``  H.264, yuv420p, BT.709, index in front: plays everywhere
    ``.webm`` VP9, yuv420p, BT.709: for browsers
    ``.mov``  ProRes 422 HQ, 10 bits, BT.709: for editing
    ``.mkv``  FFV1: bit for bit what was written
    ``.gif``  256 colours for the whole film; at most 50 pictures a second
    ``.webp`` animated WebP; held in memory by its encoder, coded, until the end
    ``.png``  animated PNG: bit for bit what was written
    ========  ==================================================================================

    The film is made in a hidden part file and takes its name when it is closed. When an error or
    Ctrl-C ends the ``with`` block, the film so far is closed properly and kept; `abort` leaves
    nothing. Equal pictures give equal bytes. The first three want even sides: an odd one is
    extended by repeating its last row or column.

    Args:
        path: Where.
        rate: Frames per second; fractions such as ``Fraction(30000, 1001)`` are kept exactly, or
            rounded picture by picture where the container's clock is coarse.
        size: (width, height) of the pictures; by default that of the first.
        crf: Quality of MP4, 0 (lossless, large) to 51, and of WebM, 0 to 63; by default nearly
            lossless to the eye.
        preset: How much time x264 takes to save space in an MP4.
        recipe: What `mutoscope.provenance.read_recipe` is to find in it.
        title: The film's title for players; GIF, WebP and PNG have none.
        plays: How often a GIF, WebP or PNG is to be played; 0 for ever.
        overwrite: Whether an existing file may be replaced.

    Raises:
        MediaError: The ending stands for no kind of film, the rate, size or quality is out of
            range, the file exists or can't be written, or a picture has another size.
    """

    def __init__(
        self,
        path: str | Path,
        rate: float | Fraction,
        size: tuple[int, int] | None = None,
        *,
        crf: float | None = None,
        preset: str = "medium",
        recipe: Mapping[str, Any] | None = None,
        title: str | None = None,
        plays: int = 0,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.rate = as_rate(rate, str(path))
        self.count = 0
        self.size = size
        self.codec = codec_of(self.path)
        self._options = dict(quality_of(self.codec, crf, str(path)))
        if "preset" in self.codec.options:
            self._options["preset"] = preset
        self._check(plays)
        if not overwrite and self.path.exists():
            raise MediaError(f"{path}: exists already; choose another name")
        if not self.path.parent.is_dir():
            raise MediaError(f"{path}: can't be written: there is no folder {self.path.parent}")
        self._overwrite = overwrite
        self._plays = plays
        self._recipe = recipe
        self._metadata = tags_of(recipe) if recipe is not None else {}
        if title is not None:
            self._metadata["title"] = " ".join(title.split())
        self._part = part_path(self.path)
        self._encoder: Encoder | GifEncoder | None = None
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
        even = padded(pixels, self.codec)
        with self._reporting():
            if self._encoder is None:
                self._encoder = self._open(even.shape[1], even.shape[0])
            self._encoder.write(even, self.count)
        self.count += 1

    def close(self) -> None:
        """Finish the film and give it its name; of no frame at all no file is made.

        Raises:
            MediaError: The end of the film can't be written; nothing is then left of it.
        """
        if self._closed:
            return
        self._closed = True
        if self._encoder is None:
            return
        try:
            with self._reporting():
                self._encoder.finish()
                self._stamp()
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

    def _check(self, plays: int) -> None:
        """Refuse what this kind of film can't do."""
        codec, fastest = self.codec, self.codec.fastest
        if fastest is not None and self.rate > fastest:
            raise MediaError(
                f"{self.path}: {float(self.rate):g} pictures a second; players show at most "
                f"{fastest} of this kind of film, so choose a lower rate or another ending"
            )
        if plays and not codec.counted:
            raise MediaError(f"{self.path}: films of this kind don't say how often they are played")
        if not 0 <= plays <= MAX_PLAYS:
            raise MediaError(f"{self.path}: {plays} plays; allowed are 0 (for ever) to {MAX_PLAYS}")

    def _open(self, width: int, height: int) -> Encoder | GifEncoder:
        """Create the part file and the encoder."""
        most = self.codec.largest
        if max(width, height) > most:
            raise MediaError(
                f"{self.path}: {width} × {height} is more than this kind of film holds "
                f"({most} a side); choose another ending"
            )
        # FFmpeg writes late; this shows at once whether the folder takes files.
        self._part.open("xb").close()
        if self.codec.encoder == "gif":
            return GifEncoder(self._part, self.rate, (width, height), plays=self._plays)
        return Encoder(
            self._part,
            self.codec,
            self.rate,
            (width, height),
            options=self._options,
            metadata=self._metadata,
            container_options={"plays": str(self._plays)} if self._is("apng") else None,
        )

    def _stamp(self) -> None:
        """Add to the finished file what FFmpeg can't."""
        if self._is("libwebp_anim") and self._plays:
            set_plays(self._part, self._plays)
        if self._recipe is not None:
            add_recipe(self._part, self.path.suffix.lower(), self._recipe, str(self.path))

    def _is(self, encoder: str) -> bool:
        return self.codec.encoder == encoder

    def _discard(self) -> None:
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                encoder.close()
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
