"""How far things in a picture are: estimators of depth on one scale, from 1, near, to 10, far.

The numbers are relative and in no unit; whoever places a camera gives them one. An estimator is
asked once for a picture, and whoever needs the answer twice keeps it.
"""

from mutoscope.depth.anything import VARIANTS
from mutoscope.depth.base import FAR, NEAR, Depth
from mutoscope.depth.load import (
    DEFAULT,
    NAMES,
    Choice,
    choose_auto,
    fetch_depth,
    load_depth,
    locate_depth,
)

__all__ = [
    "DEFAULT",
    "FAR",
    "NAMES",
    "NEAR",
    "VARIANTS",
    "Choice",
    "Depth",
    "choose_auto",
    "fetch_depth",
    "load_depth",
    "locate_depth",
]
