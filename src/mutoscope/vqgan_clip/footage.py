"""The frames of footage that is painted anew, checked before any work."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.frames import FilmSink
from mutoscope.images import load_image


class FootageError(MediaError, ValueError):
    """Footage that is none; a ``ValueError`` too, as it was in vqgan-clip-generator."""


@dataclass(frozen=True)
class Footage:
    """Pictures of one size, in order, each in a file."""

    paths: tuple[Path, ...]

    RATE: ClassVar[int] = 30
    """Of the film that they are packed into; they are followed one by one, whatever it is."""

    @property
    def names(self) -> frozenset[str]:
        """What the frames painted from them are called."""
        return frozenset(f"{path.stem}.jpg" for path in self.paths)

    def key(self) -> str:
        """What tells these pictures from others."""
        stats = [(path, path.stat()) for path in self.paths]
        traits = [[path.name, stat.st_size, stat.st_mtime_ns] for path, stat in stats]
        return hashlib.sha256(repr(traits).encode()).hexdigest()[:16]

    def pack(self, film: Path) -> str:
        """Write them into one film without loss; its path from here, which recipes can show."""
        sink = FilmSink(film, self.RATE, overwrite=True)
        try:
            for path in self.paths:
                sink.write(load_image(path))
            sink.close()
        except BaseException:
            sink.abort()
            raise
        return os.path.relpath(film)


def read_footage(frames: Any, target: Path) -> Footage:
    """The frames of a list of paths, none of which lies where the results go.

    Raises:
        FootageError: it is no list of pictures of one size, or two have the same name.
    """
    if isinstance(frames, str | Path) or not isinstance(frames, Sequence):
        raise FootageError(
            f"video_frames must be a list of paths to files; {frames!r} is none, "
            "mutoscope.video_tools.extract_video_frames returns one"
        )
    if not frames:
        raise FootageError("video_frames: the list is empty; the footage has no frame")
    paths = tuple(Path(path) for path in frames)
    first: tuple[int, int] | None = None
    for path in paths:
        if not path.is_file():
            raise FootageError(
                f"video_frames: {path} does not exist; is a frame of the footage missing? "
                "Extract it again"
            )
        size = _size_of(path)
        first = first or size
        if size != first:
            raise FootageError(
                f"video_frames: {path} is {size[0]} × {size[1]}, but {paths[0].name} is "
                f"{first[0]} × {first[1]}; the frames of footage have one size"
            )
        if path.resolve().parent == target.resolve():
            raise FootageError(
                f"video_frames: {path} lies in {target}, where the results are to go; give "
                "another generated_video_frames_path"
            )
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise FootageError(
            f"video_frames: two are called {twice}, and so would their results be; rename one"
        )
    return Footage(paths)


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height by the file's header; what can't be told from it is read."""
    try:
        with Image.open(path) as picture:
            if not picture.getexif().get(0x0112, 1) > 4:  # turned upright, sides stay sides
                return picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        pass
    image = load_image(path)  # says what is wrong with it
    return image.shape[-1], image.shape[-2]
