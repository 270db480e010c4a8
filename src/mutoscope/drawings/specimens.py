"""Specimens: single motifs on a page, picked by hand or found by their connected ink.

The file of specimens is JSON: for each page its name, digest and size, and of each specimen the
centre, the side of the square that holds it, and an angle, in the scan's own pixels and degrees.
So they can be cut at any resolution, and a scan that has changed is noticed.
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mutoscope import atomic
from mutoscope.drawings.cutting import Place
from mutoscope.drawings.grid import Pixels
from mutoscope.drawings.ink import Mask, find_ink
from mutoscope.drawings.margins import load_json
from mutoscope.drawings.sheets import Sheet
from mutoscope.errors import MediaError, SettingsError, printable

log = logging.getLogger("mutoscope")

NAME = "specimens.json"
VERSION = 1
MOST_BYTES = 64 * 2**20
MOST_PIXELS = 1e6  # of a coordinate
GAP_MM, LEAST_MM, BORDER = 2.0, 4.0, 0.12
VARIANTS = 8


@dataclass(frozen=True)
class Specimen:
    """One motif: its centre ``x``, ``y``, the ``side`` of its square, its ``angle`` in degrees."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def scaled(self, factor: float) -> "Specimen":
        """The same on a page that is ``factor`` times as large."""
        x, y, side = (round(value * factor, 2) for value in (self.x, self.y, self.side))
        return Specimen(x, y, side, self.angle)


def find_specimens(
    pixels: Pixels,
    dpi: float,
    *,
    gap_mm: float = GAP_MM,
    least_mm: float = LEAST_MM,
    border: float = BORDER,
) -> list[Specimen]:
    """The motifs on a page, row by row, each in a square of its own.

    Lines nearer than a gap belong to one motif. Specks, and what runs along the page's edge, are
    passed over.

    Args:
        pixels: (H, W) or (H, W, 3).
        dpi: of them.
        gap_mm: the widest gap within a motif.
        least_mm: what is smaller both ways is none.
        border: white around a motif, as a share of its longer side, on each side.

    Raises:
        SettingsError: a length is out of range.
    """
    for key, value in (("gap", gap_mm), ("least", least_mm)):
        if not 0.1 <= value <= 100:
            raise SettingsError(f"{key}: {value:g} mm is not allowed; allowed are 0.1–100")
    ink = find_ink(pixels, dpi)
    if ink.blank:
        return []
    look = dpi * ink.scale / 25.4  # pixels to a millimetre
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        _joined(ink.mask, gap_mm * look), connectivity=8
    )
    found = []
    for label in range(1, len(stats)):
        left, top, wide, high = (int(value) for value in stats[label, :4])
        part = (labels[top : top + high, left : left + wide] == label) & (
            ink.mask[top : top + high, left : left + wide] > 0
        )
        rows, cols = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        width, height = float(cols[-1] - cols[0] + 1), float(rows[-1] - rows[0] + 1)
        if max(width, height) < least_mm * look:
            continue
        x, y = left + (cols[0] + cols[-1] + 1) / 2, top + (rows[0] + rows[-1] + 1) / 2
        side = max(width, height) * (1 + 2 * border)
        found.append(Specimen(*(round(float(v) / ink.scale, 2) for v in (x, y, side))))
    return _in_rows(found)


def equal(pages: Mapping[str, Sequence[Specimen]]) -> dict[str, list[Specimen]]:
    """The same specimens in squares of one size, that of the largest, so that scale is kept."""
    side = max((each.side for found in pages.values() for each in found), default=0.0)
    return {
        name: [Specimen(each.x, each.y, side, each.angle) for each in found]
        for name, found in pages.items()
    }


def write_specimens(
    path: Path, sheets: Sequence[Sheet], specimens: Mapping[str, Sequence[Specimen]]
) -> None:
    """Write the specimens of pages, by the pages' names, whole or not at all.

    Raises:
        MediaError: the file can't be written.
    """
    pages = []
    for sheet in sheets:
        width, height = (round(side / sheet.scale) for side in sheet.size)
        found = specimens.get(sheet.name, [])
        pages.append(entry(sheet.name, sheet.digest, (width, height), found))
    write_entries(path, pages)


