"""What was painted before, where it belongs now: what a frame of a film is held to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mutoscope.motion.base import Warp, memory_of
from mutoscope.motion.space import SpaceWarp
from mutoscope.schedule import Shot


@dataclass(frozen=True)
class Carried:
    """A picture painted some frames before, as it would look in the present one.

    Attributes:
        back: how many frames before.
        picture: (1, 3, H, W) in [0, 1].
        mask: (1, 1, H, W), 1 where the present frame is to be like it, 0 elsewhere.
    """

    back: int
    picture: Tensor
    mask: Tensor


class Carrying:
    """A camera's motion, and what it carried into the present frame.

    Where a camera of ours went is known exactly, so nothing has to be estimated: what was painted
    last, moved as it moved, is what the frame should show wherever the camera has seen it before.
    A camera that stands still carries all of it.

    Args:
        motion: from what was painted in the frame before, and the shot that begins, to a warp.
    """

    def __init__(self, motion: Callable[[Tensor, Shot], Warp]) -> None:
        self.motion = motion
        self._held: tuple[int, Carried] | None = None  # a frame's number, and what it is held to

    def __call__(self, image: Tensor, shot: Shot) -> Warp:
        """The warp that leads into ``shot`` from ``image``; see `Carrying.carried`."""
        warp = self.motion(image, shot)
        picture = warp(image).clamp(0, 1)
        self._held = shot.moment.frame, Carried(1, picture, (~revealed(warp)).to(image))
        return warp

    def carried(self, frame: int) -> tuple[Carried, ...]:
        """What was painted in the frame before ``frame``, as it looks in it; nothing if unknown."""
        return (self._held[1],) if self._held is not None and self._held[0] == frame else ()

    def tensors(self) -> Mapping[str, Tensor]:
        """All that has to be kept, so that a frame can be resumed in its middle."""
        memory = memory_of(self.motion)
        kept = {f"camera.{name}": value for name, value in memory.tensors().items()} if memory \
            else {}  # fmt: skip
        if self._held is not None:
            frame, carried = self._held
            kept |= {"frame": torch.tensor(frame), "picture": carried.picture,
                     "mask": carried.mask.bool()}  # fmt: skip
        return kept

    def recall(self, kept: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave; from nothing where that is nothing."""
        if (memory := memory_of(self.motion)) is not None:
            prefix = "camera."
            memory.recall({name.removeprefix(prefix): value for name, value in kept.items()
                           if name.startswith(prefix)})  # fmt: skip
        self._held = None
        if {"frame", "picture", "mask"} <= set(kept):
            picture = kept["picture"]
            self._held = int(kept["frame"]), Carried(1, picture, kept["mask"].to(picture))


def revealed(warp: Warp) -> Tensor:
    """Where the picture before a warp shows nothing of what is in view after it: (1, 1, H, W).

    What came in from beyond the edges, whatever the infill made of it, and in space also what near
    things uncovered. True there.
    """
    if isinstance(warp, SpaceWarp):
        return warp.revealed
    places = warp.sources(warp.size)  # (2, H, W)
    return ((places < 0) | (places > 1)).any(dim=0)[None, None]
