"""A sweep as one HTML page: its pictures in rows and columns, with what each was made from.

The page needs nothing but the folder it lies in: pictures, films and thumbnails are named by where
they lie from there, and it may be opened from the disk. The last axis goes across, the one before
it down; each combination of those before these has a table of its own. A single axis wraps.
"""

import base64
import hashlib
import itertools
import logging
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from mutoscope import atomic
from mutoscope.errors import MediaError, RunError, printable
from mutoscope.images import encode, load_image, resize
from mutoscope.run import layout
from mutoscope.sweep.dressing import SCRIPT, STYLE
from mutoscope.sweep.folder import CSV, PAGE, PARQUET, THUMBS, SheetFolder
from mutoscope.sweep.results import Row

log = logging.getLogger("mutoscope")

THUMB = 256  # pixels of the longer side
_TERMS = 6  # losses that are told of a picture


def write_thumb(sheet: SheetFolder, index: int) -> None:
    """Write the thumbnail of a job that is complete, where there is none yet.

    Raises:
        RunError: it can't be written.
    """
    path = sheet.folder / _thumb(sheet.sweep.jobs[index].name)
    if path.exists() or (picture := sheet.picture(index)) is None:
        return
    try:
        image = load_image(picture)
        height, width = image.shape[-2:]
        scale = min(1.0, THUMB / max(width, height))
        image = resize(image, (max(1, round(width * scale)), max(1, round(height * scale))))
        path.parent.mkdir(exist_ok=True)
        atomic.write_bytes(path, encode(image, ".jpg", quality=85), durable=False)
    except MediaError as error:
        log.warning("%s; the page shows nothing in its place", error)
    except OSError as error:
        raise RunError(
            f"{path}: can't be written: {atomic.reason(error)}; the pictures stand"
        ) from error


def write_page(sheet: SheetFolder, rows: Sequence[Row]) -> None:
    """Write the page of a sweep as it is now.

    Raises:
        RunError: it can't be written.
    """
    path = sheet.folder / PAGE
    try:
        atomic.write_text(path, page(sheet, rows))
    except OSError as error:
        raise RunError(
            f"{path}: can't be written: {atomic.reason(error)}; the pictures stand"
        ) from error


def page(sheet: SheetFolder, rows: Sequence[Row]) -> str:
    """The text of the page; every word from outside is text in it."""
    policy = (
        "default-src 'none'; img-src 'self' file:; media-src 'self' file:; "
        f"style-src 'unsafe-inline'; script-src 'sha256-{_digest(SCRIPT)}'"
    )
    title = _text(sheet.sweep.order.title or sheet.sweep.name)
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name=viewport content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(sheet.sweep.name)}: sweep</title>\n<style>{STYLE}</style>\n<body>\n"
        f"<main>\n<h1>{title}</h1>\n{_told(sheet, rows)}\n{_tables(sheet, rows)}\n</main>\n"
        f"{_VIEWER}\n<script>{SCRIPT}</script>\n</body></html>\n"
    )


_VIEWER = (
    "<dialog aria-labelledby=named><form method=dialog class=bar><button type=button id=before "
    'aria-label="the one before">←</button><button type=button id=after aria-label="the next one">'
    "→</button><h2 id=named></h2><button aria-label=close>✕</button></form>"
    "<div id=shown></div><div id=told></div></dialog>"
)


def _told(sheet: SheetFolder, rows: Sequence[Row]) -> str:
    """How far it is, and where the table lies."""
    counts = {state: sum(row.state == state for row in rows) for state in _STATES}
    said = ", ".join(f"{count} {_STATES[state]}" for state, count in counts.items() if count)
    tables = [name for name in (CSV, PARQUET) if (sheet.folder / name).exists()]
    links = " · ".join(f'<a href="{name}">{name}</a>' for name in tables)
    return f"<p>{len(rows)} jobs: {said}. {links}</p>"


_STATES = {"done": "done", "failed": "failed", "begun": "begun", "waiting": "not begun"}


def _tables(sheet: SheetFolder, rows: Sequence[Row]) -> str:
    """All cells: wrapped for one axis, else a table for each combination of the outer axes."""
    axes = sheet.sweep.axes
    cells = [_cell(row) for row in rows]
    if len(axes) == 1:
        figures = (
            f"<figure>{cell}<figcaption>{_text(label)}</figcaption></figure>"
            for cell, label in zip(cells, axes[0], strict=True)
        )
        return f"<section class=wrapped>{''.join(figures)}</section>"
    *outer, down, across = axes
    size = len(down) * len(across)
    parts = []
    for number, labels in enumerate(itertools.product(*outer)):
        caption = _text("  ·  ".join(labels))
        heading = f"<h2>{caption}</h2>" if labels else ""
        name = caption or _text(sheet.sweep.name)
        own = cells[number * size : (number + 1) * size]
        parts.append(heading + _table(name, down, across, own))
    return "\n".join(parts)


def _table(name: str, down: Sequence[str], across: Sequence[str], cells: Sequence[str]) -> str:
    heads = "".join(f"<th scope=col>{_text(label)}</th>" for label in across)
    lines = [f"<tr><td></td>{heads}</tr>"]
    for number, label in enumerate(down):
        own = cells[number * len(across) : (number + 1) * len(across)]
        line = "".join(f"<td>{cell}</td>" for cell in own)
        lines.append(f"<tr><th scope=row>{_text(label)}</th>{line}</tr>")
    return (
        f'<div class=scrolled role=region tabindex=0 aria-label="{name}"><table>'
        f"{''.join(lines)}</table></div>"
    )


def _cell(row: Row) -> str:
    """A job's place: its picture as a link that opens it, or why there is none."""
    named = _text(", ".join(f"{key}={value}" for key, value in row.axes.items()))
    if row.state != "done":
        why = f": {row.error}" if row.error else ""
        told = f"{_STATES[row.state]}{why}"
        kind = " failed" if row.state == "failed" else ""
        return (
            f'<div class="empty{kind}" tabindex=0 data-named="{named}" title="{_text(told)}">'
            f"<p>{_text(told)}</p></div>"
        )
    whole = row.film or row.picture
    film = " data-film" if row.film else ""
    return (
        f'<a href="{_link(whole)}" data-named="{named}" data-told="{_text(_lines(row))}"{film}>'
        f'<img src="{_link(_thumb(row.job))}" alt="{named}" loading=lazy></a>'
    )


def _lines(row: Row) -> str:
    """What is told of a picture when it is opened: a line each, name and value."""
    terms = sorted(row.losses.items(), key=lambda item: (item[0] != "total", -abs(item[1])))
    losses = {f"loss, {name}": f"{value:.4f}" for name, value in terms[: _TERMS + 1]}
    settings = f"{row.job}/{layout.SETTINGS}"
    told: Mapping[str, str] = {
        **row.axes,
        "steps": str(row.steps),
        "seconds": f"{row.seconds:.1f}",
        **losses,
        "picture": row.picture,
        "settings": settings,
        "again, from this folder": f"mutoscope render {shlex.quote(settings)}",
    }
    return "\n".join(f"{key}\t{' '.join(value.split())}" for key, value in told.items())


def _thumb(job: str) -> str:
    return f"{THUMBS}/{job}.jpg"


def _link(path: str) -> str:
    """A path in the folder as an address: what the web gives a meaning is none here."""
    return escape(quote(path), quote=True)


def _text(words: str) -> str:
    return escape(printable(words, allowed="\n\t"), quote=True)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