def write_entries(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write a file of specimens from its pages' entries, as they stand in it, whole or not at all.

    Raises:
        MediaError: the file can't be written.
    """
    try:
        atomic.write_text(path, json.dumps({"version": VERSION, "pages": entries}, indent=1) + "\n")
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {atomic.reason(error)}") from error


def entry(
    name: str, digest: str, size: tuple[int, int], specimens: Sequence[Specimen]
) -> dict[str, Any]:
    """What a file of specimens has of a page: ``size`` is that of the scan."""
    rows = [asdict(each) for each in specimens]
    return {
        "page": name, "digest": digest, "width": size[0], "height": size[1], "specimens": rows
    }  # fmt: skip


def read_specimens(path: Path) -> dict[str, tuple[str, list[Specimen]]]:
    """The digest and the specimens of each page that the file names.

    Raises:
        MediaError: it can't be read, or is not of this form.
    """
    data = load_json(path, MOST_BYTES)
    if not isinstance(data, dict) or not isinstance(data.get("pages"), list):
        raise MediaError(f"{path}: is no file of specimens: it has no list of pages")
    if data.get("version") != VERSION:
        raise MediaError(
            f"{path}: is of version {printable(repr(data.get('version')))[:20]}; this program "
            f"reads {VERSION}"
        )
    found: dict[str, tuple[str, list[Specimen]]] = {}
    for index, page in enumerate(data["pages"]):
        if not isinstance(page, dict) or not isinstance(page.get("specimens"), list):
            raise MediaError(f"{path}: page {index} has no list of specimens")
        name, digest = page.get("page"), page.get("digest")
        if not isinstance(name, str) or not isinstance(digest, str):
            raise MediaError(f"{path}: page {index} lacks its name or digest")
        rows = page["specimens"]
        found[name] = digest, [_specimen(path, name, at, row) for at, row in enumerate(rows)]
    return found


def places_on(
    sheets: Sequence[Sheet], specimens: Mapping[str, tuple[str, Sequence[Specimen]]]
) -> list[Place]:
    """The places of specimens on the sheets. Notices name pages that changed or are missing."""
    places = []
    known = {sheet.name: index for index, sheet in enumerate(sheets)}
    for name, (digest, rows) in specimens.items():
        if name not in known:
            if rows:
                log.warning("%s: has %d specimens and is not here", printable(name), len(rows))
            continue
        sheet = sheets[known[name]]
        if digest != sheet.digest:
            log.warning("%s: the scan has changed since its specimens were picked", sheet.name)
        places += [
            Place(
                known[name], row.x * sheet.scale, row.y * sheet.scale, row.side * sheet.scale,
                row.angle,
            )
            for row in rows
        ]  # fmt: skip
    return places


def _joined(mask: Mask, gap: float) -> Mask:
    """``mask`` grown by half a gap on all sides, so that what is nearer than a gap is one."""
    radius = max(1, math.ceil(gap / 2))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    joined: Mask = np.asarray(cv2.dilate(mask, disc), dtype=np.uint8)
    return joined


def _in_rows(found: Sequence[Specimen]) -> list[Specimen]:
    """Specimens as one reads: a row ends where the next one's centre is below half its height."""
    rows: list[list[Specimen]] = []
    for each in sorted(found, key=lambda one: one.y):
        if rows and each.y - rows[-1][0].y < rows[-1][0].side / 2:
            rows[-1].append(each)
        else:
            rows.append([each])
    return [each for row in rows for each in sorted(row, key=lambda one: one.x)]


def _specimen(path: Path, page: str, at: int, row: Any) -> Specimen:
    where = f"{path}: page {printable(page)[:40]!r}, specimen {at}"
    if not isinstance(row, dict):
        raise MediaError(f"{where}: is not an object of x, y, side and angle")
    x, y, angle = (_number(where, row, key, -MOST_PIXELS) for key in ("x", "y", "angle"))
    return Specimen(x, y, _number(where, row, "side", 1.0), angle)


def _number(where: str, row: Mapping[str, Any], key: str, least: float) -> float:
    value = row.get(key, 0.0 if key == "angle" else None)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise MediaError(f"{where}: {key} is {printable(repr(value))[:40]}, not a number")
    if not least <= value <= MOST_PIXELS:
        raise MediaError(f"{where}: {key} is {value!s:.20}; allowed are {least:g}–{MOST_PIXELS:g}")
    return float(value)
