"""Pixels in the colours of a few palettes: what PyTTI calls Limited Palette."""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mutoscope.canvas.base import Canvas, Warp
from mutoscope.canvas.clamp import clamp
from mutoscope.canvas.pixels import enlarge, shrink
from mutoscope.canvas.quantise import (
    brightness,
    by_brightness,
    distances,
    find_palettes,
    nearest,
    thin,
)

INERTIA = 2.0
"""The palette is stored so many times larger than its colours, and so changes more slowly."""

# How sure an encoded pixel is of its palette: the weight of the best one, and the distance between
# colours at which another one's is as much lower as exp(−0.5) under the softmax. Surer ones would
# have no gradient left; less sure ones would jump between palettes at the first step.
_SURE = 4.0
_SPREAD = 0.1

# How far a value may lie from its rank, in ranks; beyond a half it would mean the next one.
_REACH = 0.45

_BLOCK = 32_768


class Palette(Canvas):
    """A picture in which every pixel takes one of the colours of one of its palettes.

    A pixel has a value in [0, 1], which picks the colour from dark to light, and a weight for each
    palette, of which the largest counts. See `draw` for the gradient.

    Where all palettes are equal, as in the grey ramps it starts with, it makes no difference which
    one a pixel takes, and the weights have no gradient: they wait until the colours, under the
    pixels that happen to have picked them, have drifted apart.

    Args:
        size: ``(width, height)`` in pixels of the canvas, each drawn as a square. The picture, and
            ``canvas.size``, is ``pixel_size`` times as wide and as high.
        generator: where values and weights (uniform in [0, 1]) start from.
        pixel_size: the side of a square.
        palette_size: how many colours a palette has, k.
        palettes: how many palettes there are, n.
        gamma: the brightness of rank j is meant to be ``(j / (k − 1)) ** gamma``.
        random_palette: start from random colours instead of ramps of grey.
    """

    lr = 0.02
    rasters = ("value", "weights")

    target: Tensor
    fixed: Tensor

    def __init__(
        self,
        size: tuple[int, int],
        *,
        generator: torch.Generator,
        pixel_size: int = 1,
        palette_size: int = 5,
        palettes: int = 20,
        gamma: float = 1.0,
        random_palette: bool = False,
    ) -> None:
        super().__init__()
        width, height = size
        k, n = palette_size, palettes
        self.size = (width * pixel_size, height * pixel_size)
        self.pixel_size = pixel_size
        self.gamma = gamma
        self.value = nn.Parameter(torch.rand(height, width, generator=generator))
        self.weights = nn.Parameter(torch.rand(n, height, width, generator=generator))
        if random_palette:
            start = torch.rand(k, n, 3, generator=generator)
        else:
            start = brightness_ramp(k, gamma)[:, None, None].expand(k, n, 3)
        self.palette = nn.Parameter(INERTIA * start)
        # Both are buffers, so that a run that is resumed has the colours it was locked to.
        self.register_buffer("target", torch.zeros(k, n, 3))
        self.register_buffer("fixed", torch.tensor(False))
        # The same for Python, which is asked at every step and must not wait for a device.
        self._locked = False
        self.register_load_state_dict_post_hook(_recall_lock)  # type: ignore[no-untyped-call]

    @property
    def locked(self) -> bool:
        """Whether the colours stay as they are."""
        return self._locked

    def colours(self) -> Tensor:
        """The palettes' colours from dark to light: (k, n, 3) in [0, 1].

        They have a gradient to the palette unless it is locked.
        """
        if self.locked:
            return self.target
        return by_brightness((self.palette / INERTIA).clamp(0, 1))

    def forward(self) -> Tensor:
        """See `Canvas.forward`."""
        small = draw(self.colours(), clamp(self.value), self.weights, gathers=True)
        return enlarge(small, self.pixel_size)

    @torch.no_grad()
    def constrain(self) -> None:
        """Palette, values and weights back in bounds; see `Canvas.constrain`."""
        self.palette.clamp_(0, INERTIA)
        self.value.clamp_(0, 1)
        self.weights.clamp_(min=0)

    @torch.no_grad()
    def encode(self, image: Tensor) -> None:
        """Become ``image`` as nearly as so few colours can; see `Canvas.encode`.

        The palettes are found by clustering, unless they are locked or the present ones do as
        well. (PyTTI takes 201 steps of Adam for it; this is nearer to the picture, and faster.)
        Then each pixel takes the nearest colour. Its value stays as near as that allows to its own
        brightness, so that values go on smoothly over the picture and stand being moved.
        """
        small = shrink(image, self.size, self.pixel_size)
        pixels = small[0].flatten(1).T.contiguous()  # (m, 3)
        if not self.locked:
            self._fit(thin(pixels))
        value, weights = choose(pixels, self._wanted(pixels), self.colours())
        self.value.copy_(value.view_as(self.value))
        self.weights.copy_(weights.view_as(self.weights))

    @torch.no_grad()
    def grow(self, size: tuple[int, int]) -> None:
        """Draw the same picture at ``size``, a whole number of squares, in the same colours."""
        if size == self.size:
            return
        height, width = size[1] // self.pixel_size, size[0] // self.pixel_size
        latent = torch.cat([self.value[None], self.weights])[None]  # (1, 1 + n, h, w)
        grown = interpolate(latent, (height, width), mode="bilinear", antialias=True)[0]
        self.value, self.weights = nn.Parameter(grown[0].clone()), nn.Parameter(grown[1:].clone())
        self.size = size

    @torch.no_grad()
    def move(self, warp: Warp) -> None:
        """Carry values and weights and leave the colours; see `Canvas.move`."""
        latent = torch.cat([self.value[None], self.weights])[None]  # (1, 1 + n, h, w)
        moved = warp(latent)[0]
        self.value.copy_(moved[0])
        self.weights.copy_(moved[1:])
        self.constrain()

    @torch.no_grad()
    def lock(self, on: bool = True) -> None:
        """Fix the colours as they are now, or let them change again.

        What is locked stays as it is when it is locked again, so a lock for a while is undone by
        ``canvas.lock(was)``.
        """
        if on and not self.locked:
            self.target.copy_(self.colours())
        self.fixed.fill_(on)
        self._locked = on

    @torch.no_grad()
    def match(self, image: Tensor) -> None:
        """Lock the colours to those that suit ``image`` (1, 3, h, w); the picture keeps its pixels.

        The palette itself takes them too, so they are still there when it is unlocked.
        """
        sitter = copy.deepcopy(self)
        sitter.lock(False)
        sitter.encode(image)
        self.palette.copy_(sitter.colours() * INERTIA)
        self.lock(False)
        self.lock()

    @torch.no_grad()
    def render_palette(self) -> Tensor:
        """A picture of the colours, (1, 3, 32 k, 16 n): a column for each palette, dark on top."""
        colours = self.colours().permute(2, 0, 1)[None]  # (1, 3, k, n)
        return colours.repeat_interleave(32, dim=2).repeat_interleave(16, dim=3)

    def _wanted(self, pixels: Tensor) -> Tensor:
        """The values that pixels (m, 3) want by their brightness: (m,)."""
        return brightness(pixels).clamp(0, 1) ** (1 / self.gamma)

    def _fit(self, pixels: Tensor) -> None:
        """Find palettes for pixels (m, 3)."""
        k, n = self.palette.shape[:2]
        wanted = (self._wanted(pixels) * (k - 1)).round().long()
        found = find_palettes(pixels, wanted, brightness_ramp(k, self.gamma).to(pixels), n)
        # What is already there may do as well: this canvas's own picture, or a film's next frame.
        errors = [nearest(pixels, c.flatten(0, 1))[1].mean() for c in (found, self.colours())]
        if errors[0] < errors[1]:
            self.palette.copy_(found * INERTIA)


