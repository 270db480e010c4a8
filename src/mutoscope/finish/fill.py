"""Drawings whose closed shapes are coloured, and whose lines are gone.

A region is what light pixels a flood fill would reach from one of them, by the four sides of a
pixel. Each pixel that belongs to none (a line, a speck of paper too small to count) goes to the
region that lies nearest, so that two regions meet in the middle of the line between them. What
colour each region has is another matter: `mutoscope.finish.region_colours`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mutoscope.errors import SettingsError
from mutoscope.finish.process import WHITE, Grey, check_threshold
from mutoscope.images import Pixels

Labels = npt.NDArray[np.int32]
"""The number of the region at each pixel, (H, W), from 1; 0 for none."""

FILL_THRESHOLD = 160
_EVEN = 5  # the side of the square in which the regions vote about a pixel of a line
_INK_REACH = 5  # a line's soft edge lies within a square of this side around its pixels


@dataclass(frozen=True)
class Shapes:
    """What counts as a region, and how regions meet.

    Attributes:
        threshold: What is lighter than this, 0 to 254, is paper.
        smallest: How many pixels a region has at least; smaller ones go to their neighbours.
        gap: Gaps in lines up to about so many pixels are closed before regions are sought.
        blend: Over about how many pixels two colours mix where they meet; 0 for a hard edge.
        keep_lines: Whether the lines stay, drawn over the colours.

    Raises:
        SettingsError: One of the numbers is outside its range.
    """

    threshold: int = FILL_THRESHOLD
    smallest: int = 20
    gap: int = 4
    blend: float = 2.0
    keep_lines: bool = False

    def __post_init__(self) -> None:
        check_threshold(self.threshold)
        if self.smallest < 1:
            raise SettingsError(
                f"--smallest: a region of {self.smallest} pixels is none; allowed is 1 or more"
            )
        for name, value, most in (("--gap", self.gap, 100), ("--blend", self.blend, 20)):
            if not 0 <= value <= most:
                raise SettingsError(f"{name}: {value} is no such length; allowed are 0 to {most}")


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a drawing.

    Attributes:
        found: Which region a flood fill finds at each pixel, 0 where none is.
        grown: The same without lines: 0 nowhere, unless there is no region at all.
        count: How many regions there are; they are numbered from 1, row by row.
    """

    found: Labels
    grown: Labels
    count: int

    def areas(self) -> npt.NDArray[np.int64]:
        """How many pixels each has, lines included, (count + 1,)."""
        return np.bincount(self.grown.ravel(), minlength=self.count + 1)


def regions_of(grey: Grey, shapes: Shapes) -> Regions:
    """The regions of a drawing, (H, W)."""
    paper = (grey > shapes.threshold).astype(np.uint8)
    found, count = flood(paper)
    if shapes.gap:
        found, count = _divided(found, count, shapes.gap)
    found, count = _without_small(found, count, shapes.smallest)
    return Regions(found, grown(found, count), count)


def flood(paper: Grey) -> tuple[Labels, int]:
    """Number the regions of what is not 0, connected by the sides of pixels: map and count.

    The numbers run from 1 in the order in which rows, read from the top, come to a region.
    """
    count, labels = cv2.connectedComponents(paper, connectivity=4, ltype=cv2.CV_32S)
    # OpenCV's own order depends on how many threads it has.
    flat = labels.ravel()
    first = np.empty(count, np.int64)
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] - 1))[::-1]
    first[flat[starts]] = starts  # where a number comes up again, what is written last stays
    first[0] = -1
    table = np.empty(count, np.int32)
    table[np.argsort(first)] = np.arange(count, dtype=np.int32)
    ordered: Labels = table[labels]
    return ordered, count - 1


def grown(found: Labels, count: int) -> Labels:
    """The map with each 0 replaced by the nearest region, (H, W).

    On lines, the regions within five pixels then vote, which takes the teeth off the borders.
    """
    empty = found == 0
    if not count or not empty.any():
        return found
    _, nearest = cv2.distanceTransformWithLabels(
        empty.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, np.int32)
    table[nearest[~empty]] = found[~empty]
    spread: Labels = table[nearest]
    # The median of an odd number of labels is one of them, and of two kinds the one that most are.
    kind = np.uint16 if count <= np.iinfo(np.uint16).max else np.float32
    voted = cv2.medianBlur(spread.astype(kind), _EVEN).astype(np.int32)
    result: Labels = np.where(empty, voted, spread)
    return result


