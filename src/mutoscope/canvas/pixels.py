"""Pixels, free in all their colours: what PyTTI calls Unlimited Palette."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from mutoscope.canvas.base import Canvas, Warp
from mutoscope.canvas.clamp import clamp
from mutoscope.images import resize


class Pixels(Canvas):
    """A picture whose pixels are the parameters, each drawn as a square.

    Args:
        size: ``(width, height)`` in such squares, as in the settings. The picture that is drawn,
            and ``canvas.size``, is ``pixel_size`` times as wide and as high.
        generator: where the noise comes from that it starts as, uniform in [0, 1].
        pixel_size: the side of a square.
    """

    lr = 0.02
    rasters = ("pixels",)

    def __init__(
        self, size: tuple[int, int], *, generator: torch.Generator, pixel_size: int = 1
    ) -> None:
        super().__init__()
        width, height = size
        self.size = (width * pixel_size, height * pixel_size)
        self.pixel_size = pixel_size
        self.pixels = nn.Parameter(torch.rand(1, 3, height, width, generator=generator))

    def forward(self) -> Tensor:
        """See `Canvas.forward`."""
        return enlarge(clamp(self.pixels), self.pixel_size)

    @torch.no_grad()
    def encode(self, image: Tensor) -> None:
        """Become ``image``, exactly where it has this size and squares; see `Canvas.encode`."""
        self.pixels.copy_(shrink(image, self.size, self.pixel_size))

    @torch.no_grad()
    def grow(self, size: tuple[int, int]) -> None:
        """Draw the same picture at ``size``, a whole number of squares; see `Canvas.grow`."""
        if size != self.size:
            squares = (size[0] // self.pixel_size, size[1] // self.pixel_size)
            self.pixels = nn.Parameter(resize(self.pixels.clamp(0, 1), squares))
            self.size = size

    @torch.no_grad()
    def move(self, warp: Warp) -> None:
        """Carry the squares themselves; see `Canvas.move`."""
        moved = warp(self.pixels)
        if moved is not self.pixels:
            # The optimiser may leave the range, for the gradient leads back. A motion may not:
            # what bicubic sampling overshoots would grow from frame to frame.
            self.pixels.copy_(moved.clamp(0, 1))


def enlarge(squares: Tensor, side: int) -> Tensor:
    """Draw each pixel as a square: (1, C, h, w) to (1, C, h · side, w · side)."""
    return squares if side == 1 else interpolate(squares, scale_factor=side, mode="nearest")


def shrink(image: Tensor, size: tuple[int, int], side: int) -> Tensor:
    """The pixels that are nearest to ``image`` (1, C, H, W) when `enlarge` draws them at ``size``.

    At that size the mean of a square's pixels is nearest to it, in the mean of squares, and gives
    back exactly what was enlarged, as a smoother filter would not.
    """
    image = resize(image, size)
    return image if side == 1 else avg_pool2d(image, side)