def brightness_ramp(k: int, gamma: float) -> Tensor:
    """How bright each of k ranks is meant to be, ``(j / (k − 1)) ** gamma``: (k,).

    By the formula a single colour would be black, at the very edge of what it may become, so it is
    a mid-grey instead.
    """
    return (torch.linspace(0, 1, k) if k > 1 else torch.tensor([0.5])) ** gamma


def _recall_lock(canvas: nn.Module, _incompatible_keys: object) -> None:
    """After `load_state_dict`: the flag is what the buffer says."""
    if isinstance(canvas, Palette):
        canvas._locked = bool(canvas.fixed)


def choose(pixels: Tensor, wanted: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
    """Values (m,) and weights (n, m) by which pixels (m, 3) get the nearest of ``colours``.

    ``wanted`` (m,): the values they would have by themselves; ``colours``: (k, n, 3), sorted.
    """
    k, n = colours.shape[:2]
    ranks, weights = [], []
    for block in torch.split(pixels, _BLOCK):
        away = distances(block, colours.flatten(0, 1))  # (b, k · n)
        rank = away.argmin(dim=1) // n
        away = away.view(-1, k, n)[torch.arange(len(rank)), rank]  # (b, n)
        worse = (away - away.amin(dim=1, keepdim=True)) / (2 * _SPREAD**2)
        ranks.append(rank)
        weights.append((_SURE - worse).clamp(min=0))
    rank = torch.cat(ranks)
    value = (wanted * (k - 1)).clamp(rank - _REACH, rank + _REACH) / max(k - 1, 1)
    return value.clamp(0, 1), torch.cat(weights).T


def draw(colours: Tensor, value: Tensor, weights: Tensor, *, gathers: bool = False) -> Tensor:
    """The picture of values and weights: (k, n, 3), (h, w) in [0, 1], (n, h, w) to (1, 3, h, w).

    Each pixel takes colour ``round(value · (k − 1))`` of the palette with the largest weight. The
    gradient is that of half this and half a soft picture: there the value mixes the two colours
    beside it, and the softmax of the weights mixes the palettes. So value and weights follow the
    soft picture, the colours both.

    Where it ``gathers`` and the weights have a ``grad`` already, theirs is added to that at once:
    a tensor of their size less, which for a large canvas is more than a gigabyte.
    """
    picture: Tensor = _Draw.apply(colours, value, weights, gathers)  # type: ignore[no-untyped-call]
    return picture[None]


class _Draw(torch.autograd.Function):
    """See `draw`. By hand, because then the soft picture need never be drawn, only its gradient."""

    @staticmethod
    def forward(ctx: Any, colours: Tensor, value: Tensor, weights: Tensor, gathers: bool) -> Tensor:
        k, n = colours.shape[:2]
        table = colours.flatten(0, 1).T  # (3, k · n)
        pick = torch.empty_like(value, dtype=torch.int32)
        picture = value.new_empty(3, *value.shape)
        flat = value.flatten(), weights.flatten(1), pick.view(-1), picture.flatten(1)
        for v, w, chosen, drawn in _blocks(*flat):
            rank = (v * (k - 1)).round().long()
            index = rank * n + w.max(dim=0).indices  # argmax is many times slower
            chosen.copy_(index)
            drawn.copy_(table[:, index])
        ctx.save_for_backward(colours, value, weights, pick)
        ctx.gathers = gathers
        return picture

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        colours, value, weights, pick = ctx.saved_tensors
        d_colours, hard = torch.zeros_like(colours), torch.zeros_like(colours)
        before: Tensor | None = weights.grad if ctx.gathers and weights.is_leaf else None
        if before is not None and not before.is_contiguous():
            before = None
        d_value = torch.empty_like(value)
        d_weights = torch.empty_like(weights) if before is None else before
        flat = value.flatten(), weights.flatten(1), gradient.flatten(1), pick.view(-1)
        for v, w, g, chosen, dv, dw in _blocks(*flat, d_value.view(-1), d_weights.flatten(1)):
            half = 0.5 * g
            hard.view(-1, 3).index_add_(0, chosen.long(), half.T)  # ten times as fast as by int32
            soft, d_v, d_w = _soft_gradient(colours, v, w, half)
            d_colours += soft
            dv.copy_(d_v)
            dw.copy_(d_w if before is None else dw + d_w)
        return hard + d_colours, d_value, d_weights if before is None else None, None


def _blocks(*rasters: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same pixels of each of ``rasters`` (…, m), so many at a time that memory is bounded."""
    for start in range(0, rasters[0].shape[-1], _BLOCK):
        yield tuple(raster[..., start : start + _BLOCK] for raster in rasters)


def _soft_gradient(
    colours: Tensor, value: Tensor, weights: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the soft picture, for b pixels: (k, n, 3), (b,), (n, b), (3, b) to the first three's."""
    k, n = colours.shape[:2]
    share = weights.softmax(dim=0)  # (n, b)
    place = value * (k - 1)
    ranks = torch.arange(k, device=place.device)[:, None]
    near = (1 - (place - ranks).abs()).clamp(min=0)  # (k, b): how much of each colour is mixed in
    pull = (near[:, None] * gradient).flatten(0, 1)  # (k · 3, b)
    table = colours.transpose(1, 2).flatten(0, 1)  # (k · 3, n)

    d_colours = (pull @ share.T).view(k, 3, n).transpose(1, 2)
    d_share = table.T @ pull  # (n, b)
    d_weights = share * (d_share - (share * d_share).sum(dim=0))
    if k == 1:
        return d_colours, torch.zeros_like(value), d_weights
    # On a colour's own place the slope is that toward the next one (of the last, from the one
    # before): PyTTI has none there, and values that reached 0 or 1 stayed for ever.
    steps = (colours.diff(dim=0).transpose(1, 2).flatten(0, 1) @ share).view(k - 1, 3, -1)
    below = place.floor().long().clamp(max=k - 2)
    slope = steps.gather(0, below.expand(1, 3, -1))[0]  # (3, b)
    return d_colours, (k - 1) * (slope * gradient).sum(dim=0), d_weights
