"""What every motion makes: a warp, which carries pictures to where the camera has gone."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope.motion.resample import Infill, Sampling, resample


class Warp(ABC):
    """A resampling of any raster of the picture's aspect, whatever its resolution.

    Places on the picture are fractions of its width and height, 0 and 1 being its outer edges; the
    centre of pixel ``i`` of ``n`` stands at ``(i + 0.5) / n``. So a latent of a quarter of the
    picture's side goes exactly where the picture goes.

    Attributes:
        size: ``(width, height)`` of the picture, whose pixels `displacement` counts.
        sampling: how to read between pixels: nearest, bilinear or bicubic.
        infill: what stands beyond the edges: mirror, wrap, black or smear.
        anew: the picture (1, 3, H, W) that the frame begins from in place of a resampled one, where
            there is one: a film's own after a cut.
    """

    anew: Tensor | None = None

    def __init__(self, size: tuple[int, int], *, sampling: Sampling, infill: Infill) -> None:
        self.size = size
        self.sampling: Sampling = sampling
        self.infill: Infill = infill

    @property
    @abstractmethod
    def still(self) -> bool:
        """Whether nothing moves; a still warp returns what it is given, bit for bit."""

    @abstractmethod
    def sources(self, size: tuple[int, int]) -> Tensor:
        """Where each pixel of a raster of ``size`` (width, height) is read: (2, h, w) float64.

        x and y as fractions; beyond the edges they are below 0 or above 1, never folded back.
        """

    @torch.no_grad()
    def __call__(self, raster: Tensor) -> Tensor:
        """``raster`` (1, C, h, w) as it looks after the move, without gradient.

        Bicubic values may leave the raster's range: whoever owns it knows where to clamp.
        """
        if self.still:
            return raster
        height, width = raster.shape[-2:]
        return resample(raster, self.sources((width, height)), self.sampling, self.infill)

    @cached_property
    def displacement(self) -> Tensor:
        """How the content moved, (1, 2, H, W) in pixels of the picture, x then y, y down.

        It belongs to the pixels of the picture *after* the move: what is now at ``q`` came from
        ``q − displacement(q)``. So it points the way the content went, every pixel has exactly one,
        and the optical flow from the new picture back to the old one is its negative.
        """
        centres = pixel_grid(self.size)
        moved = centres - self.sources(self.size) if not self.still else centres * 0
        sides = centres.new_tensor(self.size)[:, None, None]
        return (moved * sides).float()[None]


class FieldWarp(Warp):
    """A warp whose displacement is given pixel by pixel, as of an optical flow or a depth map."""

    def __init__(self, displacement: Tensor, *, sampling: Sampling, infill: Infill) -> None:
        """Keep ``displacement`` (1, 2, H, W), in the meaning of `Warp.displacement`."""
        height, width = displacement.shape[-2:]
        super().__init__((width, height), sampling=sampling, infill=infill)
        self._field = displacement.detach().float()

    @cached_property
    def still(self) -> bool:
        """Whether every displacement is zero."""
        return not bool(self._field.any())

    @cached_property
    def displacement(self) -> Tensor:
        """What was given."""
        return self._field

    def sources(self, size: tuple[int, int]) -> Tensor:
        """See `Warp.sources`; the field is averaged down or interpolated up to ``size``."""
        width, height = size
        field = self._field.cpu().double()
        if size != self.size:
            shrinks = width <= self.size[0] and height <= self.size[1]
            mode = "area" if shrinks else "bilinear"
            field = interpolate(field, (height, width), mode=mode)
        sides = field.new_tensor(self.size)[:, None, None]
        return pixel_grid(size) - field[0] / sides


def pixel_centres(n: int) -> Tensor:
    """The centres of ``n`` pixels in a row, as fractions: (n,) float64."""
    return (torch.arange(n, dtype=torch.float64) + 0.5) / n


def pixel_grid(size: tuple[int, int]) -> Tensor:
    """The centres of the pixels of a raster of ``size``, x and y as fractions: (2, h, w)."""
    width, height = size
    return torch.stack(torch.meshgrid(pixel_centres(width), pixel_centres(height), indexing="xy"))


@runtime_checkable
class Remembering(Protocol):
    """A motion that must know what was painted before, so that a frame resumes in its middle."""

    def tensors(self) -> Mapping[str, Tensor]:
        """All that it remembers, by name."""

    def recall(self, kept: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave."""


def memory_of(motion: object) -> Remembering | None:
    """The motion itself, where it is one that remembers."""
    return motion if isinstance(motion, Remembering) else None
