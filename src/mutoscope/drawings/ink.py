"""Where on a page there is ink: what the grid's proposal and the picking of specimens look at.

A page is looked at small, about 75 dots to the inch, where a pen line is still darker than its
paper. Ink is what is clearly darker than the paper around it; what is joined to the page's edge and
runs along it is the scanner's bed or a shadow, and specks are dust.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mutoscope.drawings.grid import Box, Grid, Pixels

LOOK_DPI = 75.0
LEAST_CONTRAST = 24  # grey levels between paper and ink
DUST_MM = 0.9  # what is smaller both ways is a speck
BED_SHARE = 0.5  # what touches so much of an edge of the page is no drawing

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Ink:
    """The ink of a page, looked at small: ``mask`` (h, w) of 0 and 1, ``scale`` pixels of it to one
    of the page."""  # noqa: D209

    mask: Mask
    scale: float

    @property
    def blank(self) -> bool:
        """Whether there is none."""
        return not self.mask.any()

    def box(self) -> Box | None:
        """The box around all ink, in the page's pixels, or None where there is none."""
        rows, cols = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        if not len(rows):
            return None
        edges = (cols[0], rows[0], cols[-1] + 1, rows[-1] + 1)
        left, top, right, bottom = (round(float(edge) / self.scale) for edge in edges)
        return Box(left, top, right, bottom)


def find_ink(pixels: Pixels, dpi: float) -> Ink:
    """The ink of a page, (H, W) or (H, W, 3)."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = min(1.0, LOOK_DPI / dpi)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA))
    paper = float(np.percentile(small, 80))
    dark = (small < paper - LEAST_CONTRAST).astype(np.uint8)
    return Ink(_cleaned(dark, dpi * scale), size[0] / width)


def propose(pixels: Pixels, dpi: float) -> Grid | None:
    """A grid around the ink of a page and within the page, or None where there is no ink."""
    box = find_ink(pixels, dpi).box()
    if box is None:
        return None
    return Grid.around(box.within((pixels.shape[1], pixels.shape[0])), dpi)


def _cleaned(dark: Mask, dpi: float) -> Mask:
    """``dark`` without specks of dust and without what runs along the page's edges."""
    height, width = dark.shape
    count, found, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    labels = np.asarray(found)
    least = max(2.0, DUST_MM * dpi / 25.4)
    kept = np.zeros(count, np.uint8)
    for label in range(1, count):
        left, top, wide, high = (int(value) for value in stats[label, :4])
        bed = _along_edge(labels, label, (left, top, wide, high), (width, height))
        kept[label] = max(wide, high) >= least and not bed
    cleaned: Mask = kept[labels]
    return cleaned


def _along_edge(
    labels: npt.NDArray[np.generic],
    label: int,
    at: tuple[int, int, int, int],
    size: tuple[int, int],
) -> bool:
    """Whether a region covers much of an edge of the page."""
    (left, top, wide, high), (width, height) = at, size
    edges = []
    if left == 0:
        edges.append(labels[:, 0])
    if top == 0:
        edges.append(labels[0])
    if left + wide == width:
        edges.append(labels[:, -1])
    if top + high == height:
        edges.append(labels[-1])
    return any(float((edge == label).mean()) > BED_SHARE for edge in edges)
