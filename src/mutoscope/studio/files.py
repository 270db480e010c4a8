"""Files of the place, as a browser may have them: pictures and films, and text to be saved."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from mutoscope.errors import MutoscopeError
from mutoscope.studio.place import Place
from mutoscope.studio.thumbs import FILMS, PICTURES, WIDTHS, Thumbnails

PREFIX = "/files"

# What a browser shows by itself. SVG and HTML can do more than be seen, so they are not among them.
SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
}
_STAYS = "private, max-age=86400, immutable"  # its address has the moment of its last change
_ASKS = "private, no-cache"


def url_of(place: Place, path: Path) -> str:
    """The address of a file in the place; it changes when the file does.

    ``&w=320`` after it asks for a thumbnail, ``&save=1`` for the file to be saved.

    Raises:
        MediaError: it lies outside.
    """
    name = place.name_of(path)
    try:
        version = path.stat().st_mtime_ns
    except OSError:
        version = 0
    return f"{PREFIX}/{quote(name)}?v={version:x}"


def answering(place: Place, thumbnails: Thumbnails) -> Callable[[Request], Awaitable[Response]]:
    """What answers to `PREFIX`: the file itself, any part of it, or its thumbnail."""

    async def answer(request: Request) -> Response:
        path = _found(place, request.path_params["name"])
        if path is None:
            return PlainTextResponse("there is nothing here", 404)
        suffix, query = path.suffix.lower(), request.query_params
        cache = {"Cache-Control": _STAYS if "v" in query else _ASKS}
        width = query.get("w", "")
        if width:
            if suffix not in PICTURES | FILMS or not (width.isascii() and width.isdecimal()):
                return PlainTextResponse("there is nothing here", 404)
            try:
                wide = int(width[:6]) or WIDTHS[0]
                kept = await run_in_threadpool(thumbnails.of, path, wide)
            except MutoscopeError:
                return PlainTextResponse("there is nothing here", 404)
            return FileResponse(kept, media_type="image/jpeg", headers=cache)
        if suffix in SHOWN and "save" not in query:
            return FileResponse(path, media_type=SHOWN[suffix], headers=cache)
        return FileResponse(
            path, media_type="application/octet-stream", filename=path.name, headers=cache
        )

    return answer


def _found(place: Place, name: str) -> Path | None:
    """The file that a name means, if a browser may have it: none that is hidden, none of our own.

    What is hidden is told by the name and by where links lead.
    """
    try:
        path = place.inside(name)
        named = [*Path(name).parts, *path.relative_to(place.root).parts]
        if any(part.startswith(".") for part in named) or not place.holds(path):
            return None
        return path if path.is_file() else None
    except (MutoscopeError, OSError, ValueError):
        return None
