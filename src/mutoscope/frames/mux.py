"""A film and its sound in one file: the pictures copied as they are, the sound coded anew."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from mutoscope.atomic import part_path, reason, settle
from mutoscope.errors import MediaError
from mutoscope.frames.codecs import CODECS, Codec, Sound, codec_of

# Tags that describe the file rather than the film.
_OWN_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder")


_LONGEST = 24 * 3600  # seconds of a film


class Track(Protocol):
    """Sound that can be read from any moment on, such as a `mutoscope.sound.SoundFile`."""

    path: Path
    rate: int
    channels: int

    def blocks(
        self, start: int, stop: int, *, size: int, channels: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Samples ``start`` to ``stop`` as blocks of (channels, size); silence outside of it."""


def add_sound(
    film: str | Path,
    sound: Track,
    path: str | Path | None = None,
    *,
    offset: float = 0.0,
    overwrite: bool = False,
) -> None:
    """Write a finished film again with sound: as long as the film, in step to the sample.

    The sound is AAC in MP4, PCM of 24 bits in MOV, Opus in WebM and FLAC in MKV.
    The pictures' packets are copied, not encoded anew; title and recipe stay. A sound that the
    film has already is left out. Where the sound hasn't begun or has ended, there is silence.

    Args:
        film: The film, one that `FilmSink` wrote.
        sound: One or two channels.
        path: What the result is called; by default it takes the film's place. Its ending is
            that of the film.
        offset: Where in the sound the film begins, in seconds; with a negative one the film begins
            in silence.
        overwrite: Whether an existing file ``path`` may be replaced.

    Raises:
        MediaError: The film or the sound can't be read, or the result can't be written or exists;
            a film that was there is then as it was.
    """
    film = Path(film)
    target = film if path is None else Path(path)
    codec, coding = sounding(target)
    in_place = target.resolve() == film.resolve()
    if not film.is_file():
        raise MediaError(f"{film}: does not exist; give the film that the sound goes with")
    if target.exists() and not (overwrite or in_place):
        raise MediaError(f"{target}: exists already; choose another name")
    part = part_path(target)
    try:
        with _reporting(target), _film(film) as source:
            part.open("xb").close()  # FFmpeg writes late; this shows whether the folder takes files
            with av.open(
                f"file:{part}",
                "w",
                format=codec.container,
                container_options={**codec.container_options, "fflags": "+bitexact"},
            ) as container:
                _join(source, container, coding, sound, offset)
            settle(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def sounding(path: Path) -> tuple[Codec, Sound]:
    """How a film of the name `path` and its sound are coded.

    Raises:
        MediaError: Such a film has no sound.
    """
    codec = codec_of(path)
    if codec.sound is None:
        able = ", ".join(suffix for suffix, other in CODECS.items() if other.sound)
        raise MediaError(f"{path}: this kind of film has no sound; {able} have")
    return codec, codec.sound


def _join(source: Any, container: Any, coding: Sound, sound: Track, offset: float) -> None:
    """Copy the pictures of ``source``, each preceded by the sound that comes before it."""
    pictures = source.streams.video[0]
    tags = {key: value for key, value in source.metadata.items() if key not in _OWN_TAGS}
    container.metadata.update(tags)
    copied = container.add_stream_from_template(pictures)
    stream = container.add_stream(coding.encoder, rate=coding.rate(sound.rate))
    stream.layout = "mono" if sound.channels == 1 else "stereo"
    stream.codec_context.format = coding.samples
    if coding.bit_rate is not None:
        stream.bit_rate = coding.bit_rate * sound.channels
    packets = _encoded(sound, stream, offset, _length(source, pictures))
    heard = Fraction(0)
    for packet in source.demux(pictures):
        if packet.dts is None:  # the empty one at the end
            continue
        shown = packet.dts * packet.time_base
        # Side by side in the file, so that a player needn't fetch from two places.
        while heard <= shown and (piece := next(packets, None)) is not None:
            heard = piece.pts * piece.time_base
            container.mux(piece)
        packet.stream = copied
        container.mux(packet)
    for piece in packets:
        container.mux(piece)


def _length(source: Any, pictures: Any) -> Fraction:
    """How long the pictures last, in seconds; Matroska says it of the whole file alone."""
    name = source.name.removeprefix("file:")
    if pictures.duration:
        length = Fraction(pictures.duration) * Fraction(pictures.time_base)
    elif source.duration:
        length = Fraction(source.duration, av.time_base)
    else:
        raise MediaError(f"{name}: doesn't say how long it is")
    if length > _LONGEST:  # so much silence would be written
        raise MediaError(
            f"{name}: says that it lasts {float(length):.0f} s; sound is added to films of up to "
            f"{_LONGEST} s; ffmpeg -i FILM -an -vf setpts=N/25/TB NEW writes it anew"
        )
    return length


def _encoded(sound: Track, stream: Any, offset: float, length: Fraction) -> Iterator[Any]:
    """The packets of exactly ``length`` seconds of sound from ``offset`` on."""
    context = stream.codec_context
    layout = context.layout.name
    resampler = av.AudioResampler(format=context.format, layout=layout, rate=context.rate)
    total = round(length * sound.rate)
    start = round(offset * sound.rate)
    at = 0
    for block in sound.blocks(start, start + total, size=sound.rate):
        samples = np.ascontiguousarray(block[:, : total - at])
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = sound.rate
        frame.time_base = Fraction(1, sound.rate)
        frame.pts = at
        at += samples.shape[1]
        for ready in resampler.resample(frame):
            yield from stream.encode(ready)
    for ready in resampler.resample(None):
        yield from stream.encode(ready)
    yield from stream.encode(None)


def _film(path: Path) -> Any:
    """The film as a container: a local file of ours and nothing else."""
    options = {"format_whitelist": "mov,matroska"}
    container = av.open(f"file:{path}", container_options=options, metadata_errors="replace")
    if not container.streams.video:
        container.close()
        raise MediaError(f"{path}: has no pictures in it; give the film that the sound goes with")
    return container


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Say what goes wrong inside FFmpeg or the file system in our words."""
    try:
        yield
    except av.FFmpegError as error:
        why = error.strerror or type(error).__name__
        raise MediaError(f"{path}: the film can't be joined with its sound ({why})") from error
    except OSError as error:
        raise MediaError(
            f"{path}: the film with its sound can't be written: {reason(error)}"
        ) from error