def painted(
    grey: Grey, regions: Regions, colours: npt.NDArray[np.float32], shapes: Shapes
) -> Pixels:
    """The drawing in colours, (H, W, 3); where there is no region at all, as it was.

    Args:
        grey: The drawing, (H, W).
        regions: Its regions.
        colours: Of each region, sRGB in [0, 1], (count + 1, 3); the first is of none.
        shapes: How the regions meet.
    """
    if not regions.count:
        return np.repeat(grey[..., None], 3, axis=2)
    table = (colours.clip(0, 1) * WHITE + 0.5).astype(np.uint8)
    pixels: Pixels = table[regions.grown]
    if shapes.blend:
        # An edge under this Gaussian goes from a tenth to nine tenths over so many pixels.
        pixels = _bytes(cv2.GaussianBlur(pixels, (0, 0), shapes.blend / 2.56))
    if shapes.keep_lines:
        pixels = _inked(pixels, grey, shapes)
    return pixels


def _without_small(found: Labels, count: int, smallest: int) -> tuple[Labels, int]:
    """The map without the regions that are too small; all of them stay where none is larger."""
    kept = np.bincount(found.ravel(), minlength=count + 1) >= smallest
    kept[0] = False
    if not kept.any() or kept[1:].all():
        return found, count
    table = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    fewer: Labels = table[found]
    return fewer, int(kept.sum())


def _divided(found: Labels, count: int, gap: int) -> tuple[Labels, int]:
    """The map with regions cut in two where they meet only through a gap in a line.

    What is left of a region when all that is narrower than the gap is taken off are its cores;
    they grow back together over the region's paper, and around no corner of a line. A region that
    is narrow everywhere stays as it is.
    """
    paper = (found > 0).astype(np.uint8)
    # No wider than the gap and one more: a disc with a middle. Beyond the picture lies paper.
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap + 1 | 1, gap + 1 | 1))
    cores, several = flood(_bytes(cv2.erode(paper, disc)))
    has_core = np.zeros(count + 1, bool)
    has_core[found[cores > 0]] = True
    narrow = np.where(has_core[found], 0, found)
    marks = np.where(narrow > 0, narrow + several, cores).astype(np.int32)
    # Watersheds cross even ground first: all the paper is given away before a line is entered.
    # OpenCV gives the outermost pixels to no region; so there is a frame around them.
    ground = cv2.copyMakeBorder(paper * WHITE, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    framed = cv2.copyMakeBorder(marks, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    rising = np.repeat(np.asarray(ground, np.uint8)[..., None], 3, axis=2)
    spread = np.asarray(cv2.watershed(rising, framed), np.int32)[1:-1, 1:-1].copy()
    spread[(paper == 0) | (spread < 0)] = 0
    _, numbers = np.unique(spread, return_inverse=True)
    divided: Labels = numbers.reshape(found.shape).astype(np.int32)
    if not (spread == 0).any():
        divided += 1
    return divided, int(divided.max())


def _inked(pixels: Pixels, grey: Grey, shapes: Shapes) -> Pixels:
    """The colours with the lines over them, soft as they are, on paper that counts as white."""
    paper = grey > shapes.threshold
    white = float(np.median(grey[paper])) if paper.any() else float(WHITE)
    near = cv2.dilate((~paper).astype(np.uint8), np.ones((_INK_REACH, _INK_REACH), np.uint8))
    light = np.where(near > 0, np.minimum(grey / white, 1), 1).astype(np.float32)
    inked: Pixels = (pixels * light[..., None] + 0.5).astype(np.uint8)
    return inked


def _bytes(array: object) -> npt.NDArray[np.uint8]:
    """What OpenCV gives back, as the array of bytes that it is."""
    return np.asarray(array, np.uint8)
