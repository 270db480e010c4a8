"""Small pictures of large ones, and of films: made once, kept in the studio's own folder."""

import contextlib
import hashlib
import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from mutoscope import atomic
from mutoscope.errors import MediaError
from mutoscope.studio.place import Place

if TYPE_CHECKING:
    import PIL.Image

WIDTHS = (160, 320, 640, 1280)
FILMS = frozenset({".mp4", ".webm", ".mov", ".mkv"})
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})
MOST_PIXELS = 170_000_000  # of a JPEG, which is read at a fraction of its size
MOST_WHOLE = 100_000_000  # of what has to be read whole, twice for a moment: 800 MB at most
MOST_KEPT = 20_000
_QUALITY = 84
_TALLEST = 4  # times as high as it is wide
_MANY = 16_000_000  # pixels above which pictures are read one at a time
_LARGE = threading.Lock()
_TURN = 0x0112  # the tag of EXIF that says how a picture lies; 5 and above are on their side


class Thumbnails:
    """Makes and keeps them; two at a time at most, so that rendering is not held up."""

    def __init__(self, place: Place) -> None:
        self._folder = place.own / "thumbs"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._turns = threading.BoundedSemaphore(2)

    def of(self, path: Path, width: int) -> Path:
        """The JPEG of a picture or film that is at most as wide as the next of `WIDTHS`.

        Raises:
            MediaError: it can't be read, or is too large.
        """
        width = next((each for each in WIDTHS if each >= width), WIDTHS[-1])
        try:
            stat = path.stat()
        except OSError as error:
            raise MediaError(f"{path.name}: {atomic.reason(error)}") from error
        key = f"{path}\0{stat.st_mtime_ns}\0{stat.st_size}\0{width}"
        name = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:40]
        kept = self._folder / name[:2] / f"{name}.jpg"
        if kept.is_file():
            return kept
        with self._turns:
            if not kept.is_file():
                data = small(path, width)
                try:
                    kept.parent.mkdir(exist_ok=True)
                    atomic.write_bytes(kept, data, durable=False)
                except OSError as error:
                    why = atomic.reason(error)
                    raise MediaError(f"a thumbnail can't be kept: {why}") from error
        return kept

    def prune(self) -> None:
        """Remove the oldest where there are too many."""
        kept = []
        for path in self._folder.glob("??/*.jpg"):
            try:
                kept.append((path.stat().st_mtime, path))
            except OSError:
                continue
        for _, path in sorted(kept)[: max(0, len(kept) - MOST_KEPT)]:
            path.unlink(missing_ok=True)


def small(path: Path, width: int) -> bytes:
    """A picture, or the first of a film, as a JPEG of at most ``width`` pixels across.

    Raises:
        MediaError: it can't be read, or has too many pixels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        if path.suffix.lower() in FILMS:
            image = _first(path)
        else:
            image = Image.open(path, formats=("PNG", "JPEG", "WEBP", "GIF"))
        with image:
            pixels = image.width * image.height
            if pixels > (MOST_PIXELS if image.format == "JPEG" else MOST_WHOLE):
                raise MediaError(f"{path.name}: is too large for a thumbnail")
            box = (width, width * _TALLEST)
            with _LARGE if pixels > _MANY else contextlib.nullcontext():
                image.thumbnail(box if image.getexif().get(_TURN, 1) < 5 else box[::-1])
            turned = ImageOps.exif_transpose(image)
            if turned.mode != "RGB":
                seen = turned.convert("RGBA")
                plain = Image.new("RGBA", seen.size, (24, 24, 27, 255))
                turned = Image.alpha_composite(plain, seen).convert("RGB")
            file = io.BytesIO()
            turned.save(file, "JPEG", quality=_QUALITY, progressive=True)
            return file.getvalue()
    except (
        OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:  # fmt: skip
        raise MediaError(f"{path.name}: can't be shown; it is damaged or no picture") from error


def _first(path: Path) -> "PIL.Image.Image":
    """The first picture of a film."""
    import av

    from mutoscope.frames.clip import open_film  # as local films alone: a playlist is none

    try:
        with open_film(path) as container:
            stream = container.streams.video[0]
            if stream.width * stream.height > MOST_WHOLE:
                raise MediaError(f"{path.name}: is too large for a thumbnail")
            image: PIL.Image.Image = next(container.decode(stream)).to_image()
            return image
    except (av.FFmpegError, IndexError, StopIteration) as error:
        raise MediaError(f"{path.name}: can't be shown; it is damaged or no film") from error
