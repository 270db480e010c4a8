"""Styles of the sample pages: each draws one page with a pen."""

from collections.abc import Callable, Mapping

import numpy as np

from mutoscope.drawings.pen import Paper
from mutoscope.drawings.styles import contours, creatures, flow, growth, hatch, tangle

STYLES: Mapping[str, Callable[[Paper, np.random.Generator], None]] = {
    "tangle": tangle.draw,
    "contours": contours.draw,
    "growth": growth.draw,
    "flow": flow.draw,
    "hatch": hatch.draw,
    "creatures": creatures.draw,
}
"""What draws a page in each style, by its name, in the order in which pages take turns."""
