"""The files that a training learns from: which there are, and which they were."""

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from mutoscope.atomic import reason
from mutoscope.errors import MediaError

log = logging.getLogger("mutoscope")

# What the formats that we read are called; other files in the folder are nobody's business.
SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib",
    ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".tga", ".jp2", ".j2k",
)  # fmt: skip
ALLOWED = "PNG, JPEG, WebP, GIF, BMP, TIFF, PNM, AVIF, TGA and JPEG 2000"


def find_pictures(folder: Path, *, besides: Path | None = None) -> list[Path]:
    """The picture files in ``folder`` and the folders in it, in the order of their names.

    Hidden files and folders are left out, and so is the folder ``besides``; links to folders are
    not followed.

    Raises:
        MediaError: it is no folder, or there is no picture in it.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise MediaError(f"{folder}: {what}; give the folder in which the pictures lie")
    found: list[Path] = []
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".")
            and not (besides and Path(place, name).absolute() == besides.absolute())
        )  # fmt: skip
        names = (name for name in files if not name.startswith("."))
        found += [Path(place, name) for name in names if Path(name).suffix.lower() in SUFFIXES]
    for error in closed:
        log.warning("%s: can't be read: %s; skipped", error.filename, reason(error))
    if not found:
        raise MediaError(f"{folder}: there is no picture in it; allowed are {ALLOWED}")
    return sorted(found)


def fingerprint(folder: Path, paths: Sequence[Path]) -> str:
    """Which files these are, by name and size: another fingerprint, another set of pictures."""
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        size = path.stat().st_size if path.is_file() else -1
        digest.update(f"{path.relative_to(folder).as_posix()}|{size}\n".encode(errors="replace"))
    return digest.hexdigest()
