"""Depths: the term that keeps what is near in a picture near, and what is far away far."""

from collections.abc import Callable

from torch import Tensor

from mutoscope.terms.base import NEVER, ONE, Number
from mutoscope.terms.hold import Hold
from mutoscope.terms.masks import MaskSource

DepthOf = Callable[[Tensor], Tensor]
"""From a picture (1, 3, H, W) to the distance of its pixels (1, 1, H, W), above 0, with gradient.
"""


class HoldDepth(Hold):
    """Near ``target`` in its depth: the mean squared difference of nearness; see `Hold`.

    Nearness is the inverse of distance: 1 for what is as near as can be, a tenth for what is as far
    as an estimator tells. It is what a pixel moves by when the camera does. Distances themselves,
    as PyTTI compares them, count a wrong pixel in the sky a hundred times as much as one in a face,
    and their gradients differ as much. Both pictures are seen by the same ``eye`` in the same way,
    so that a picture is at no distance from itself.

    Args:
        eye: tells the depth; where it sees none in anything, as of a wall, the term is 0.
    """

    def __init__(
        self,
        name: str,
        target: Tensor,
        *,
        eye: DepthOf,
        weight: Number = ONE,
        stop: Number = NEVER,
        mask: MaskSource | None = None,
        inverted: bool = False,
        stride: int = 1,
    ) -> None:
        super().__init__(
            name, target, weight=weight, stop=stop, mask=mask, inverted=inverted, stride=stride
        )
        self._eye = eye

    def see(self, image: Tensor) -> Tensor:
        """How near each pixel is, (1, 3, H, W) to (1, 1, H, W)."""
        return 1 / self._eye(image)
