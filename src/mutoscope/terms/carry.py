"""Carry: the term that keeps a film's frames to what was painted before, where it can be seen."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope.look import Look
from mutoscope.terms.base import NEVER, ONE, Number, pull
from mutoscope.terms.masks import MaskSource


class Carried(Protocol):
    """What was painted before, where it belongs now."""

    @property
    def picture(self) -> Tensor:
        """(1, 3, H, W)."""

    @property
    def mask(self) -> Tensor:
        """(1, 1, H, W), 1 where the present frame is to be like it."""


class Carry:
    """Near what was painted before, moved along with the film: Ruder et al. 2016, equation 6.

    The mean squared difference over all pixels of those that can be believed, summed over the
    frames that are looked back to.

    Args:
        name: a label for the log.
        carried: what a frame is held to, by its number; asked once a frame, at its first look.
        weight: may vary with time and be negative.
        stop: the signed difference below which it stops pulling; see `pull`.
        mask: white where it acts, of any size; None for everywhere.
        inverted: acts where the mask is black.
        stride: frames of the mask for each frame of the film.
    """

    cuts = False

    def __init__(
        self,
        name: str,
        carried: Callable[[int], Sequence[Carried]],
        *,
        weight: Number = ONE,
        stop: Number = NEVER,
        mask: MaskSource | None = None,
        inverted: bool = False,
        stride: int = 1,
    ) -> None:
        self.name, self.weight, self.stop = name, weight, stop
        self._carried, self._mask = carried, mask
        self._inverted, self._stride = inverted, stride

    def __call__(self, look: Look) -> Tensor:
        """The weighted difference; nothing before the first move."""
        values, frame = look.moment.values, look.moment.frame
        weight = self.weight(values)
        off = torch.zeros((), device=look.image.device)
        if weight == 0 or frame == 0:
            return off
        for past in self._carried(frame):
            mask = past.mask.to(look.image) * self._region(look)
            off = off + ((look.image - past.picture.to(look.image)) * mask).square().mean()
        return pull(off, weight, self.stop(values))

    def _region(self, look: Look) -> Tensor:
        """Where it acts in this frame, (1, 1, H, W) or a scalar."""
        if self._mask is None:
            return torch.ones((), device=look.image.device)
        shown = self._mask.frame(look.moment.turn * self._stride)
        mask = (1 - shown if self._inverted else shown)[None, None].to(look.image)
        return interpolate(mask, look.image.shape[-2:], mode="bilinear", antialias=True)
