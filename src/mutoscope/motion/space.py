"""Motion in space: a camera that flies through the picture by its depth."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from cv2.typing import MatLike
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope.curves import DEPTH_NAMES, Curve, VectorCurve
from mutoscope.errors import ScriptError, SettingsError
from mutoscope.motion.base import FieldWarp, pixel_centres, pixel_grid
from mutoscope.motion.camera import CLOSEST, FRINGE, Move, places, see
from mutoscope.motion.resample import Infill, Sampling
from mutoscope.schedule import Shot

DepthOf = Callable[[Tensor], Tensor]
"""From a picture (1, 3, H, W) to the distance of its pixels (1, 1, h, w), in `DISTANCES`."""

DISTANCES = (1e-3, 10.0)
"""The least and greatest distance that counts; they lie on the near and the far plane."""

# A shift beyond this many pixels looks like one by this many, and overflows nothing.
_FARTHEST = 1e8

# Nearness beside an edge of depth differs at least by this factor.
_CONTRAST = 1.08

# Medians over five pixels that round an edge of depth; more of them no longer change much.
_ROUNDINGS = 6

_log = logging.getLogger("mutoscope")


class SpaceWarp(FieldWarp):
    """The move of a camera through the depth of a picture.

    Attributes:
        revealed: (1, 1, H, W), true where the old picture shows nothing of what is now in view:
            what near things uncovered, and what came in from beyond the edges.
    """

    def __init__(
        self, displacement: Tensor, revealed: Tensor, *, sampling: Sampling, infill: Infill
    ) -> None:
        """Keep ``displacement`` (1, 2, H, W), in the meaning of `Warp.displacement`."""
        super().__init__(displacement, sampling=sampling, infill=infill)
        self.revealed = revealed

    def sources(self, size: tuple[int, int]) -> Tensor:
        """See `Warp.sources`.

        A coarser raster goes where the middles of its pixels go: the mean of what a near and a far
        thing are displaced by would be the displacement of neither.
        """
        width, height = size
        if size == self.size or width > self.size[0] or height > self.size[1]:
            return super().sources(size)
        columns, rows = (
            (pixel_centres(n) * side).long() for n, side in zip(size, self.size, strict=True)
        )
        field = self.displacement[0].cpu().double()[:, rows[:, None], columns]
        return pixel_grid(size) - field / field.new_tensor(self.size)[:, None, None]


@dataclass(frozen=True)
class Space:
    """The camera of a film in 3D: how far it goes between two frames.

    Depth stands in pixels of the picture that is written, as all lengths here: the least and the
    greatest of `DISTANCES` become the near and the far plane, what lies between them in
    proportion. The scene is shifted, then turned about the eye. Numbers may vary over time and may
    use ``r``, ``R`` and ``mu``: the depth of the nearest pixel, of the farthest, and the middle
    between mean and median.

    What comes more than sixteen times nearer in one move has gone past the camera and is not
    drawn. Where everything has, the picture stays as it is, with one notice in the log. What comes
    in from beyond the edges is made by ``infill``; what near things uncover is made of what lies
    behind them, whatever the infill.

    Attributes:
        translate_x: content goes right, by so many pixels at a depth of ``focal``.
        translate_y: content goes up.
        translate_z: the camera goes into the picture.
        rotate: a quaternion [w, x, y, z]: about x content goes down, about y to the left, about z
            clockwise. Its length makes no difference.
        depth: the distance of each pixel of a picture, in `DISTANCES`, of any resolution. It is
            asked only when the move depends on it.
        size: ``(width, height)`` of the picture in pixels.
        field_of_view: the camera's vertical angle in degrees, above 0 and below 180.
        near_plane: see above; above 0.
        far_plane: not below ``near_plane``.
        lock_camera: shift each frame so that its content stays in place on average.
        compat_units: PyTTI's geometry, which takes the place in the picture for that in space:
            zoom and turn come out too weak or too strong, and nothing hides anything.
        sampling: nearest, bilinear or bicubic.
        infill: what comes in from beyond the edges: mirror, wrap, black or smear.

    Raises:
        SettingsError: The angle or the planes are impossible.
        ScriptError: The quaternion is 0: at once if it never varies, else at its frame.
    """

    translate_x: Curve
    translate_y: Curve
    translate_z: Curve
    rotate: VectorCurve
    depth: DepthOf
    size: tuple[int, int]
    field_of_view: float = 60.0
    near_plane: float = 1.0
    far_plane: float = 10_000.0
    lock_camera: bool = True
    compat_units: bool = False
    sampling: Sampling = "bicubic"
    infill: Infill = "wrap"
    _told: list[float] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.field_of_view < 180:
            raise SettingsError(
                f"field_of_view: {self.field_of_view:g} degrees; it must be above 0 and below 180, "
                "such as 60"
            )
        if not 0 < self.near_plane <= self.far_plane < math.inf:
            raise SettingsError(
                f"near_plane, far_plane: {self.near_plane:g} and {self.far_plane:g} pixels; the "
                "near one must be above 0 and not beyond the far one, such as 1 and 10000"
            )
        if self.rotate.constant is not None:
            _checked(self.rotate, self.rotate.constant, "always")

    @property
    def focal(self) -> float:
        """The distance in pixels at which a thing is seen in its own size."""
        return self.size[1] / 2 / math.tan(math.radians(self.field_of_view) / 2)

    @torch.no_grad()
    def __call__(self, image: Tensor, shot: Shot) -> SpaceWarp:
        """The warp that leads into ``shot`` from ``image`` (1, 3, H, W)."""
        values = shot.moment.values
        near = self._nearness(image) if self._depends_on_depth() else None
        if near is not None:
            values = values | _depths(1 / near)
        move = self._move(values)
        if move.still:
            return self._still()
        if near is None:
            # Turning alone shows far and near things alike; PyTTI's geometry needs the depth.
            near = self._nearness(image) if self.compat_units or any(move.shift) else self._plane()
        if self.compat_units:
            gone = displaced(near, move, lock=self.lock_camera)
            sides = gone.new_tensor(self.size)[:, None, None]
            read = pixel_grid(self.size) * sides - gone
            revealed = ((read < 0) | (read > sides)).any(dim=0)
            return self._warp(gone, revealed)
        view = see(stand_out(near), move, lock=self.lock_camera)
        if view is None:
            self._tell(values["t"])
            return self._still()
        centres = pixel_grid(self.size) * view.sources.new_tensor(self.size)[:, None, None] - 0.5
        return self._warp((centres - view.sources).float(), view.revealed)

    def _depends_on_depth(self) -> bool:
        curves = (self.translate_x, self.translate_y, self.translate_z, self.rotate)
        return any(curve.names & DEPTH_NAMES for curve in curves)

    def _nearness(self, image: Tensor) -> Tensor:
        """The inverse of each pixel's depth in pixels, (H, W)."""
        least, most = DISTANCES
        distance = self.depth(image).detach().float().cpu()
        distance = distance.nan_to_num(nan=most, posinf=most, neginf=least).clamp(least, most)
        width, height = self.size
        if distance.shape[-2:] != (height, width):
            distance = interpolate(distance, (height, width), mode="bilinear", antialias=True)
        share = (distance[0, 0] - least) / (most - least)
        return 1 / (self.near_plane + share * (self.far_plane - self.near_plane))

    def _plane(self) -> Tensor:
        return torch.full((self.size[1], self.size[0]), 1 / self.focal)

    def _move(self, values: Mapping[str, float]) -> Move:
        right, up, ahead = (
            min(max(curve(values), -_FARTHEST), _FARTHEST)
            for curve in (self.translate_x, self.translate_y, self.translate_z)
        )
        rotation = _checked(self.rotate, self.rotate(values), f"at t = {values['t']:g}")
        return Move(rotation, (right, -up, ahead), self.focal)

    def _tell(self, t: float) -> None:
        """Say once that there is nothing to see: a path that has left the scene stays outside."""
        if not self._told:
            _log.warning(
                "translate_z_3d, rotate_3d: at t = %g nothing of the scene is left before the "
                "camera, so the picture stays, here and wherever that happens again; use a "
                "smaller step or a larger far_plane",
                t,
            )
        self._told.append(t)

    def _still(self) -> SpaceWarp:
        width, height = self.size
        return self._warp(torch.zeros(2, height, width), torch.zeros(height, width).bool())

    def _warp(self, gone: Tensor, revealed: Tensor) -> SpaceWarp:
        return SpaceWarp(
            gone[None], revealed[None, None], sampling=self.sampling, infill=self.infill
        )


