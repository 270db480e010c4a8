"""Decoded pages on disk, mapped into memory: a crop reads only the rows that it needs.

Each page lies in the cache as the bytes of an array, at the resolution at which tiles are cut from
it, under a name made of the scan's digest. So a scan that changes gets a new entry, one that is
merely renamed or copied doesn't, and several programs can share the folder. What has not been used
for longest goes when the folder grows too large.
"""

import contextlib
import logging
import os
import tokenize
from pathlib import Path

import cv2
import numpy as np

from mutoscope import atomic, fence
from mutoscope.drawings.grid import Pixels, cell_pixels
from mutoscope.drawings.scans import Page
from mutoscope.errors import MediaError

log = logging.getLogger("mutoscope")

FORM = 1  # of what the entries hold; another number, other entries
LIMIT_BYTES = 20 * 2**30
USUAL_DPI = 300.0
MOST_PIXELS = 1_200_000_000  # of an enlarged page


def default_folder() -> Path:
    """Where the cache is unless something else is said: ``~/.cache/mutoscope/pages``.

    Within a fence it is among the fence's own files: all that works there shares it.
    """
    if fence.is_up():
        return Path(os.environ[fence.VARIABLE]) / fence.OWN / "pages"
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home or Path.home() / ".cache").expanduser() / "mutoscope" / "pages"


def dpi_of(page: Page) -> float:
    """The resolution of a page; 300 where its file doesn't say."""
    return USUAL_DPI if page.dpi is None else page.dpi


class PageCache:
    """A folder of decoded pages.

    Args:
        folder: where; it is made if need be.
        limit_bytes: how large it may grow. The pages in use are never removed for it.
    """

    def __init__(self, folder: Path | None = None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder or default_folder()
        self.limit_bytes = limit_bytes
        self._used: set[Path] = set()

    def open(self, page: Page, *, channels: int, dpi: float) -> Pixels:
        """The pixels of a page at ``dpi``, (H, W) or (H, W, 3), mapped and not to be written to.

        Raises:
            MediaError: the page can't be read, or the cache can't be written.
        """
        path, shape = self.path(page, channels=channels, dpi=dpi), _shape(page, channels, dpi)
        mapped = _mapped(path, shape)
        if mapped is None:
            self._fill(path, page, channels, shape)
            mapped = _mapped(path, shape)
        if mapped is None:
            raise MediaError(f"{path}: was written and can't be read again; is the disk sound?")
        self._used.add(path)
        with contextlib.suppress(OSError):
            os.utime(path)  # the youngest stay when room is made
        return mapped

    def path(self, page: Page, *, channels: int, dpi: float) -> Path:
        """The entry's file."""
        return self.folder / f"{page.digest[:40]}-{channels}-{round(dpi, 2):g}-{FORM}.npy"

    def _fill(self, path: Path, page: Page, channels: int, shape: tuple[int, ...]) -> None:
        """Decode a page, scale it and write it down."""
        pixels = page.pixels(channels=channels)
        if pixels.shape != shape:
            pixels = scaled(pixels, (shape[1], shape[0]))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(pixels.nbytes)
            with atomic.replacing(path, durable=False) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(pixels), allow_pickle=False)
        except OSError as error:
            raise MediaError(
                f"{page.path}: its decoded copy can't be written to {path}: "
                f"{atomic.reason(error)}; name another folder for the cache"
            ) from error

    def _make_room(self, coming: int) -> None:
        """Remove the entries that were not used for longest, so that ``coming`` bytes fit in."""
        entries = [(path, path.stat()) for path in self.folder.glob("*.npy")]
        total = coming + sum(stat.st_size for _, stat in entries)
        for path, stat in sorted(entries, key=lambda entry: entry[1].st_mtime):
            if total <= self.limit_bytes:
                return
            if path in self._used:
                continue
            with contextlib.suppress(OSError):  # in use by another program, on some systems
                path.unlink()
                total -= stat.st_size


def scaled(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """A page at another size (width, height); by areas on the way down, cubic on the way up."""
    smaller = size[0] <= pixels.shape[1] and size[1] <= pixels.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    result: Pixels = np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8)
    return result


def _shape(page: Page, channels: int, dpi: float) -> tuple[int, ...]:
    """The shape of a page's entry."""
    cell_pixels(dpi)  # refuses what is no resolution
    scale = dpi / dpi_of(page)
    width, height = (max(1, round(side * scale)) for side in page.size)
    if scale > 1 and width * height > MOST_PIXELS:
        raise MediaError(
            f"{page.path}: would have {width} × {height} pixels at {dpi:g} dpi; choose a lower dpi"
        )
    return (height, width) if channels == 1 else (height, width, 3)


def _mapped(path: Path, shape: tuple[int, ...]) -> Pixels | None:
    """An entry as a mapped array, or None where there is none or it is not whole."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, tokenize.TokenError, RecursionError, MemoryError,
            OverflowError, SyntaxError, TypeError) as error:  # fmt: skip
        # What describes the array is a Python literal, and NumPy reads it as one.
        log.warning("%s: is damaged (%s); made anew", path, str(error)[:80])
        return None
    if not isinstance(array, np.memmap) or array.dtype != np.uint8 or array.shape != shape:
        return None
    plain: Pixels = array
    return plain
