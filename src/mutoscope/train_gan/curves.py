"""The log of a training as curves: losses, augmentation, and how far it is from the drawings."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from mutoscope.chart import INK, Axes, Paper, Series, colour_of, smooth

SIZE = (1200, 1000)
POINTS = 4000  # of a curve, at most
# What stands together, above which title. The kernel distance falls by powers of ten.
PANELS = (
    ("losses", ("judge", "draw", "penalty", "path")),
    ("how sure the judge is, and how much is augmented", ("sure", "augment")),
    ("distance from the drawings", ("ink", "width", "direction", "log kernel", "distance")),
)
_TOP, _GAP, _LEGEND = 84, 84, 280


def curves_of(records: Sequence[Mapping[str, Any]], *, title: str) -> Tensor:
    """Curves of the log's lines above the number of images, one panel below the other.

    Returns (1, 3, H, W). What a line doesn't have is passed over, as most have no distances.
    """
    sheet = Paper(SIZE)
    sheet.text(28, 22, title, 20, INK)
    height = (SIZE[1] - _TOP) / len(PANELS)
    for index, (name, labels) in enumerate(PANELS):
        series = [one for label in labels if len((one := _series(records, label)).values)]
        if not series:
            continue
        top = _TOP + index * height
        box = (76.0, top, SIZE[0] - _LEGEND - 24.0, top + height - _GAP)
        # The axes are as wide as their first series, and all panels as wide as the whole log.
        images = np.array([record["images"] for record in records if "images" in record], float)
        widest = Series("", images, np.full(len(images), series[0].values[-1]))
        frame = Axes([widest, *series], box, across="images", up=name, linear=True)
        sheet.axes(frame)
        colours = [colour_of(place + 1, one.label) for place, one in enumerate(series)]
        for one, colour in zip(series, colours, strict=True):
            sheet.curve(frame, one.steps, smooth(one.values), colour, 2.0)
        sheet.legend(frame, series, colours, _LEGEND)
    return sheet.image()


def _series(records: Sequence[Mapping[str, Any]], label: str) -> Series:
    """One value of the log, where it is there, thinned to what can be seen."""
    found = [(record["images"], _value(record, label)) for record in records if "images" in record]
    there = [(images, value) for images, value in found if value is not None]
    there = there[:: -(-len(there) // POINTS)] if there else []
    steps, values = (np.array([pair[at] for pair in there], dtype=float) for at in (0, 1))
    return Series(label, steps, values)


def _value(record: Mapping[str, Any], label: str) -> float | None:
    name = label.removeprefix("log ")
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    # Unbiased estimates may be a little below nothing.
    return math.log10(1 + max(0.0, value)) if name != label else float(value)
