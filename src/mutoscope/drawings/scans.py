"""Pages of drawings as files: what their headers say, and their pixels when they are wanted.

A page is a scan or a photograph in any common format. Its header is read at once, its pixels only
on demand: bytes, grey (H, W) or sRGB (H, W, 3), upright, transparent parts on white. A TIFF file of
several pages, as scanners with a feeder write them, is so many pages.
"""

import hashlib
import io
import logging
import math
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, UnidentifiedImageError

from mutoscope import fence
from mutoscope.atomic import reason
from mutoscope.errors import MediaError, printable

log = logging.getLogger("mutoscope")

MAX_PIXELS = 300_000_000
"""The largest page that is read, in pixels: an A3 sheet at 1200 dpi is 278 million."""

Pixels = npt.NDArray[np.uint8]
"""A page's pixels: (H, W) grey or (H, W, 3) sRGB, 0 to 255."""

SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif",
    ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".tga", ".jp2", ".j2k",
)  # fmt: skip
_READ = ("PNG", "JPEG", "MPO", "TIFF", "WEBP", "BMP", "GIF", "PPM", "AVIF", "TGA", "JPEG2000")
# What people have drawings in and Pillow can't open: passed over, but not in silence.
_STRANGE = (".heic", ".heif", ".pdf", ".psd", ".dng", ".cr2", ".nef", ".svg")
_MOST_FRAMES = 1000  # pages of one file
_GREY = ("1", "L", "LA", "La", "I", "F")
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DPI = (10.0, 20_000.0)  # what lies outside was written by a program that didn't know
_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class Page:
    """One page of a folder, known from its header.

    Attributes:
        path: The file.
        size: (width, height) in pixels, upright.
        dpi: Pixels per inch as the file says, or None.
        mode: How the file keeps its pixels, in Pillow's words: ``1``, ``L``, ``I;16``, ``RGB``, …
        channels: 1 if they are grey, else 3.
        frame: Which page of the file, from 0; only TIFF files have several.
        frames: How many pages the file has.
    """

    path: Path
    size: tuple[int, int]
    dpi: float | None
    mode: str
    channels: int
    frame: int = 0
    frames: int = 1

    @property
    def name(self) -> str:
        """What messages call it: the file's name, and the page where it has several."""
        return self.path.name + (f" page {self.frame + 1}" if self.frames > 1 else "")

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the file's bytes in hexadecimal; of later pages, of that and the number.

        Raises:
            MediaError: The file can't be read any more.
        """
        try:
            with self.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise MediaError(f"{self.path}: can't be read: {reason(error)}") from error
        if self.frame == 0:
            return digest
        return hashlib.sha256(f"{digest} page {self.frame}".encode()).hexdigest()

    def pixels(self, *, channels: int | None = None) -> Pixels:
        """The pixels, (H, W) for one channel and (H, W, 3) for three; by default as in the file.

        Transparent parts are laid on white, 16 bits are rounded to 8, other colour spaces become
        sRGB, and grey is luma, 0.299 R + 0.587 G + 0.114 B.

        Raises:
            MediaError: The file is damaged, or not the one any more whose header was read.
        """
        channels = channels or self.channels
        if channels not in (1, 3):
            raise ValueError(f"a page has 1 or 3 channels, not {channels}")
        with _opened(self.path) as picture:
            if self.frame:
                picture.seek(self.frame)
            if _upright(picture) != self.size:
                raise MediaError(f"{self.path}: has changed since it was looked at; start again")
            turn = _turn(picture)
            picture.load()
            if turn is None and picture.size != self.size:
                # Pillow mixes up rows and columns of such files; LZW and the like it turns well.
                raise MediaError(
                    f"{self.path}: is an uncompressed TIFF held sideways, which can't be read; "
                    "save it upright, or with compression"
                )
            flat = _flatten(picture if turn is None else picture.transpose(turn), channels)
        return np.ascontiguousarray(flat)


def read_page(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> list[Page]:
    """The pages of one file from its header: one, or as many as a TIFF file has.

    Raises:
        MediaError: It is no picture, is damaged, or has more than ``max_pixels``.
    """
    path = Path(path)
    with _opened(path) as picture:
        frames = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
        if frames > _MOST_FRAMES:
            raise MediaError(
                f"{path}: has {frames} pages; a file may have {_MOST_FRAMES}: split it"
            )
        pages = []
        for frame in range(frames):
            if frame:
                picture.seek(frame)
            page = _described(path, picture, max_pixels)
            pages.append(replace(page, frame=frame, frames=frames))
    return pages


def page_paths(folder: str | Path) -> list[Path]:
    """The files of pages in a folder, in the natural order of their names.

    Hidden files and what has no picture's ending are passed over, and so are folders in it, and
    links out of a `mutoscope.fence`, where there is one.

    Raises:
        MediaError: There is no such folder, or no picture in it.
    """
    folder = Path(folder)
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise MediaError(
            f"{folder}: {reason(error)}; give the folder in which the scans lie"
        ) from error
    strange = sorted(path.name for path in files if path.suffix.lower() in _STRANGE)
    if strange:
        log.warning(
            "%s: %s can't be read; save as PNG, TIFF or JPEG", folder, printable(_some(strange))
        )
    paths = [
        path for path in files
        if path.suffix.lower() in SUFFIXES and fence.within(path) and path.is_file()
    ]  # fmt: skip
    if not paths:
        raise MediaError(
            f"{folder}: there is no picture in it; scans may be PNG, TIFF, JPEG, WebP, BMP, GIF, "
            "PNM, AVIF, TGA and JPEG 2000 (to try things: mutoscope drawings sample pages)"
        )
    return sorted(paths, key=lambda path: natural(path.name))


def pages_of(folder: str | Path, *, max_pixels: int = MAX_PIXELS) -> list[Page]:
    """All pages of a folder, in the natural order of their names (2 before 10).

    Raises:
        MediaError: There is none, or some can't be read: the message names each.
    """
    pages: list[Page] = []
    wrong: list[str] = []
    for path in page_paths(folder):
        try:
            pages += read_page(path, max_pixels=max_pixels)
        except MediaError as error:
            wrong.append(str(error))
    if wrong:
        raise MediaError(f"{_some(wrong, '; ')}; mend or move what can't be read")
    return pages


def natural(name: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """A key that sorts names as people do: the numbers in them as numbers, capitals as small."""
    parts = _DIGITS.split(name)
    words = [word.lower() for word in parts[::2]]
    numbers = [*(int(digits) for digits in parts[1::2]), -1]  # a name has 255 characters at most
    return tuple(zip(words, numbers, strict=True)), name


def _some(items: list[str], between: str = ", ", most: int = 5) -> str:
    """The first of many, and how many more there are."""
    more = len(items) - most
    return between.join(items[:most]) + (f"{between}and {more} more" if more > 0 else "")


# ── files ──

_lock = threading.Lock()
_readers = 0
_usual: int | None = None


@contextmanager
def _large() -> Iterator[None]:
    """Let Pillow open what is large for a picture and usual for a scan; we judge sizes ourselves.

    Its limit is one for the whole program, so it is raised while any reader needs it.
    """
    global _readers, _usual
    with _lock:
        if _readers == 0:
            _usual = Image.MAX_IMAGE_PIXELS
            Image.MAX_IMAGE_PIXELS = None
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                Image.MAX_IMAGE_PIXELS = _usual


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A picture file, its header read; whatever fails inside becomes a MediaError that names it."""
    try:
        if not path.is_file():
            # a pipe or a device could be read for ever
            raise MediaError(f"{path}: is not a file")
        Image.init()
        formats = [name for name in _READ if name in Image.OPEN]
        with _large(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of oddities that it mends
            with Image.open(path, formats=formats) as picture:
                yield picture
    except MediaError:
        raise
    except UnidentifiedImageError as error:
        raise MediaError(f"{path}: is no picture that can be read, or is damaged") from error
    except OSError as error:
        why = reason(error) if error.errno else " ".join(str(error).split())[:200]
        raise MediaError(f"{path}: can't be read: {why}") from error
    except MemoryError as error:
        raise MediaError(f"{path}: there is not enough memory for this page") from error
    except Exception as error:
        # A damaged file can fail anywhere inside a decoder; whatever it is, it is the file.
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise MediaError(f"{path}: is damaged ({why})") from error


def _described(path: Path, picture: Image.Image, max_pixels: int) -> Page:
    width, height = _upright(picture)
    if width * height > max_pixels:
        raise MediaError(
            f"{path}: {width} × {height} is {width * height / 1e6:.0f} megapixels, allowed are "
            f"{max_pixels / 1e6:g}; scan or save it at a lower resolution"
        )
    channels = 1 if _is_grey(picture) else 3
    return Page(path, (width, height), _dpi(picture), picture.mode, channels)


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """How a picture is to be turned, by the Exif data of its header; TIFF files Pillow turns.

    The general reader of Exif is called, as that of PNG decodes all pixels for it.
    """
    if picture.format == "TIFF":
        return None
    return _TURNS.get(Image.Image.getexif(picture).get(_ORIENTATION, 1))


def _upright(picture: Image.Image) -> tuple[int, int]:
    width, height = picture.size
    turn = _turn(picture)
    sideways = turn is not None and turn in [_TURNS[value] for value in (5, 6, 7, 8)]
    return (height, width) if sideways else (width, height)


def _dpi(picture: Image.Image) -> float | None:
    """Pixels per inch; PNG keeps them per metre, so 300 comes back as 299.9994."""
    found = picture.info.get("dpi")
    try:
        across, down = (float(value) for value in found or ())
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    dpi = (across + down) / 2
    if not (math.isfinite(dpi) and _DPI[0] <= dpi <= _DPI[1]):
        return None
    return float(round(dpi)) if abs(dpi - round(dpi)) < 0.02 else round(dpi, 2)


def _is_grey(picture: Image.Image) -> bool:
    if picture.mode == "P":
        palette = np.asarray(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return picture.mode in _GREY or picture.mode.startswith("I;16")


# ── pixels ──


def _flatten(picture: Image.Image, channels: int) -> Pixels:
    """The bytes of a picture of any mode, on white paper."""
    if picture.mode.startswith(("I", "F")):
        grey = _shallow(picture)
        return grey if channels == 1 else np.repeat(grey[..., None], 3, axis=2)
    picture = _to_srgb(picture)
    mode = "L" if channels == 1 else "RGB"
    if "A" in picture.getbands() or "transparency" in picture.info:
        veiled = picture.convert("LA" if picture.mode == "LA" and channels == 1 else "RGBA")
        paper = Image.new(mode, picture.size, "white")
        paper.paste(veiled.convert(mode), mask=veiled.getchannel("A"))
        return np.asarray(paper)
    return np.asarray(picture.convert(mode))


def _shallow(picture: Image.Image) -> Pixels:
    """A grey picture of more than 8 bits as bytes: integers have 16, floats lie in [0, 1]."""
    values = np.asarray(picture)
    grey = np.empty(values.shape, np.uint8)
    scale = 255.0 if picture.mode.startswith("F") else 255 / 65_535
    for top in range(0, len(values), 1024):  # in strips: as floats a page takes four times the room
        strip = np.nan_to_num(values[top : top + 1024].astype(np.float32)) * np.float32(scale)
        grey[top : top + 1024] = np.clip(strip + 0.5, 0, 255.5)
    return grey


def _to_srgb(picture: Image.Image) -> Image.Image:
    """The picture in sRGB if it has a usable profile of another colour space, else as it is."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(theirs).lower():
            return picture
        target = "RGBA" if picture.mode == "RGBA" else "RGB"
        changed = ImageCms.profileToProfile(
            picture, theirs, ImageCms.createProfile("sRGB"), outputMode=target
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture  # a broken profile; what it would change is little for ink on paper
    return changed if changed is not None else picture
