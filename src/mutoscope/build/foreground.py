"""What moves in the film that is followed, by the mask of ``flow_stabilization_weight``."""

from collections.abc import Callable

from torch import Tensor

from mutoscope.frames import MaskClip
from mutoscope.images import load_mask
from mutoscope.settings import Settings

Reader = Callable[[int], Tensor]
"""From a frame's number to a mask (h, w), 1 in what moves."""


def foreground(settings: Settings) -> Callable[[], Reader] | None:
    """What makes readers of the mask, each of which only has to go forward; None without one.

    Raises:
        MediaError: the file of the mask can't be read.
    """
    weighting = settings.weight("flow_stabilization_weight")
    if weighting is None or weighting.mask.kind not in ("image", "video"):
        return None
    mask, path = weighting.mask, settings.resolve(weighting.mask.value)

    def turned(shown: Tensor) -> Tensor:
        return 1 - shown if mask.inverted else shown

    if mask.kind == "image":
        still = turned(load_mask(path))
        return lambda: lambda _frame: still

    def reader() -> Reader:
        clip = MaskClip(path, settings.frames_per_second)
        return lambda frame: turned(clip.frame(frame * settings.frame_stride))

    return reader
