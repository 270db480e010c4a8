"""What a page has to know of a picture or film: its size, its recipe, and whether it changed."""

from pathlib import Path
from typing import Any

from mutoscope.errors import MediaError, MutoscopeError
from mutoscope.provenance import read_recipe
from mutoscope.studio.thumbs import FILMS

_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD = 24  # bytes of a PNG that end with its width and height


def size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels, None where it is no picture or film that can be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.startswith(_PNG) and len(head) == _HEAD:
            return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
        return _size_of_film(path) if path.suffix.lower() in FILMS else _size_of_picture(path)
    except (OSError, ValueError):
        return None


def recipe(path: Path) -> dict[str, Any] | None:
    """What a file says of its making; None where it says nothing that is understood."""
    try:
        return read_recipe(path)
    except (MutoscopeError, OSError):
        return None


def stamp(path: Path) -> tuple[int, int] | None:
    """What differs when a file or folder has changed; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _size_of_picture(path: Path) -> tuple[int, int] | None:
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP", "GIF")) as image:
            return image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, SyntaxError):
        return None


def _size_of_film(path: Path) -> tuple[int, int] | None:
    import av

    from mutoscope.frames.clip import open_film

    try:
        with open_film(path) as container:
            stream = container.streams.video[0]
            return stream.width, stream.height
    except (MediaError, av.FFmpegError, IndexError):
        return None
