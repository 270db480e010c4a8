"""What a drawing's strokes are like: how much ink, how wide, which way they run.

Networks that were taught on photographs judge the looks of a drawing poorly. These three figures
need none: they are read off the pixels, and mean something to whoever drew the lines.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mutoscope.images import luma

Floats = npt.NDArray[np.float64]

BINS = 36  # of directions, 5 degrees each
FINER = 4  # pictures are enlarged so many times before widths are measured, to see half pixels
LARGEST = 1024  # no enlarged picture has a longer side
SMOOTHING = 1.5  # sigma in pixels over which a direction is judged
FAINT = 0.02  # a mean slope below this has no direction


@dataclass(frozen=True)
class Strokes:
    """The strokes of a set of pictures.

    ``ink``: the share of each picture that is dark, (n,), 0 for white paper. ``widths``: how often
    a stroke is how wide, the counts of every quarter pixel, (k,). ``directions``: how much edge
    runs which way, (BINS,), summing to 1, or to 0 where there is none; the first bin begins at
    horizontal, and they turn as the clock's hands do.
    """

    ink: Floats
    widths: Floats
    directions: Floats


def measure_strokes(pictures: Tensor, threshold: float | None = None) -> tuple[Strokes, float]:
    """The strokes of ``pictures`` (n, 1 or 3, h, w), and the grey that parts ink from paper.

    Args:
        pictures: in [0, 1], dark on light.
        threshold: that grey, where it was found on other pictures; else it is found on these.
    """
    greys = grey(pictures)
    if threshold is None:
        threshold = parting_grey(greys)
    widths = np.zeros(4 * LARGEST)
    directions = np.zeros(BINS)
    for picture in greys:
        found = stroke_widths(picture, threshold)
        widths += np.bincount(np.minimum(np.rint(4 * found), len(widths) - 1).astype(int),
                              minlength=len(widths))  # fmt: skip
        directions += edge_directions(picture)
    total = directions.sum()
    ink = np.array([1 - float(picture.mean()) for picture in greys])
    return Strokes(ink, widths, directions / total if total > 0 else directions), threshold


def grey(pictures: Tensor) -> npt.NDArray[np.float32]:
    """The light of each pixel of ``pictures`` (n, 1 or 3, h, w): (n, h, w) in [0, 1]."""
    pictures = pictures.detach().float().cpu()
    colour = pictures.shape[1] == 3
    flat = torch.stack([luma(one[None]) for one in pictures]) if colour else pictures[:, 0]
    return np.ascontiguousarray(flat.clamp(0, 1).numpy(), np.float32)


def parting_grey(greys: npt.NDArray[np.float32]) -> float:
    """The grey midway between ink and paper in all of ``greys`` (n, h, w).

    The two are told apart by Otsu's threshold (*A Threshold Selection Method from Gray-Level
    Histograms*, 1979), which itself may lie anywhere between them.
    """
    column = np.rint(255 * greys).astype(np.uint8).reshape(-1, 1)
    found, _ = cv2.threshold(column, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    dark, light = column[column <= found], column[column > found]
    if not len(dark) or not len(light):
        return 0.5
    return float(dark.mean() + light.mean()) / 510


def stroke_widths(picture: npt.NDArray[np.float32], threshold: float) -> Floats:
    """How wide the strokes of one picture (h, w) are, in its pixels, at each point of their middle.

    The middle is where the distance to the paper is largest among its neighbours. Strokes that
    leave the picture are measured as if they went on beyond its edge.
    """
    finer = max(1, min(FINER, LARGEST // max(picture.shape)))
    size = (picture.shape[1] * finer, picture.shape[0] * finer)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    ink = (large < threshold).astype(np.uint8)
    if not ink.any() or ink.all():
        return np.zeros(0)
    distance = cv2.distanceTransform(ink, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Precise they are but for the last bit, which hangs on where in memory the picture lies, and
    # with it what is highest; squares of distances between pixels are whole numbers.
    distance = np.sqrt(np.rint(distance * distance))
    highest = cv2.dilate(distance, np.ones((3, 3), np.uint8))
    middle = (ink > 0) & (distance >= highest)
    # From centre to centre: a stroke of 2k - 1 or 2k pixels is k pixels from the paper's nearest.
    widths: Floats = (2 * distance[middle].astype(np.float64) - 0.5) / finer
    return widths


def edge_directions(picture: npt.NDArray[np.float32]) -> Floats:
    """How much edge runs which way in one picture (h, w): (BINS,), by the structure tensor.

    After Bigün and Granlund (*Optimal Orientation Detection of Linear Symmetry*, 1987): slopes are
    squared and averaged around each pixel, so that both sides of a stroke agree; each pixel
    counts by how far they do.
    """
    across = cv2.Scharr(picture, cv2.CV_32F, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Scharr(picture, cv2.CV_32F, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    xx, yy, xy = (
        cv2.GaussianBlur(product, (0, 0), SMOOTHING)
        for product in (across * across, down * down, across * down)
    )
    weight = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    weight[xx + yy < FAINT**2] = 0
    # The slope's angle, and the stroke at a right angle to it: 0 is horizontal, pi/2 upright.
    angle = (0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2) % np.pi
    bins = np.minimum((angle * (BINS / np.pi)).astype(int), BINS - 1)
    counted = np.bincount(bins.ravel(), weights=weight.ravel(), minlength=BINS)
    return counted.astype(np.float64)


def ink_distance(found: Strokes, wanted: Strokes) -> float:
    """How far the pictures' shares of ink are apart, as a part of what is wanted: 0 for the same.

    The earth mover's distance between the two sets of shares over the mean of the wanted ones.
    """
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(found.ink, wanted.ink) / max(float(wanted.ink.mean()), 1e-3))


def width_distance(found: Strokes, wanted: Strokes) -> float:
    """How far the strokes' widths are apart, as a part of the wanted mean: 0 for the same.

    The earth mover's distance between both histograms; 1 where there are no strokes at all.
    """
    if not wanted.widths.sum():
        return 0.0 if not found.widths.sum() else 1.0
    if not found.widths.sum():
        return 1.0
    ours, theirs = (one.widths / one.widths.sum() for one in (found, wanted))
    mean = float((theirs * np.arange(len(theirs))).sum())
    return float(np.abs(np.cumsum(ours - theirs)).sum() / max(mean, 1.0))


def direction_distance(found: Strokes, wanted: Strokes) -> float:
    """How far the strokes' directions are apart: 0 for the same, 1 for a quarter turn of all.

    The earth mover's distance around the circle of directions, after Rabin, Delon and Gousseau
    (*Transportation Distances on the Circle*, 2011): the sum of cumulated differences about their
    median.
    """
    ours, theirs = found.directions, wanted.directions
    if not ours.sum() or not theirs.sum():
        return 0.0 if not ours.sum() and not theirs.sum() else 1.0
    cumulated = np.cumsum(ours - theirs)
    return float(np.abs(cumulated - np.median(cumulated)).sum() / (BINS / 2))


def mean_width(strokes: Strokes) -> float:
    """How wide the strokes are in the mean, in pixels; 0 where there are none."""
    total = strokes.widths.sum()
    return float((strokes.widths * np.arange(len(strokes.widths))).sum() / (4 * max(total, 1)))
