"""What is shown of pages: thumbnails, and tiles at halved sizes, so that large scans come quickly.

Level 0 is the scan itself; each further level is half as large both ways, down to one that is a
single tile. A tile is cut from the mapped page when it is asked for, so nothing else is stored.
"""

import threading
from collections.abc import Sequence

import cv2
import numpy as np

from mutoscope.drawings.cache import PageCache, dpi_of
from mutoscope.drawings.grid import Pixels
from mutoscope.drawings.scans import Page
from mutoscope.drawings.specimens import GAP_MM, LEAST_MM, Specimen, find_specimens
from mutoscope.errors import SettingsError

TILE = 512
THUMB = (176, 176)
_QUALITY = 88
_BUSY = 2  # pages that are decoded at the same time


class Pictures:
    """The pictures of pages, as JPEG.

    Args:
        pages: of one folder.
        cache: where their decoded pixels lie.

    Every method may be called by several threads, and raises `MediaError` if the page can't be
    read, `SettingsError` if there is no such page or tile.
    """

    def __init__(self, pages: Sequence[Page], cache: PageCache) -> None:
        self.pages = pages
        self._cache = cache
        self._locks = [threading.Lock() for _ in pages]
        self._decoding = threading.BoundedSemaphore(_BUSY)
        self._thumbs: dict[int, bytes] = {}

    def levels(self, page: int) -> int:
        """How many levels a page has."""
        return max(0, (max(self._page(page).size) - 1) // TILE).bit_length() + 1

    def tile(self, page: int, level: int, column: int, row: int) -> bytes:
        """A tile of at most `TILE` pixels both ways; those at the right and below are smaller."""
        width, height = self._page(page).size
        side = TILE << level if 0 <= level < self.levels(page) else 0
        left, top = column * side, row * side
        if not side or not (0 <= left < width and 0 <= top < height):
            raise SettingsError(f"page {page}: has no tile {level}/{column}/{row}")
        part = self._pixels(page)[top : top + side, left : left + side]
        size = tuple(-(-length // (1 << level)) for length in (part.shape[1], part.shape[0]))
        return _jpeg(_reduced(part, (size[0], size[1])))

    def thumbnail(self, page: int) -> bytes:
        """The whole page, at most `THUMB` pixels."""
        if page not in self._thumbs:
            width, height = self._page(page).size
            factor = min(THUMB[0] / width, THUMB[1] / height, 1.0)
            size = max(1, round(width * factor)), max(1, round(height * factor))
            self._thumbs[page] = _jpeg(_reduced(self._pixels(page), size))
        return self._thumbs[page]

    def proposed(
        self, page: int, *, gap_mm: float = GAP_MM, least_mm: float = LEAST_MM
    ) -> list[Specimen]:
        """What the finder takes for specimens on a page, in the scan's pixels."""
        return find_specimens(
            self._pixels(page), dpi_of(self._page(page)), gap_mm=gap_mm, least_mm=least_mm
        )

    def _page(self, page: int) -> Page:
        if not 0 <= page < len(self.pages):
            raise SettingsError(f"page: {page} is not there; allowed are 0–{len(self.pages) - 1}")
        return self.pages[page]

    def _pixels(self, page: int) -> Pixels:
        """A page at the scan's own resolution; decoded once, however many ask at a time."""
        scan = self._page(page)
        with self._locks[page]:
            path = self._cache.path(scan, channels=scan.channels, dpi=dpi_of(scan))
            if path.exists():
                return self._cache.open(scan, channels=scan.channels, dpi=dpi_of(scan))
            with self._decoding:
                return self._cache.open(scan, channels=scan.channels, dpi=dpi_of(scan))


def _reduced(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    small: Pixels = np.asarray(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8
    )
    return small


def _jpeg(pixels: Pixels) -> bytes:
    """A picture's bytes as a JPEG file."""
    turned = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError(f"a picture of shape {pixels.shape} can't be encoded")
    return bytes(data)
