"""What a film's ending stands for: container, codec, and what each can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from mutoscope.errors import MediaError, nearest
from mutoscope.images import Pixels

THREADS = 4  # fixed, because an encoder's output depends on their number
BT709 = 1  # as primaries, as transfer and as matrix, in ITU-T H.273

# swscale's defaults round down, which darkens each frame by a whole step of 255.
SCALER = int(
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


@dataclass(frozen=True)
class Sound:
    """How the sound of a film is coded.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        samples: what the encoder is given.
        rates: sampling rates that are kept, any other becoming the last; where empty, all are.
        bit_rate: bits per second for each channel, where it can be chosen.
    """

    encoder: str
    samples: str
    rates: tuple[int, ...] = ()
    bit_rate: int | None = None

    def rate(self, given: int) -> int:
        """The sampling rate for a sound that has the rate `given`."""
        return given if not self.rates or given in self.rates else self.rates[-1]


@dataclass(frozen=True)
class Codec:
    """How films of one ending are coded.

    Attributes:
        container: FFmpeg's name of the container.
        encoder: FFmpeg's name of the encoder.
        pixels: what the encoder is given.
        options: of the encoder.
        container_options: of the container.
        crf: the default quality and the worst there is (the best is 0), where it can be chosen.
        sound: how its sound is coded, where the container takes sound.
        clock: the steps of the container's clock in seconds, where it is coarse.
        fastest: pictures per second that players show at most.
        counted: whether the file says how often it is to be played, 0 for ever.
        largest: pixels that a side has at most.
    """

    container: str
    encoder: str
    pixels: str
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    crf: tuple[float, float] | None = None
    sound: Sound | None = None
    clock: Fraction | None = None
    fastest: int | None = None
    counted: bool = False
    largest: int = 16_384

    @property
    def subsampled(self) -> bool:
        """Whether colour is coded at half resolution, for which sides must be even."""
        return self.pixels.startswith("yuv42")

    def stamp(self, number: int, rate: Fraction) -> tuple[int, Fraction]:
        """The moment of picture `number`, counted in steps of the clock, and that step.

        Each is rounded by itself, so that errors never add up.
        """
        if self.clock is None:
            return number, 1 / rate
        return round(number / (rate * self.clock)), self.clock


CODECS = {
    ".mp4": Codec(
        "mp4",
        "libx264",
        "yuv420p",
        # Macroblock-tree rate control makes the output of x264 (core 165) differ from one call to
        # the next for the same pictures, from 64 pixels a side on; a film must be the same after a
        # resume.
        {"preset": "medium", "threads": str(THREADS), "x264-params": "mbtree=0"},
        {"movflags": "+faststart"},
        crf=(17, 51),
        sound=Sound("aac", "fltp", rates=(44_100, 48_000), bit_rate=96_000),
    ),
    ".mov": Codec(
        "mov",
        "prores_ks",
        "yuv422p10le",
        {"profile": "hq", "vendor": "apl0"},
        # The older tags of this container end at 65,535 bytes, which a recipe may pass.
        {"movflags": "+faststart+use_metadata_tags"},
        sound=Sound("pcm_s24le", "s32"),
    ),
    # AV1 is smaller by a fifth at equal quality, but many players still lack it.
    ".webm": Codec(
        "webm",
        "libvpx-vp9",
        "yuv420p",
        {"b": "0", "deadline": "good", "cpu-used": "2", "row-mt": "1"},
        crf=(22, 63),
        sound=Sound("libopus", "flt", rates=(48_000,), bit_rate=80_000),
    ),
    ".mkv": Codec(
        "matroska",
        "ffv1",
        "bgr0",
        {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"},
        sound=Sound("flac", "s32"),
    ),
    # Its delays are hundredths of a second, and browsers take less than two for ten.
    ".gif": Codec("gif", "gif", "pal8", clock=Fraction(1, 100), fastest=50, counted=True),
    ".webp": Codec(
        "webp",
        "libwebp_anim",
        "bgra",
        {"quality": "90", "lossless": "0"},
        {"loop": "0"},
        clock=Fraction(1, 1000),
        counted=True,
        largest=16_383,
    ),
    ".png": Codec("apng", "apng", "rgb24", {"pred": "mixed"}, {"plays": "0"}, counted=True),
}
"""The endings of films and what they stand for."""


def codec_of(path: Path) -> Codec:
    """What the ending of `path` stands for.

    Raises:
        MediaError: It stands for no kind of film.
    """
    suffix = path.suffix.lower()
    if suffix not in CODECS:
        raise MediaError(
            f"{path}: films are not written as {suffix or 'files without ending'!r}; allowed are "
            f"{', '.join(CODECS)}{nearest(suffix, CODECS) if suffix else ''}"
        )
    return CODECS[suffix]


def quality_of(codec: Codec, crf: float | None, place: str) -> Mapping[str, str]:
    """The option for a quality, by default the codec's own.

    Raises:
        MediaError: It is out of range, or the codec has none.
    """
    if codec.crf is None:
        if crf is None:
            return {}
        able = ", ".join(suffix for suffix, other in CODECS.items() if other.crf)
        raise MediaError(
            f"{place}: quality (crf) {crf:g} can't be chosen for this kind of film, only for "
            f"{able}; leave it out"
        )
    usual, worst = codec.crf
    crf = usual if crf is None else crf
    if not 0 <= crf <= worst:
        raise MediaError(f"{place}: quality (crf) {crf}; allowed are 0 (best) to {worst:g}")
    return {"crf": f"{crf:g}"}


class Encoder:
    """Writes pictures into one file of a kind.

    Args:
        part: The file; it must be there, and is written anew.
        codec: The kind.
        rate: Pictures per second.
        size: (width, height) of each.
        options: Of the encoder, over those of the codec.
        metadata: Tags of the file.
        container_options: Of the container, over those of the codec.
    """

    def __init__(
        self,
        part: Path,
        codec: Codec,
        rate: Fraction,
        size: tuple[int, int],
        *,
        options: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        container_options: Mapping[str, str] | None = None,
    ) -> None:
        self._codec = codec
        self._rate = rate
        # "file:" keeps a name from being taken for an address or an option.
        self._container: Any = av.open(
            f"file:{part}",
            "w",
            format=codec.container,
            container_options={
                **codec.container_options, "fflags": "+bitexact", **(container_options or {}),
            },
        )  # fmt: skip
        self._container.metadata.update(metadata or {})
        chosen = {**codec.options, **(options or {})}
        stream: Any = self._container.add_stream(codec.encoder, rate=rate, options=chosen)
        stream.width, stream.height = size
        stream.pix_fmt = codec.pixels
        stream.time_base = codec.clock or 1 / rate
        context = stream.codec_context
        context.thread_count = THREADS
        if codec.subsampled:
            context.color_primaries = BT709
            context.color_trc = BT709
            context.colorspace = BT709
            context.color_range = int(ColorRange.MPEG)
        self._stream = stream

    def write(self, pixels: Pixels, number: int) -> None:
        """Encode picture `number`, counted from 0, (H, W, 3)."""
        self.send(recoded(pixels, self._codec), number)

    def send(self, frame: Any, number: int) -> None:
        """Encode picture `number` that is a frame of the encoder's own kind."""
        frame.pts, frame.time_base = self._codec.stamp(number, self._rate)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what is still on its way, and close the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._container.close()


def recoded(pixels: Pixels, codec: Codec) -> Any:
    """Bytes, (H, W, 3), as a frame of what the codec's encoder is given."""
    rgb = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    if not codec.subsampled:
        return rgb.reformat(format=codec.pixels)
    return rgb.reformat(
        format=codec.pixels,
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=SCALER,
    )


def padded(pixels: Pixels, codec: Codec) -> Pixels:
    """Bytes, (H, W, 3), its last row or column repeated where sides must be even."""
    if not codec.subsampled:
        return pixels
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
