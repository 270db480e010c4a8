"""Hold: the term that keeps a picture near another one, pixel by pixel."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope.images import resize
from mutoscope.look import Look
from mutoscope.terms.base import NEVER, ONE, Number, pull
from mutoscope.terms.masks import MaskSource


class Hold:
    """Near ``target`` in colour, saturation and value: direct image prompts and init images.

    The mean squared difference of five channels: red, green, blue, and the saturation and value of
    HSV, whose hue is left out because it jumps. A mask multiplies both pictures, and the mean stays
    one over all pixels, so that a small mask makes a small loss.

    Args:
        name: a label for the log.
        target: (1, 3, h, w) in [0, 1]; resized to the picture that it is compared with.
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
        target: Tensor,
        *,
        weight: Number = ONE,
        stop: Number = NEVER,
        mask: MaskSource | None = None,
        inverted: bool = False,
        stride: int = 1,
    ) -> None:
        self.name = name
        self.weight = weight
        self.stop = stop
        self._target = target
        self._wanted = target[:, :, :0]  # at the picture's size, once one has been seen
        self._mask = mask
        self._inverted = inverted
        self._stride = stride
        self._shown: Tensor | None = None
        self._fitted = torch.ones(())

    def __call__(self, look: Look) -> Tensor:
        """The weighted difference."""
        values = look.moment.values
        weight = self.weight(values)
        if weight == 0:
            return torch.zeros((), device=look.image.device)
        height, width = look.image.shape[-2:]
        if self._wanted.shape[-2:] != (height, width):  # a still may grow
            self._wanted = self.see(resize(self._target, (width, height)))
        off = self.see(look.image) - self._wanted
        if self._mask is not None:
            off = off * self._mask_at(look)
        return pull(off.square().mean(), weight, self.stop(values))

    def see(self, image: Tensor) -> Tensor:
        """What of a picture is compared: (1, 3, H, W) to (1, C, H, W)."""
        return five_channels(image)

    def _mask_at(self, look: Look) -> Tensor:
        """The mask of this frame at the picture's size, (1, 1, H, W)."""
        assert self._mask is not None  # noqa: S101
        shown = self._mask.frame(look.moment.turn * self._stride)
        size = look.image.shape[-2:]
        if shown is not self._shown or self._fitted.shape[-2:] != size:
            self._shown = shown
            mask = (1 - shown if self._inverted else shown)[None, None].to(look.image)
            self._fitted = interpolate(mask, size, mode="bilinear", antialias=True)
        return self._fitted


def five_channels(image: Tensor) -> Tensor:
    """Red, green, blue, saturation and value: (1, 3, H, W) to (1, 5, H, W), all in [0, 1].

    Saturation is (max − min) / max, with max taken as one step of 8 bits at least: what is black
    has none, and its gradient stays bounded.
    """
    value = image.amax(1, keepdim=True)
    spread = value - image.amin(1, keepdim=True)
    return torch.cat([image, spread / value.clamp_min(1 / 255), value], 1)
