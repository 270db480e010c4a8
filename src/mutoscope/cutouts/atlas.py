"""The atlas that cutouts are read from: a picture and its smaller copies, with their borders."""

import math
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

BorderMode = Literal["clamp", "mirror", "wrap", "black", "smear"]

# What lies outside the picture to the left and right, and above and below.
Borders = tuple[BorderMode, BorderMode]


def make_atlas(image: Tensor, levels: range, borders: Borders) -> tuple[Tensor, Tensor]:
    """The copies ``levels`` of a picture (1, 3, H, W), one below the other; k is 2^(-k/2) as large.

    Returns the atlas, (1, 3, h, w), and for each copy and axis (x first) three numbers, (k, 2, 3):
    how far inside its edge the copy may be read, as a fraction of it; slope and start of the line
    from such a fraction to `grid_sample`'s [-1, 1] across the atlas.
    """
    # Where something else begins at the edge, a pixel of that is laid around each copy and reading
    # may go half a pixel out; elsewhere it stays half a pixel in. Reflection is in the coordinates.
    beside, above = (1 if mode in ("black", "wrap") else 0 for mode in borders)
    copies = _pyramid(image, levels, borders)
    wide = copies[0].shape[3] + 2 * beside
    tall = sum(copy.shape[2] + 2 * above for copy in copies)
    rows, rooms, top = [], [], above
    for copy in copies:
        h, w = copy.shape[2:]
        rows.append(_surrounded(copy, wide, borders))
        across = [(0.5 - beside) / w, 2 * w / wide, 2 * beside / wide - 1]
        rooms.append([across, [(0.5 - above) / h, 2 * h / tall, 2 * top / tall - 1]])
        top += h + 2 * above
    return torch.cat(rows, 2) if len(rows) > 1 else rows[0], torch.tensor(rooms)


def _surrounded(copy: Tensor, wide: int, borders: Borders) -> Tensor:
    """A copy with a pixel of what repeats or is black around it, and black up to ``wide``."""
    rings = borders[0] == "wrap", borders[1] == "wrap"
    ringed: Tensor = _Ringed.apply(copy, rings) if any(rings) else copy  # type: ignore[no-untyped-call]
    left, above = (int(mode == "black") for mode in borders)
    right = wide - ringed.shape[3] - left
    return pad(ringed, (left, right, above, above)) if left or right or above else ringed


class _Ringed(torch.autograd.Function):
    """A pixel of the other end laid around a picture along rings (x, y); corners included.

    By hand because `pad` takes four times as long, mostly for the way back.
    """

    @staticmethod
    def forward(ctx: Any, picture: Tensor, rings: tuple[bool, bool]) -> Tensor:
        ctx.rings = x, y = rings
        h, w = picture.shape[2:]
        out = picture.new_empty(*picture.shape[:2], h + 2 * y, w + 2 * x)
        out[..., y : y + h, x : x + w] = picture
        for axis in _axes(rings):
            out.select(axis, 0).copy_(out.select(axis, -2))
            out.select(axis, -1).copy_(out.select(axis, 1))
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.clone()
        for axis in reversed(_axes(ctx.rings)):
            gradient.select(axis, -2).add_(gradient.select(axis, 0))
            gradient.select(axis, 1).add_(gradient.select(axis, -1))
            gradient = gradient.narrow(axis, 1, gradient.shape[axis] - 2)
        return gradient, None


def _axes(rings: tuple[bool, bool]) -> list[int]:
    """The tensor's axes that are rings."""
    return [axis for axis, ring in zip((3, 2), rings, strict=True) if ring]


def _pyramid(image: Tensor, levels: range, borders: Borders) -> list[Tensor]:
    """The picture at 2^(-k/2) of its size for each k of ``levels``, antialiased.

    Each is made from the one half as far, so that all together cost little more than the first.
    """
    rings = borders[0] == "wrap", borders[1] == "wrap"
    made = {0: image}
    for k in range(1, levels.stop):
        height, width = (max(1, round(n * 2 ** (-k / 2))) for n in image.shape[-2:])
        made[k] = _shrunk(made[max(0, k - 2)], (height, width), rings)
    return [made[k] for k in levels]


def _shrunk(image: Tensor, size: tuple[int, int], rings: tuple[bool, bool]) -> Tensor:
    """``image`` at a smaller ``size`` (height, width), as if it repeated along ``rings`` (x, y).

    torch's filter ends at the edge. It is one new pixel wide to each side, so only the first and
    the last line lack something: along a ring those two are made once more, from both ends.
    """
    small = interpolate(image, size, mode="bilinear", antialias=True)
    for axis in _axes(rings):
        ends = _ends(image, size[axis - 2], axis)
        part = (size[0], ends.shape[3]) if axis == 3 else (ends.shape[2], size[1])
        ends = _shrunk(ends, part, (rings[0] and axis == 2, rings[1] and axis == 3))
        first, last = ends.narrow(axis, 0, 1), ends.narrow(axis, 1, ends.shape[axis] - 1)
        inner = small.narrow(axis, 1, max(0, size[axis - 2] - 2))
        small = torch.cat([first, inner, last], axis)
    return small


def _ends(image: Tensor, n: int, axis: int) -> Tensor:
    """The first and the last of ``n`` antialiased lines of a ring along ``axis`` (one if n is 1).

    The filter is the triangle of `interpolate`, with its feet one new pixel from the centre.
    """
    old = image.shape[axis]
    scale = old / n
    reach = math.ceil(1.5 * scale)
    place = torch.arange(-reach, reach, device=image.device)  # 0 is the first pixel
    centres = [scale / 2, -scale / 2][: min(n, 2)]
    weights = torch.stack([(1 - (place + 0.5 - c).abs() / scale).clamp_min(0) for c in centres], 1)
    weights = (weights / weights.sum(0)).to(image)  # (2 reach, 2)
    around = image.index_select(axis, place.remainder(old))
    return (around.movedim(axis, -1) @ weights).movedim(-1, axis)
