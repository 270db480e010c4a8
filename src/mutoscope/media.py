"""Opening films and sounds: local files alone, of formats that name no others."""

from pathlib import Path
from typing import Any

import av

from mutoscope.atomic import reason
from mutoscope.errors import MediaError

FAILURES = (av.FFmpegError, OSError, ValueError, ArithmeticError)
"""What a damaged file can make of FFmpeg and its bindings."""


def open_media(path: Path, *, formats: str, kind: str) -> Any:
    """The file as a container, read as a local file and nothing else.

    Args:
        path: the file.
        formats: the containers that are read, with commas between them. Playlists and others that
            name further files or addresses must not be among them: a file may come from anywhere.
        kind: what it should be, for messages: film or sound.

    Raises:
        MediaError: it is not there, can't be read, or is none.
    """
    try:
        if not path.is_file():
            what = f"is a folder, not a {kind}" if path.is_dir() else "does not exist"
            raise MediaError(f"{path}: {what}; paths are relative to the settings file")
        return av.open(
            f"file:{path}",
            container_options={"format_whitelist": formats},
            metadata_errors="replace",
        )
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {reason(error)}") from error
    except FAILURES as error:
        raise MediaError(f"{path}: is damaged or no {kind} ({say(error)})") from error


def say(error: Exception) -> str:
    """What FFmpeg says of a failure, in a few words."""
    return str(getattr(error, "strerror", None) or type(error).__name__)
