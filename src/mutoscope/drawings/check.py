"""A folder of scans looked at: size, resolution, mode and margins of every page, and what is odd.

The findings are told in lines for a terminal and as a page of thumbnails, on which the margins are
drawn.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mutoscope import __version__, provenance
from mutoscope.drawings.bounds import grey_of, ink_box, ink_share
from mutoscope.drawings.light import light_of
from mutoscope.drawings.scans import MAX_PIXELS, Page, Pixels, page_paths, read_page
from mutoscope.errors import MediaError, printable
from mutoscope.images import from_bytes
from mutoscope.sheet import Sheet

THUMBNAIL = 360
"""The longer side of a page on the sheet, in pixels."""

_BARE = 0.002  # ink on so little of a page is nearly none
_GLOOM = 235  # paper darker than this isn't white
_RED, _AMBER = (214, 40, 40), (232, 150, 20)

Told = Callable[[int], None]


@dataclass(frozen=True)
class Finding:
    """What was found on one page.

    Attributes:
        name: Of the page, or of the file that can't be read.
        page: What its header says; None if it can't be read.
        box: Around its ink: left, top, right, bottom in pixels; None where there is none.
        ink: How much of it is ink, 0 to 1.
        warnings: What is odd about it, each a clause.
        thumbnail: The page made small, (h, w, 3), its margins drawn; None if it can't be read.
    """

    name: str
    page: Page | None
    box: tuple[int, int, int, int] | None = None
    ink: float = 0.0
    warnings: tuple[str, ...] = ()
    thumbnail: Pixels | None = None

    @property
    def margins(self) -> tuple[int, int, int, int] | None:
        """What is white on the left, at the top, on the right and at the bottom, in pixels."""
        if self.page is None or self.box is None:
            return None
        width, height = self.page.size
        left, top, right, bottom = self.box
        return left, top, width - right, height - bottom

    @property
    def facts(self) -> str:
        """Size, resolution and mode in a few words."""
        if self.page is None:
            return "can't be read"
        dpi = "no dpi" if self.page.dpi is None else f"{self.page.dpi:g} dpi"
        return f"{self.page.size[0]} × {self.page.size[1]}, {dpi}, {self.page.mode}"


def look_at(
    folder: str | Path,
    *,
    tile: int = 256,
    told: Told | None = None,
    max_pixels: int = MAX_PIXELS,
) -> list[Finding]:
    """Every page of a folder looked at, in the natural order of names; one in memory at a time.

    Args:
        folder: Of scans.
        tile: The side of the tiles that will be cut, in pixels: smaller pages are told.
        told: Called with how many files are done.
        max_pixels: The largest page that is read.

    Raises:
        MediaError: There is no picture in the folder, or none of them can be read.
    """
    found: list[Finding] = []
    for done, path in enumerate(page_paths(folder), 1):
        try:
            found += [_look(page, tile) for page in read_page(path, max_pixels=max_pixels)]
        except MediaError as error:
            found.append(Finding(path.name, None, warnings=(_after(str(error), path),)))
        if told is not None:
            told(done)
    if all(finding.page is None for finding in found):
        raise MediaError(f"{folder}: none of its pictures can be read; {found[0].warnings[0]}")
    return _compared(found)


def sheet_of(findings: Sequence[Finding], title: str) -> Sheet:
    """The page of thumbnails: of each its margins in red, and below it what was found."""
    labels = []
    size = [THUMBNAIL // 2, THUMBNAIL // 2]
    for finding in findings:
        marks = "".join(f" ! {warning}" for warning in finding.warnings)
        labels.append(f"{printable(finding.name)}: {finding.facts}{marks}")
        if finding.thumbnail is not None:
            size = [max(size[k], finding.thumbnail.shape[1 - k]) for k in (0, 1)]
    sheet = Sheet([labels], (size[0], size[1]), title=title)
    for index, finding in enumerate(findings):
        if finding.thumbnail is not None:
            sheet.put(index, from_bytes(finding.thumbnail))
    return sheet


def sheet_png(findings: Sequence[Finding], title: str) -> bytes:
    """The page of thumbnails as a PNG file that says what it is."""
    recipe = {
        "program": provenance.KEYWORD, "version": __version__, "settings": {},
        "drawings": {"pages": len(findings)},
    }  # fmt: skip
    return sheet_of(findings, title).png(recipe)


def table(findings: Sequence[Finding]) -> list[str]:
    """One line a page, and a last one about them all."""
    rows = [("page", "size", "dpi", "mode", "margins l t r b", "ink", "")]
    rows += [_row(finding) for finding in findings]
    widths = [max(len(row[k]) for row in rows) for k in range(6)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:6], widths, strict=True)]
        lines.append("  ".join([*cells, row[6]]).rstrip())
    odd = sum(bool(finding.warnings) for finding in findings)
    many = "1 page" if len(findings) == 1 else f"{len(findings)} pages"
    lines.append(f"{many}, {odd} with warnings" if odd else f"{many}, nothing odd")
    return lines


def _row(finding: Finding) -> tuple[str, str, str, str, str, str, str]:
    warnings = "; ".join(finding.warnings)
    if finding.page is None:
        return printable(finding.name), "", "", "", "", "", warnings
    page, margins = finding.page, finding.margins
    return (
        printable(finding.name),
        f"{page.size[0]} × {page.size[1]}",
        "–" if page.dpi is None else f"{page.dpi:g}",
        page.mode,
        "–" if margins is None else " ".join(map(str, margins)),
        f"{100 * finding.ink:.1f} %",
        warnings,
    )


def _look(page: Page, tile: int) -> Finding:
    try:
        pixels = page.pixels()
    except MediaError as error:
        return Finding(page.name, None, warnings=(_after(str(error), page.path),))
    box, ink = ink_box(pixels), ink_share(pixels)
    warnings = []
    if min(page.size) < tile:
        warnings.append(f"smaller than a tile of {tile}")
    if box is None:
        warnings.append("no ink")
    elif ink < _BARE:
        warnings.append("nearly white")
    if _paper(pixels) < _GLOOM:
        warnings.append("its paper isn't white (prepare --light)")
    return Finding(page.name, page, box, ink, tuple(warnings), _thumbnail(pixels, box))


def _compared(findings: Sequence[Finding]) -> list[Finding]:
    """The findings with what is odd about a page beside the others: resolution and mode."""
    pages = [finding.page for finding in findings if finding.page is not None]
    dpi, _ = Counter(page.dpi for page in pages).most_common(1)[0]
    channels, _ = Counter(page.channels for page in pages).most_common(1)[0]
    compared = []
    for finding in findings:
        page, more = finding.page, []
        if page is not None and page.dpi != dpi:
            more.append(f"others have {'no dpi' if dpi is None else f'{dpi:g} dpi'}")
        if page is not None and page.channels != channels:
            more.append(f"others are {'grey' if channels == 1 else 'coloured'}")
        warnings = (*finding.warnings, *more)
        compared.append(
            Finding(finding.name, page, finding.box, finding.ink, warnings, finding.thumbnail)
        )
    return compared


def _paper(pixels: Pixels) -> float:
    """How bright the paper is where it is dimmest, but for a quarter of the page."""
    return float(np.percentile(light_of(grey_of(pixels)), 25))


def _thumbnail(pixels: Pixels, box: tuple[int, int, int, int] | None) -> Pixels:
    height, width = pixels.shape[:2]
    scale = min(1.0, THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    if small.ndim == 2:
        small = np.repeat(small[..., None], 3, axis=2)
    framed = np.ascontiguousarray(small)
    last = (size[0] - 1, size[1] - 1)
    cv2.rectangle(framed, (0, 0), last, (190, 190, 190) if box else _AMBER, 1)
    if box is not None:
        corners = [min(int(edge * scale), last[k % 2]) for k, edge in enumerate(box)]
        cv2.rectangle(framed, (corners[0], corners[1]), (corners[2], corners[3]), _RED, 1)
    return framed


def _after(message: str, path: Path) -> str:
    """A message without the path that the line begins with anyway."""
    return message.removeprefix(f"{path}: ")