def _depths(depth: Tensor) -> dict[str, float]:
    """The variables that expressions may use in a 3D move, in pixels."""
    middle = float((depth.mean() + depth.median()) / 2)
    return {"r": float(depth.min()), "R": float(depth.max()), "mu": middle}


def _checked(
    curve: VectorCurve, rotation: tuple[float, ...], when: str
) -> tuple[float, float, float, float]:
    """``rotation``, if it is one."""
    w, x, y, z = rotation
    if not any(rotation):
        raise ScriptError(
            f"rotate_3d: {curve.text!r} is [0, 0, 0, 0] {when}, which turns by no angle; a "
            "quaternion [w, x, y, z] is needed, [1, 0, 0, 0] for no turn"
        )
    return w, x, y, z


def displaced(near: Tensor, move: Move, *, lock: bool) -> Tensor:
    """PyTTI's displacement of a picture of nearness ``near`` (H, W): (2, H, W) in pixels.

    It takes the place in the picture for the place in space, at any distance, so that shifts are
    right and zoom and turn are wrong by ``focal · near``; each pixel is displaced by what
    stood *there* before, and nothing hides anything.
    """
    x, y = places(near.shape)
    across, down, towards = move.shift
    moved = x + across, y + down, towards - 1 / near
    new_x, new_y, new_z = (
        sum((part * factor for part, factor in zip(moved, row, strict=True)), near * 0)
        for row in move.matrix
    )
    scale = move.focal / torch.maximum(-new_z, CLOSEST / near)
    field = torch.stack([new_x * scale - x * near * move.focal,
                         new_y * scale - y * near * move.focal])  # fmt: skip
    return field - field.mean((1, 2), keepdim=True) if lock else field


