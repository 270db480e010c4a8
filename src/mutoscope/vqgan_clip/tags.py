"""What players show of a film: its title and a description, put into one that is finished."""

import contextlib
from pathlib import Path

import av

from mutoscope.atomic import part_path, reason, settle
from mutoscope.errors import MediaError
from mutoscope.frames.codecs import codec_of

_OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder")


def add_tags(film: Path, *, title: str = "", description: str = "") -> None:
    """Have a film say these of itself; pictures and sound are copied as they are.

    Kinds of film that have no such tags (GIF, WebP, PNG) stay as they are.

    Raises:
        MediaError: it can't be read or written; it is then as it was.
    """
    wanted = {"title": title, "description": description}
    tags = {name: " ".join(text.split()) for name, text in wanted.items() if text.strip()}
    codec = codec_of(film)
    if not tags or codec.sound is None:
        return
    part = part_path(film)
    options = {**codec.container_options, "fflags": "+bitexact"}
    try:
        with (
            av.open(
                f"file:{film}",
                container_options={"format_whitelist": "mov,matroska"},
                metadata_errors="replace",
            ) as source,
            av.open(f"file:{part}", "w", format=codec.container, container_options=options) as made,
        ):
            kept = {k: v for k, v in source.metadata.items() if k not in _OF_THE_FILE}
            # Matroska has its names in capitals.
            kept = {k: v for k, v in kept.items() if k.lower() not in tags}
            made.metadata.update({**kept, **tags})
            streams = {
                stream.index: made.add_stream_from_template(stream)
                for stream in (*source.streams.video, *source.streams.audio)
            }
            for packet in source.demux([source.streams[index] for index in streams]):
                if packet.dts is None:  # the empty one at the end
                    continue
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
        settle(part, film)
    except av.FFmpegError as error:
        raise MediaError(f"{film}: its title can't be written ({error.strerror})") from error
    except OSError as error:
        raise MediaError(f"{film}: its title can't be written: {reason(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
