"""Reading cutouts out of a picture: one resampling for any number of them."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from mutoscope.cutouts.atlas import BorderMode, Borders, make_atlas

# How much finer than a cutout's own scale the copy that it reads should be. Reading blurs a little
# by itself; against an exact filter, on pictures with a 1/f spectrum, 0.75 to 0.85 erred least.
SHARPNESS = 0.8
# A box whose edge is the picture's may reach out by this much through rounding.
EPSILON = 1e-9


@dataclass(frozen=True, eq=False)
class Cuts:
    """One step's cutouts for one perceptor: where each looks and how it is changed.

    Attributes:
        image_size: width and height of the picture they are cut from.
        side: side of each cutout in pixels.
        borders: what lies outside the picture, along x and along y.
        boxes: (n, 3) left, top and side in pixels of the picture, before any augmentation.
        maps: (n, 3, 3) homographies from a cutout, [-1, 1]², to the picture, [0, 1]².
        colours: (n, 3, 4) matrix and offset applied to each pixel, or None.
        erased: (n, 4) rectangles to black out, left, top, right, bottom in [0, 1], or None.
        noise: (n,) standard deviations of white noise, or None.
        bounded: whether values are brought back into [0, 1].
        seed: of the noise.
    """

    image_size: tuple[int, int]
    side: int
    borders: Borders
    boxes: Tensor
    maps: Tensor
    colours: Tensor | None
    erased: Tensor | None
    noise: Tensor | None
    bounded: bool
    seed: int

    def __len__(self) -> int:
        return self.boxes.shape[0]

    @cached_property
    def positions(self) -> Tensor:
        """Top left corners of the boxes as fractions of the picture, (n, 2), x first.

        Along an axis where the picture repeats, they are given such that the centre lies in
        [0, 1); along the others they lie wherever the box does.
        """
        return self._start.float()

    @cached_property
    def sizes(self) -> Tensor:
        """Sizes of the boxes as fractions of the picture, (n, 2), x first."""
        return self._size.float()

    @cached_property
    def pieces(self) -> tuple[Tensor, Tensor, Tensor]:
        """What of the picture each box shows: (n, k, 2), (n, k, 2) and (n, k), k pieces a box.

        They are the pieces' corners, top left and bottom right, as fractions of the picture, x
        first, and the part of the box that each fills. A box that reaches past an edge shows there,
        by the border: the other end, the mirror image, or the pixels of the edge; where it shows
        black, only what it shows of the picture counts, and all parts are 0 if that is nothing.
        """
        lines = [
            _line(self._start[:, axis], self._size[:, axis], mode, 1 / self.image_size[axis])
            for axis, mode in enumerate(self.borders)
        ]
        lows, highs, parts = zip(*lines, strict=True)
        n = len(self)

        def crossed(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            across = x.unsqueeze(2).expand(-1, -1, y.shape[1]).reshape(n, -1)
            return across, y.unsqueeze(1).expand(-1, x.shape[1], -1).reshape(n, -1)

        starts, stops = torch.stack(crossed(*lows), 2), torch.stack(crossed(*highs), 2)
        return starts, stops, torch.stack(crossed(*parts)).prod(0)

    @cached_property
    def _start(self) -> Tensor:
        """`positions`, (n, 2), in float64."""
        start = self.boxes[:, :2] / self.boxes.new_tensor(self.image_size)
        repeats = self.boxes.new_tensor([mode == "wrap" for mode in self.borders])
        return start - repeats * (start + self._size / 2).floor()

    @cached_property
    def _size(self) -> Tensor:
        """`sizes`, (n, 2), in float64."""
        return self.boxes[:, 2:] / self.boxes.new_tensor(self.image_size)

    def crop(self, image: Tensor, part: slice = slice(None)) -> Tensor:
        """Read the cutouts of ``part`` out of ``image`` (1, 3, H, W): (m, 3, side, side).

        With gradient to the image. Values may leave [0, 1] a little through colour and noise,
        unless they are bounded.
        """
        if (image.shape[-1], image.shape[-2]) != self.image_size:
            raise ValueError(f"cuts of a {self.image_size} picture, got {tuple(image.shape)}")
        atlas, rooms = make_atlas(image, self._levels, self.borders)
        grid = self._grid(image, part, rooms)  # (m, side², 2)
        m = grid.shape[0]
        # One batch item as tall as all cutouts: a batch of m would make the backward pass write m
        # gradients as large as the atlas and add them up (three times slower).
        strip = grid.reshape(1, m * self.side, self.side, 2)
        read = grid_sample(atlas, strip, mode="bilinear", align_corners=False)
        pixels = read.view(3, m, self.side**2).transpose(0, 1)  # (m, 3, side²)
        return self._finish(pixels, part).view(m, 3, self.side, self.side)

    def _finish(self, pixels: Tensor, part: slice) -> Tensor:
        """Colour, erasure, noise and bounds, in that order, on (m, 3, side²)."""
        if self.colours is not None:
            colours = sent(self.colours[part], pixels)
            out = torch.baddbmm(colours[:, :, 3:], colours[:, :, :3], pixels)
        else:
            out = pixels.contiguous()
        if self.erased is not None:
            # In place is safe here and below: nothing before keeps its result for the way back.
            out.mul_(_kept(sent(self.erased[part], pixels), self.side).to(pixels))
        if self.noise is not None:
            strength = sent(self.noise[part], pixels).view(-1, 1, 1)
            out.addcmul_(self._white(pixels)[part], strength)
        if self.bounded:
            # The picture itself is in range, so its gradient goes on as if nothing were cut off.
            with torch.no_grad():
                out.clamp_(0, 1)
        return out

    def _white(self, like: Tensor) -> Tensor:
        """The step's white noise for all cutouts, (n, 3, side²), made once."""
        made: Tensor | None = self.__dict__.get("_made")
        if made is None or made.device != like.device or made.dtype != like.dtype:
            rng = torch.Generator(like.device).manual_seed(self.seed)
            shape = (len(self), 3, self.side**2)
            made = torch.randn(shape, generator=rng, device=like.device, dtype=like.dtype)
            self.__dict__["_made"] = made
        return made

    @cached_property
    def _level(self) -> Tensor:
        """Which copy of the picture each cutout reads: (n,), k for the one 2^(-k/2) as large."""
        shrink = self.boxes[:, 2] / self.side * SHARPNESS
        return (2 * shrink.log2()).round().clamp_min(0).long()

    @cached_property
    def _levels(self) -> range:
        """The copies that some cutout of the step reads."""
        return range(int(self._level.min()), int(self._level.max()) + 1)

    def _grid(self, image: Tensor, part: slice, rooms: Tensor) -> Tensor:
        """Where in the atlas each output pixel reads: (m, side², 2), x first, in [-1, 1]."""
        centre = (torch.arange(self.side, device=image.device, dtype=image.dtype) + 0.5) / self.side
        down, across = torch.meshgrid(2 * centre - 1, 2 * centre - 1, indexing="ij")
        points = torch.stack([across, down, torch.ones_like(across)]).flatten(1)  # (3, side²)
        x, y, w = (sent(self.maps[part], image) @ points).unbind(1)  # (m, side²) each
        room = sent(rooms[self._level[part] - self._levels.start], image)  # (m, 2, 3)
        axes = []
        for u, axis, mode in zip((x, y), room.unsqueeze(3).unbind(1), self.borders, strict=True):
            inset, slope, start = axis.unbind(1)  # (m, 1) each
            # Further out there is only more of the same, but in the atlas the next copy.
            inside = torch.clamp(_folded(u.div_(w), mode), inset, 1 - inset)
            axes.append(inside.mul_(slope).add_(start))
        return torch.stack(axes, 2)