def stand_out(near: Tensor) -> Tensor:
    """``near`` (H, W) with edges of depth made hard and smooth, and moved to the far side.

    An estimate of depth climbs to a near thing over some pixels, as no real thing does. Torn apart
    by the move, that slope would be drawn as a streak. Each of its pixels goes to the side that it
    is more like; those beside the edge, in whose colour both are mixed, go with the near one.
    It is a slope if its neighbourhood spans no less than a larger one does: a plane spans less.

    Where a slope falls apart into its sides, and where an estimate follows the grain of a picture,
    edges are ragged. Each ragged pixel would leave its surroundings as a speck, and a picture that
    has specks has an estimate that is more ragged still. Medians make an edge a smooth curve.
    """
    depth: MatLike = near.contiguous().numpy()
    for _ in range(2):  # what is left of the slope's foot and shoulder is clear once it is steep
        low, high = _extremes(depth, 2)
        lower, higher = _extremes(depth, 4)
        span = high - low
        edge = (high > _CONTRAST * low) & (span > 0.7 * (higher - lower))
        nearer = depth * (low + high) > 2 * low * high  # by distance, so the near side gets more
        depth = np.where(edge, np.where(nearer, high, low), depth)
    low, high = _extremes(depth, FRINGE)
    depth = np.where(edge & (high > _CONTRAST * low), high, depth)
    for _ in range(_ROUNDINGS):
        depth = cv2.medianBlur(depth, 5)
    return torch.from_numpy(depth)


def _extremes(x: MatLike, radius: int) -> tuple[MatLike, MatLike]:
    """The least and the greatest over squares of ``2 radius + 1`` pixels, each (H, W)."""
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.erode(x, square), cv2.dilate(x, square)
