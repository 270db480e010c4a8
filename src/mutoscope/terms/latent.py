"""What keeps a VQGAN's picture near another one, or near where it started, in its own raster.

Both pull at the parameters of a canvas whose picture a decoder draws from a raster of vectors.
"""

from typing import Literal, Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss

from mutoscope.images import resize
from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted, pull
from mutoscope.terms.hold import Hold

Method = Literal["original", "decay"]


class LatentCanvas(Protocol):
    """What these terms ask of such a canvas; rasters are (1, e, h, w)."""

    latent: Tensor
    origin: Tensor

    @property
    def quantised(self) -> Tensor:
        """The codes nearest to ``latent``, with its gradient."""

    def latent_of(self, image: Tensor) -> Tensor:
        """The codes that stand for ``image`` (1, 3, H, W), at the canvas's size."""


class HoldLatent(Hold):
    """Near ``target`` in codes and colours: direct image prompts of a VQGAN, as PyTTI weighs them.

    Half the mean squared difference between the canvas's codes and the target's, plus a tenth of
    that between the pictures. A mask multiplies all of them, codes by its mean over
    each one's square, and the means stay ones over everything. Arguments are those of `Hold`.
    """

    _aims: tuple[Tensor, Tensor] | None = None  # the target's codes and colours

    def __call__(self, look: Look) -> Tensor:
        """The weighted difference."""
        values = look.moment.values
        weight = self.weight(values)
        if weight == 0:
            return torch.zeros((), device=look.image.device)
        canvas = cast(LatentCanvas, look.canvas)
        height, width = look.image.shape[-2:]
        if self._aims is None or self._aims[1].shape[-2:] != (height, width):  # a still may grow
            resized = resize(self._target, (width, height))
            self._aims = canvas.latent_of(resized), resized
        codes, colours = canvas.quantised - self._aims[0], look.image - self._aims[1]
        if self._mask is not None:
            mask = self._mask_at(look)
            colours = colours * mask
            codes = codes * interpolate(mask, codes.shape[-2:], mode="area")
        raw = codes.square().mean() / 2 + colours.square().mean() / 10
        return pull(raw, weight, self.stop(values))


class NearStart(Weighted):
    """Near where the raster began, or pulled to zero ever less: what vqgan-clip-generator has.

    "original": ``mse(z, z₀) / 2``. "decay": ``mse(z, 0) / (2t + 1) / 2``, t being the number of the
    step, from 1; zero is the flat middle of the codes, so that pull is one to plainness. The raster
    begins anew when the canvas grows and when a film's picture has moved.

    Args:
        name: a label for the log.
        method: see above.
        weight: may vary with time.
    """

    def __init__(self, name: str, *, method: Method = "original", weight: Number = ONE) -> None:
        super().__init__(name, weight=weight)
        self.method = method

    def raw(self, look: Look) -> Tensor:
        """The squared distance, by its method."""
        canvas = cast(LatentCanvas, look.canvas)
        if self.method == "decay":
            return canvas.latent.square().mean() / (2 * (look.moment.step + 1) + 1) / 2
        return mse_loss(canvas.latent, canvas.origin) / 2
