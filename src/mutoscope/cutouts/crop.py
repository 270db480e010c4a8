"""Reading cutouts out of a picture: one resampling for any number of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

BorderMode = Literal["clamp", "mirror", "wrap", "black", "smear"]

# How much finer than a cutout's own scale the copy that it reads should be. Reading blurs a little
# by itself; against an exact filter, on pictures with a 1/f spectrum, 0.75 to 0.85 erred least.
SHARPNESS = 0.8


@dataclass(frozen=True, eq=False)
class Cuts:
    """One step's cutouts for one perceptor: where each looks and how it is changed.

    Attributes:
        image_size: width and height of the picture they are cut from.
        side: side of each cutout in pixels.
        border_mode: what lies outside the picture.
        boxes: (n, 3) left, top and side in pixels of the picture, before any augmentation.
        maps: (n, 3, 3) homographies from a cutout, [-1, 1]², to the picture, [0, 1]².
        colours: (n, 3, 4) matrix and offset applied to each pixel, or None.
        erased: (n, 4) rectangles to black out, left, top, right, bottom in [0, 1], or None.
        noise: (n,) standard deviations of white noise, or None.
        seed: of the noise.
    """

    image_size: tuple[int, int]
    side: int
    border_mode: BorderMode
    boxes: Tensor
    maps: Tensor
    colours: Tensor | None
    erased: Tensor | None
    noise: Tensor | None
    seed: int

    def __len__(self) -> int:
        return self.boxes.shape[0]

    @cached_property
    def positions(self) -> Tensor:
        """Top left corners of the boxes as fractions of the picture, (n, 2), x first."""
        return (self.boxes[:, :2] / self.boxes.new_tensor(self.image_size)).float()

    @cached_property
    def sizes(self) -> Tensor:
        """Sizes of the boxes as fractions of the picture, (n, 2), x first."""
        return (self.boxes[:, 2:] / self.boxes.new_tensor(self.image_size)).float()

    def crop(self, image: Tensor, part: slice = slice(None)) -> Tensor:
        """Read the cutouts of ``part`` out of ``image`` (1, 3, H, W): (m, 3, side, side).

        With gradient to the image. Values may leave [0, 1] a little through colour and noise.
        """
        if (image.shape[-1], image.shape[-2]) != self.image_size:
            raise ValueError(f"cuts of a {self.image_size} picture, got {tuple(image.shape)}")
        atlas, rooms = _atlas(image, self._levels, self.border_mode)
        grid = self._grid(image, part, rooms)  # (m, side², 2)
        m = grid.shape[0]
        # One batch item as tall as all cutouts: a batch of m would make the backward pass write m
        # gradients as large as the atlas and add them up (three times slower).
        strip = grid.reshape(1, m * self.side, self.side, 2)
        read = grid_sample(atlas, strip, mode="bilinear", align_corners=False)
        pixels = read.view(3, m, self.side**2).transpose(0, 1)  # (m, 3, side²)
        return self._finish(pixels, part).view(m, 3, self.side, self.side)

    def _finish(self, pixels: Tensor, part: slice) -> Tensor:
        """Colour, erasure and noise, in that order, on (m, 3, side²)."""
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
        for u, axis in zip((x, y), room.unsqueeze(3).unbind(1), strict=True):
            inset, slope, start = axis.unbind(1)  # (m, 1) each
            # Further out there is only more of the same, but in the atlas the next copy.
            inside = torch.clamp(self._fold(u.div_(w)), inset, 1 - inset)
            axes.append(inside.mul_(slope).add_(start))
        return torch.stack(axes, 2)

    def _fold(self, u: Tensor) -> Tensor:
        """Bring coordinates of the endless picture back to the one in [0, 1] that repeats."""
        if self.border_mode == "wrap":
            return u.sub_(u.floor())
        if self.border_mode == "mirror":
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


def _atlas(image: Tensor, levels: range, border_mode: BorderMode) -> tuple[Tensor, Tensor]:
    """The copies ``levels`` of the picture, one below the other.

    Returns the atlas, (1, 3, h, w), and for each copy and axis (x first) three numbers, (k, 2, 3):
    how far inside its edge the copy may be read, as a fraction of it; slope and start of the line
    from such a fraction to `grid_sample`'s [-1, 1] across the atlas.
    """
    # Where something else begins at the edge, a pixel of that is laid around each copy and reading
    # may go half a pixel out; elsewhere it stays half a pixel in. Reflection is in the coordinates.
    gutter = 1 if border_mode in ("black", "wrap") else 0
    inset = 0.5 - gutter
    copies = _pyramid(image, levels)
    wide = copies[0].shape[3] + 2 * gutter
    tall = sum(copy.shape[2] + 2 * gutter for copy in copies)
    rows, rooms, top = [], [], gutter
    for copy in copies:
        h, w = copy.shape[2:]
        if border_mode == "wrap":
            row = pad(pad(copy, (1, 1, 1, 1), mode="circular"), (0, wide - w - 2))
        else:
            row = pad(copy, (gutter, wide - w - gutter, gutter, gutter))
        rows.append(row)
        across = [inset / w, 2 * w / wide, 2 * gutter / wide - 1]
        rooms.append([across, [inset / h, 2 * h / tall, 2 * top / tall - 1]])
        top += h + 2 * gutter
    return torch.cat(rows, 2) if len(rows) > 1 else rows[0], torch.tensor(rooms)


def _pyramid(image: Tensor, levels: range) -> list[Tensor]:
    """The picture at 2^(-k/2) of its size for each k of ``levels``, antialiased.

    Each is made from the one half as far, so that all together cost little more than the first.
    """
    made = {0: image}
    for k in range(1, levels.stop):
        size = [max(1, round(n * 2 ** (-k / 2))) for n in image.shape[-2:]]
        made[k] = interpolate(made[max(0, k - 2)], size, mode="bilinear", antialias=True)
    return [made[k] for k in levels]