def _line(
    start: Tensor, size: Tensor, mode: BorderMode, pixel: float
) -> tuple[Tensor, Tensor, Tensor]:
    """What of a line [0, 1] boxes show that begin at ``start`` (n,) and are ``size`` (n,) long.

    Starts and stops of k intervals, and the part of the box that each fills, (n, k) each: what lies
    inside, and if any box reaches out, what is seen beyond. No box is longer than the line, so none
    reaches out at both ends. The edge that is seen again and again is a ``pixel`` wide.
    """
    stop = start + size
    low, high = start.clamp(0, 1), stop.clamp(0, 1)
    inside = high - low
    if not ((start < -EPSILON) | (stop > 1 + EPSILON)).any():
        return low[:, None], high[:, None], torch.ones_like(low)[:, None]
    # The outer interval, where it is, in the coordinates of the endless line.
    before = start < 0
    near = torch.where(before, start, start.clamp(min=1))
    far = torch.where(before, stop.clamp(max=0), stop.clamp(min=1))
    if mode == "wrap":
        near, far = (torch.where(before, end + 1, end - 1) for end in (near, far))
    elif mode == "mirror":
        near, far = (torch.where(before, -end, 2 - end) for end in (far, near))
    else:
        near = torch.where(before, 0.0, 1 - pixel).to(near)
        far = near + pixel
    beyond = torch.zeros_like(size) if mode == "black" else size - inside
    parts = torch.stack([inside, beyond], 1)
    whole = parts.sum(1, keepdim=True)
    parts = torch.where(whole > 0, parts / whole, 0.0)
    return torch.stack([low, near], 1), torch.stack([high, far], 1), parts


def _folded(u: Tensor, mode: BorderMode) -> Tensor:
    """Bring coordinates of the endless picture back to the one in [0, 1] that repeats, in place."""
    if mode == "wrap":
        return u.sub_(u.floor())
    if mode == "mirror":
        return u.remainder_(2).sub_(1).abs_().neg_().add_(1)
    return u


def sent(values: Tensor, like: Tensor) -> Tensor:
    """``values`` from the CPU where ``like`` lives and in its type, without waiting for a GPU.

    A plain copy waits until all that is queued before it is done. From pageable memory this one is
    as safe: the driver has taken the values when it returns.
    """
    return values.to(like.device, like.dtype, non_blocking=like.is_cuda)


def _kept(rectangles: Tensor, side: int) -> Tensor:
    """1 where a cutout is kept and 0 inside its rectangle: (m, 4) to (m, 1, side²)."""
    left, top, right, bottom = rectangles.unsqueeze(2).unbind(1)  # (m, 1) each
    centre = (torch.arange(side, device=rectangles.device) + 0.5) / side
    across = (centre >= left) & (centre < right)  # (m, side)
    down = (centre >= top) & (centre < bottom)
    return ~(down.unsqueeze(2) & across.unsqueeze(1)).flatten(1).unsqueeze(1)
