"""A camera that moves through a picture whose depth is known, and what it sees afterwards.

The picture is a relief: each pixel a small piece of a surface, at its own distance. Every piece is
carried to where the moved camera sees it, as large and slanted as it appears there, and where
several fall on one place the nearest is kept. So nothing cracks when it grows, and nothing is
stretched between a near thing and the far one behind it. What opens up there then repeats what
lies beside it on the far side.

Places are pixels measured from the middle of the picture, x to the right and y down; the camera
looks along −z. *Nearness* is the inverse of the distance along z, in 1/pixels: over a plane it is
linear in the picture, however slanted the plane is, and what a pixel moves by is linear in it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

Vector = tuple[float, float, float]

# What comes more than this many times nearer in one move has gone past the camera.
CLOSEST = 1 / 16

# By how much a piece of surface overlaps its neighbours, in its own widths: they bend apart.
_OVERLAP = 0.2

# A piece of surface that is seen more than twice as wide as this, in pixels, is seen from the edge:
# facing the camera, the closest are 16 · 0.7 · √2.
_LARGEST = 32.0

# A surface gets nearer at most by this part of itself per pixel; what does so faster is an edge.
_STEEPEST = 0.1

# What is uncovered repeats its surroundings after these parts of the picture's longer side.
_PERIODS = (128, 64, 32, 16)

# Pixels beside an edge that have something of the near thing's colour.
FRINGE = 2

# Steps away from a hole that are looked at together: few large operations cost less than many.
_STEPS = 12

# Pixels in doubt are looked up this often, each time at the depth that was found last.
_ROUNDS = 5


@dataclass(frozen=True)
class Move:
    """What the camera does between two frames: the scene is shifted, then turned about the eye.

    Attributes:
        rotation: a quaternion (w, x, y, z) of any length but 0.
        shift: of the scene in pixels: to the right, down, and towards the eye.
        focal: the distance in pixels at which a thing is seen in its own size.
    """

    rotation: tuple[float, float, float, float]
    shift: Vector
    focal: float

    @property
    def turns(self) -> bool:
        """Whether the camera turns at all."""
        return any(self.rotation[1:])

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return not self.turns and not any(self.shift)

    @cached_property
    def matrix(self) -> tuple[Vector, Vector, Vector]:
        """The rotation as a matrix."""
        longest = max(map(abs, self.rotation))
        parts = [part / longest for part in self.rotation]  # whose squares can't overflow
        w, x, y, z = (part / math.hypot(*parts) for part in parts)
        return (
            (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        )

    @cached_property
    def step(self) -> Vector:
        """The shift as the turned camera sees it."""
        first, second, third = (
            sum(a * b for a, b in zip(row, self.shift, strict=True)) for row in self.matrix
        )
        return first, second, third

    def forth(self, x: Tensor, y: Tensor, near: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where what stands at (x, y) is seen after the move, and the factor of its distance.

        Places mean nothing where that factor isn't positive: there it is behind the eye.
        """
        columns, rows, factor = (
            x * (a / self.focal) + (y * (b / self.focal) + (near * step - c))
            for (a, b, c), step in zip(self.matrix, self.step, strict=True)
        )
        factor = -factor
        scale = self.focal / factor.clamp(min=CLOSEST)
        return columns * scale, rows * scale, factor

    def back(self, u: Tensor, v: Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
        """Where what is seen at (u, v) stood before the move, if it was as near as ``near``.

        What would lie beside or behind the eye is held at a place far outside the picture.
        """
        (a, b, c), (d, e, f), (g, h, i) = self.matrix  # its transpose turns back
        u, v = u / self.focal, v / self.focal
        ahead = (i - c * u - f * v).clamp(min=1e-3)
        length = (1 - near * self.shift[2]).clamp(min=CLOSEST) / ahead
        x = (a * u + d * v - g) * length - near * self.shift[0]
        y = (b * u + e * v - h) * length - near * self.shift[1]
        return x * self.focal, y * self.focal


@dataclass(frozen=True)
class View:
    """What the moved camera sees, pixel by pixel of the new picture.

    Attributes:
        sources: the place in the old picture that each pixel shows, (2, H, W) in pixels from the
            first pixel's centre; beyond the picture where its surroundings come into view.
        revealed: where the old picture shows nothing of what should be seen, (H, W).
    """

    sources: Tensor
    revealed: Tensor


@torch.no_grad()
def see(near: Tensor, move: Move, *, lock: bool) -> View | None:
    """The picture of nearness ``near`` (H, W), float32, after ``move``; None if all is behind.

    ``lock`` shifts the new picture so that on average over the old one its pixels stay in place.
    """
    pieces = _Pieces(near, move, lock=lock)
    if not bool(pieces.ahead.any()):
        return None
    winner, nearness = pieces.nearest()
    covered = nearness > 0
    height, width = near.shape
    sources = pieces.sources(winner)  # (2, H·W)
    holes = (~covered).nonzero()[:, 0]
    if len(holes):
        found, known, beyond = _look_up(holes, near, move, pieces.locked)
        sources[:, holes] = found
        covered[holes[known]] = True  # the crack between two pieces
        hidden = holes[~known & ~beyond]
        if len(hidden):
            away = _away(hidden, (width, height), move, pieces.locked)
            _fill(hidden, away, sources, torch.where(covered, nearness, 0.0), (width, height))
    return View(sources.view(2, height, width), ~covered.view(height, width))


def _slope(near: Tensor, dim: int) -> Tensor:
    """How ``near`` rises along ``dim`` by the neighbour that differs less; 0 across edges."""
    rise = near.diff(dim=dim)
    edge = near.narrow(dim, 0, 1) * 0
    before, after = torch.cat([edge, rise], dim), torch.cat([rise, edge], dim)
    slope = torch.where(before.abs() < after.abs(), before, after)
    usable = (before * after > 0) & (slope.abs() < _STEEPEST * near)
    return slope * usable


def places(shape: torch.Size) -> tuple[Tensor, Tensor]:
    """The x (1, W) and y (H, 1) of each pixel's centre, from the middle of the picture."""
    height, width = shape
    x, y = torch.arange(width) - (width - 1) / 2, torch.arange(height) - (height - 1) / 2
    return x[None], y[:, None]


class _Pieces:
    """The pixels of the old picture as the moved camera sees them: little parallelograms.

    Attributes:
        ahead: which are seen from in front and have not gone past the camera, (H·W,).
        locked: by what the new picture is shifted back, (x, y).
    """

    def __init__(self, near: Tensor, move: Move, *, lock: bool) -> None:
        self.shape = near.shape
        height, width = near.shape
        x, y = places(near.shape)
        u, v, factor = move.forth(x, y, near)
        ahead = factor > CLOSEST
        # Sides of the parallelogram: how (u, v) changes with x and with y, along the surface.
        slant_x, slant_y = _slope(near, 1), _slope(near, 0)
        sides = []
        for axis, slant in ((0, slant_x), (1, slant_y)):
            du, dv, dz = (
                row[axis] / move.focal + slant * step
                for row, step in zip(move.matrix, move.step, strict=True)
            )
            sides += [(du * move.focal + u * dz) / factor, (dv * move.focal + v * dz) / factor]
        u_x, v_x, u_y, v_y = sides
        area = u_x * v_y - u_y * v_x
        self.ahead = (ahead & (area > 1e-6)).flatten()
        self.locked = _mean_shift(u - x, v - y, ahead) if lock else (0.0, 0.0)
        u, v = u + ((width - 1) / 2 - self.locked[0]), v + ((height - 1) / 2 - self.locked[1])
        # Where each is seen, counted from the first pixel's centre, and the way back to it.
        back = torch.stack([u, v, v_y / area, -u_y / area, -v_x / area, u_x / area])
        self._back = back.flatten(1)  # (6, H·W)
        reach = 0.5 + _OVERLAP
        self._reach = torch.stack(
            [(u_x.abs() + u_y.abs()) * reach, (v_x.abs() + v_y.abs()) * reach]
        ).flatten(1)  # (2, H·W)
        # Positive floats are in the order of their bits, so depth and owner make one number.
        seen = (near / factor).flatten()
        bits = torch.where(self.ahead, seen, 0.0).view(torch.int32).long()
        self._key = (bits << 32) | torch.arange(height * width)

    def nearest(self) -> tuple[Tensor, Tensor]:
        """The piece that each new pixel shows, and its nearness after the move, 0 where none is."""
        height, width = self.shape
        best = self._key.new_zeros(height * width + 1)  # the last is for what is seen nowhere
        u, v = self._back[:2]
        wide, high = self._reach
        inside = (u + wide >= 0) & (u - wide <= width - 1)
        inside &= (v + high >= 0) & (v - high <= height - 1)
        inside &= self.ahead
        larger = torch.maximum(wide, high)
        inside &= larger < _LARGEST
        reach, before = 1.0, 0.0
        while reach <= _LARGEST:
            chosen = (inside & (larger >= before) & (larger < reach)).nonzero()[:, 0]
            self._draw(chosen, math.ceil(2 * reach), best)
            before, reach = reach, reach * 2
        best = best[:-1]
        nearness = (best >> 32).int().view(torch.float32)
        return best & 0xFFFFFFFF, nearness

    def _draw(self, chosen: Tensor, across: int, best: Tensor) -> None:
        """Enter ``chosen`` into ``best`` at the pixels whose centres they cover."""
        height, width = self.shape
        if not len(chosen):
            return
        u, v, a, b, c, d = self._back[:, chosen]
        wide, high = self._reach[:, chosen]
        key = self._key[chosen]
        first_x, first_y = (u - wide).ceil(), (v - high).ceil()
        limit = 0.5 + _OVERLAP
        for j in range(across):
            row = first_y + j
            dy = row - v
            in_rows = (row >= 0) & (row < height)
            for i in range(across):
                column = first_x + i
                dx = column - u
                hit = (a * dx + b * dy).abs_() <= limit
                hit &= (c * dx + d * dy).abs_() <= limit
                hit &= (column >= 0) & (column < width) & in_rows
                at = torch.where(hit, row * width + column, float(height * width)).long()
                best.scatter_reduce_(0, at, key, "amax")

    def sources(self, winner: Tensor) -> Tensor:
        """The place in the old picture that each new pixel shows on its piece: (2, H·W)."""
        height, width = self.shape
        u, v, a, b, c, d = self._back[:, winner]
        dx = torch.arange(width).repeat(height) - u
        dy = torch.arange(height).repeat_interleave(width) - v
        column, row = winner % width, winner // width
        return torch.stack([column + (a * dx + b * dy), row + (c * dx + d * dy)])


def _mean_shift(dx: Tensor, dy: Tensor, ahead: Tensor) -> tuple[float, float]:
    """The mean displacement of what is ``ahead``.

    What comes close to the eye flies off without bounds, and counts as if it went as far as the
    picture is wide or high.
    """
    height, width = dx.shape
    across, down = dx.clamp(-width, width)[ahead], dy.clamp(-height, height)[ahead]
    return (float(across.mean()), float(down.mean())) if len(across) else (0.0, 0.0)


def _look_up(
    holes: Tensor, near: Tensor, move: Move, locked: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """What pixels that no piece covers should show, if the scene goes on as it is at its edges.

    Returns places (2, n), whether each is in the picture and really seen there, and whether it is
    beyond the edge of the picture.
    """
    height, width = near.shape
    centre = (width - 1) / 2, (height - 1) / 2
    u = holes % width - centre[0] + locked[0]
    v = holes // width - centre[1] + locked[1]
    x, y = u, v
    for _ in range(_ROUNDS):
        there = _at(near, x + centre[0], y + centre[1])
        x, y = move.back(u, v, there)
    there = _at(near, x + centre[0], y + centre[1])
    again_u, again_v, factor = move.forth(x, y, there)
    found = torch.stack([x + centre[0], y + centre[1]])
    beyond = (x.abs() > width / 2) | (y.abs() > height / 2)
    same = ((again_u - u).abs() < 0.75) & ((again_v - v).abs() < 0.75) & (factor > CLOSEST)
    return found, same & ~beyond, beyond


def _at(raster: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The nearest pixel of ``raster`` (H, W), its edges going on for ever."""
    height, width = raster.shape
    column = x.round().clamp(0, width - 1).long()
    row = y.round().clamp(0, height - 1).long()
    return raster[row, column]


def _away(
    holes: Tensor, size: tuple[int, int], move: Move, locked: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """The way in which, at these pixels, far things lie from near ones that left them open.

    A thing moves along the line on which its nearness varies; (x, y), the longer part 1.
    """
    width, height = size
    u = holes % width - (width - 1) / 2 + locked[0]
    v = holes // width - (height - 1) / 2 + locked[1]
    across, down, towards = move.step
    x, y = -(move.focal * across + u * towards), -(move.focal * down + v * towards)
    length = torch.maximum(x.abs(), y.abs())
    ok = length > 0
    length = torch.where(ok, length, 1.0)
    return torch.where(ok, x / length, 1.0), y / length


def _fill(
    holes: Tensor,
    away: tuple[Tensor, Tensor],
    sources: Tensor,
    nearness: Tensor,
    size: tuple[int, int],
) -> None:
    """Let ``holes`` show again what is beside them, on the side that is farther.

    It is repeated with a period, the longest at which the same surface is still found. A camera on
    its way opens a pixel or two at each move: their mirror image, move after move, would be a
    streak, but strips that are copied over an equal distance join and go on as the surface does.
    ``nearness`` (H·W,) is that of the new picture, 0 where nothing is seen. ``sources`` (2, H·W)
    are changed in place, and stay as they are where no side is found.
    """
    width, height = size
    column, row = holes % width, holes // width

    def pixel(distance: Tensor, of: Tensor) -> tuple[Tensor, Tensor]:
        """The pixel ``distance`` along the way, and its nearness: −1 outside the picture."""
        x = (column[of] + away[0][of] * distance).round().long()
        y = (row[of] + away[1][of] * distance).round().long()
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        at = torch.where(inside, y * width + x, 0)
        return at, torch.where(inside, nearness[at], -1.0)

    ways = [_beside(pixel, len(holes), way, max(size)) for way in (1, -1)]
    (far, far_near), (close, close_near) = ways
    other = close_near < far_near
    distance = torch.where(other, close, far)
    beside = torch.where(other, close_near, far_near)
    found = (distance != 0).nonzero()[:, 0]
    distance, beside = distance[found], beside[found]
    depth, way = distance.abs(), distance.sign()
    reach, shown = distance, pixel(distance, found)[0]
    for period in (1, *(max(size) // part for part in _PERIODS if max(size) >= 2 * part)):
        further = way * period * ((depth + 1 + FRINGE) / period).ceil()
        at, there = pixel(further, found)
        same = (there > 0) & (there < 1.1 * beside) & (there > beside / 1.5)
        reach, shown = torch.where(same, further, reach), torch.where(same, at, shown)
    # What the rounding to a pixel left over.
    rest_x = column[found] + away[0][found] * reach - shown % width
    rest_y = row[found] + away[1][found] * reach - shown // width
    sources[:, holes[found]] = sources[:, shown] + torch.stack([rest_x, rest_y])


def _beside(
    pixel: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], n: int, way: int, limit: int
) -> tuple[Tensor, Tensor]:
    """How far along its ``way`` each of ``n`` holes ends, 0 where never, and how near that is."""
    distance, beside = torch.zeros(n), torch.full((n,), math.inf)
    left = torch.arange(n)
    for first in range(1, limit, _STEPS):
        ahead = torch.arange(first, first + _STEPS) * float(way)
        _, there = pixel(ahead, left[:, None])  # (left, steps)
        seen = there > 0
        met = seen.any(dim=1)
        step = seen[met].int().argmax(dim=1)
        distance[left[met]] = ahead[step]
        beside[left[met]] = there[met].gather(1, step[:, None])[:, 0]
        left = left[~met & (there[:, -1] >= 0)]  # who has left the picture never comes back
        if not len(left):
            break
    return distance, beside
