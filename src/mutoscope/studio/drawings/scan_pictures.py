"""Pictures of scans for a page: any format that scans have, any page of a file, made small once.

What browsers show and `mutoscope.studio.thumbs` makes small are pictures of the web; scans are TIFF
files of several pages too.
"""

import hashlib
import threading
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from mutoscope import atomic
from mutoscope.drawings.scans import SUFFIXES, read_page
from mutoscope.errors import MediaError
from mutoscope.studio.place import Place

PREFIX = "/scans"
WIDTHS = (320, 1280)
_QUALITY = 86
_TALLEST = 3  # times as high as it is wide


def address(place: Place, path: Path, frame: int = 0, *, width: int = WIDTHS[0]) -> str:
    """Where a page's picture is; it changes when the file does.

    Raises:
        MediaError: the file lies outside of the place, or is not there any more.
    """
    name = quote(place.name_of(path))
    return f"{PREFIX}/{name}?page={frame}&w={width}&v={_version(path):x}"


class ScanPictures:
    """Answers what lies below `PREFIX`; two pages are decoded at a time at most."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._folder = place.own / "thumbs" / "scans"
        self._turns = threading.BoundedSemaphore(2)

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        try:
            frame, width = (int(request.query_params.get(key, "")[:6]) for key in ("page", "w"))
            path = self._place.inside(request.path_params["name"])
            hidden = any(part.startswith(".") for part in path.relative_to(self._place.root).parts)
            if hidden or width not in WIDTHS or path.suffix.lower() not in SUFFIXES:
                raise MediaError("there is no such picture")
            kept = await run_in_threadpool(self.of, path, frame, width)
        except (ValueError, MediaError, OSError):
            return PlainTextResponse("there is nothing here", 404)
        stays = {"Cache-Control": "private, max-age=86400, immutable"}
        return FileResponse(kept, media_type="image/jpeg", headers=stays)

    def of(self, path: Path, frame: int, width: int) -> Path:
        """The JPEG of a page, at most ``width`` pixels across.

        Raises:
            MediaError: the page can't be read, or its picture not be kept.
        """
        key = f"{path}\0{_version(path)}\0{frame}\0{width}"
        kept = self._folder / f"{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:40]}.jpg"
        if kept.is_file():
            return kept
        with self._turns:
            pages = read_page(path)
            if not 0 <= frame < len(pages):
                raise MediaError(f"{path.name}: has {len(pages)} pages")
            data = _small(pages[frame].pixels(), width)
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                atomic.write_bytes(kept, data, durable=False)
            except OSError as error:
                raise MediaError(f"a picture can't be kept: {atomic.reason(error)}") from error
        return kept


def _small(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], width: int) -> bytes:
    height, wide = pixels.shape[:2]
    factor = min(1.0, width / wide, _TALLEST * width / height)
    size = max(1, round(wide * factor)), max(1, round(height * factor))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if factor < 1 else pixels
    turned = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise MediaError("a page can't be made small")
    return bytes(data)


def _version(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise MediaError(f"{path.name}: {atomic.reason(error)}") from error
