"""Cutouts: the square windows through which perceptors look at a picture.

A step's windows are drawn all at once: `Cutouts.draw` gives `Cuts`, which are a few numbers a
window (its box, the map of its augmentations, its colours). `Cuts.crop` then reads any part of them
out of a picture in one batched resampling: crop, mirror, rotation, shift and perspective are one
map from an output pixel to a point of the picture, so each pixel is interpolated once.

Minification is antialiased as in texture mapping (Williams 1983, "Pyramidal parametrics"): the
picture and smaller copies of it, √2 apart, lie in one atlas, and each window reads the copy nearest
its own scale.

A picture that is to repeat without a seam is read as if it did (``tile``), so nothing in it knows
where it begins.

The distribution of boxes and augmentations is PyTTI's, with these departures: a box never starts a
pixel too far right or low; the affine shift is symmetric (``compat_shift`` for the old one); where
an augmentation looks past the box it sees what truly lies there rather than the box's own edge,
smeared, or black; hue and saturation are one linear map of YIQ chroma rather than a round trip
through HSV.
"""

from mutoscope.cutouts.atlas import BorderMode
from mutoscope.cutouts.augment import AUGMENTATIONS, Augmentation
from mutoscope.cutouts.crop import Cuts
from mutoscope.cutouts.draw import Cutouts, Sizes
from mutoscope.cutouts.methods import METHODS, cut_method

__all__ = [
    "AUGMENTATIONS",
    "METHODS",
    "Augmentation",
    "BorderMode",
    "Cutouts",
    "Cuts",
    "Sizes",
    "cut_method",
]
