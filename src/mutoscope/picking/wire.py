"""What goes over the wire: requests read strictly, and the book as the page is told of it."""

import json
from collections.abc import Iterable
from typing import Any

from mutoscope.drawings.cache import dpi_of
from mutoscope.drawings.specimens import MOST_PIXELS, Specimen
from mutoscope.errors import SettingsError
from mutoscope.picking.book import MOST_PICKED, Book
from mutoscope.picking.history import Changes
from mutoscope.picking.pictures import TILE, Pictures

_LONGEST_GESTURE = 40


def read_change(body: bytes) -> tuple[dict[int, list[Specimen]], int, str]:
    """The pages' specimens, the revision that was seen, and the gesture, of a request for a change.

    Raises:
        SettingsError: the body is anything else.
    """
    data = _object(body, {"pages", "revision", "gesture"})
    gesture, pages = data["gesture"], data["pages"]
    if not isinstance(gesture, str) or len(gesture) > _LONGEST_GESTURE:
        raise SettingsError("gesture: is no short text")
    if not isinstance(pages, dict) or not pages:
        raise SettingsError("pages: is no object of pages")
    changes = {}
    for key, rows in pages.items():
        if not (key.isascii() and key.isdecimal() and len(key) <= 6):
            raise SettingsError("pages: a key is no page's number")
        if not isinstance(rows, list) or len(rows) > MOST_PICKED:
            raise SettingsError(f"page {key}: is no list of at most {MOST_PICKED} places")
        changes[int(key)] = [_specimen(row) for row in rows]
    return changes, _whole(data["revision"]), gesture


def read_revision(body: bytes) -> int:
    """The revision that was seen, of a request that says nothing else."""
    return _whole(_object(body, {"revision"})["revision"])


def rows(specimens: Iterable[Specimen]) -> list[list[float]]:
    """Specimens as lists of x, y, side and angle."""
    return [[each.x, each.y, each.side, each.angle] for each in specimens]


def told_all(book: Book, pictures: Pictures) -> dict[str, Any]:
    """Everything that the page shows."""
    revision, picked, changed = book.everything()
    pages = [
        {
            "name": name,
            "width": page.size[0],
            "height": page.size[1],
            "dpi": dpi_of(page),
            "levels": pictures.levels(index),
            "version": page.digest[:12],
            "changed": changed[index],
            "places": rows(picked[index]),
        }
        for index, (name, page) in enumerate(zip(book.names, book.pages, strict=True))
    ]
    about = {"file": book.path.name, "tile": TILE, "inches": book.inches(), "pages": pages}
    return {**about, **_steps(book, revision)}


def told_changes(book: Book, changes: Changes) -> dict[str, Any]:
    """What has changed, after a step."""
    pages = {str(page): rows(picked) for page, picked in changes.items()}
    return {"pages": pages, **_steps(book, book.revision)}


def _steps(book: Book, revision: int) -> dict[str, int]:
    past, future = book.steps()
    return {"revision": revision, "undo": past, "redo": future}


def _object(body: bytes, keys: set[str]) -> dict[str, Any]:
    try:
        data = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SettingsError("the request is not JSON") from error
    if not isinstance(data, dict) or set(data) != keys:
        raise SettingsError(f"the request is not an object of {', '.join(sorted(keys))}")
    return data


def _specimen(row: object) -> Specimen:
    if not isinstance(row, list) or len(row) != 4:
        raise SettingsError("a place is no list of x, y, side and angle")
    return Specimen(*(_number(value) for value in row))


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise SettingsError("a place has something in it that is no number")
    if not -MOST_PIXELS <= value <= MOST_PIXELS:
        raise SettingsError("a place has a number in it that is too large")
    return float(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SettingsError("revision: is no number")
    return value


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
