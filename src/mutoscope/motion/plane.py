"""Motion in the plane: zoom, rotation and shift of the picture, in one resampling."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mutoscope.curves import Curve
from mutoscope.errors import ScriptError
from mutoscope.motion.base import Warp, pixel_centres
from mutoscope.motion.resample import Infill, Sampling
from mutoscope.schedule import Shot

Matrix = tuple[tuple[float, float], tuple[float, float]]


class PlaneWarp(Warp):
    """An affine warp of the plane, exact at every resolution.

    In pixels of the picture, measured from its centre with y down, the pixel at ``q`` shows what
    was at ``matrix · q − shift`` (PyTTI's order: scale, then rotate, then shift).
    """

    def __init__(
        self,
        matrix: Matrix,
        shift: tuple[float, float],
        *,
        size: tuple[int, int],
        sampling: Sampling,
        infill: Infill,
    ) -> None:
        super().__init__(size, sampling=sampling, infill=infill)
        self.matrix = matrix
        self.shift = shift

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return self.matrix == ((1.0, 0.0), (0.0, 1.0)) and self.shift == (0.0, 0.0)

    def sources(self, size: tuple[int, int]) -> Tensor:
        """See `Warp.sources`."""
        width, height = self.size
        x = (pixel_centres(size[0]) - 0.5) * width  # (w,)
        y = (pixel_centres(size[1]) - 0.5)[:, None] * height  # (h, 1)
        (xx, xy), (yx, yy) = self.matrix
        read_x = (xx * x + (xy * y - self.shift[0])) / width + 0.5
        read_y = (yx * x + (yy * y - self.shift[1])) / height + 0.5
        return torch.stack([read_x, read_y])


@dataclass(frozen=True)
class Plane:
    """The camera of a flat film: how far the picture goes between two frames.

    All five numbers may vary over time. They are increments per frame, in pixels of the picture
    that is written (so a larger ``pixel_size`` leaves the film's motion as it is) and in degrees:

    Attributes:
        zoom_x: by how many pixels the visible window narrows: the picture grows by
            ``width / (width − zoom_x)``. Below the width; negative ones zoom out.
        zoom_y: the same for the height.
        rotate: content turns counter-clockwise about the centre, in pixel space, without shear.
        translate_x: content goes right.
        translate_y: content goes up.
        size: ``(width, height)`` of the picture in pixels.
        sampling: nearest, bilinear or bicubic.
        infill: what comes in from beyond the edges: mirror, wrap, black or smear.

    Raises:
        ScriptError: A zoom leaves no window: when the plane is made if the number never varies,
            else at the frame where it happens.
    """

    zoom_x: Curve
    zoom_y: Curve
    rotate: Curve
    translate_x: Curve
    translate_y: Curve
    size: tuple[int, int]
    sampling: Sampling = "bicubic"
    infill: Infill = "wrap"

    def __post_init__(self) -> None:
        for key, curve, window in self._numbers():
            if curve.constant is not None:
                _checked(key, curve, curve.constant, window, when="always")

    def __call__(self, _image: Tensor, shot: Shot) -> PlaneWarp:
        """The warp that leads into ``shot``; what is in the picture makes no difference."""
        zoom_x, zoom_y, degrees, right, up = self._at(shot.moment.values)
        cos, sin = _turn(degrees)
        narrow_x = (self.size[0] - zoom_x) / self.size[0]
        narrow_y = (self.size[1] - zoom_y) / self.size[1]
        return PlaneWarp(
            ((cos * narrow_x, -sin * narrow_y), (sin * narrow_x, cos * narrow_y)),
            (right, -up),
            size=self.size,
            sampling=self.sampling,
            infill=self.infill,
        )

    def _numbers(self) -> list[tuple[str, Curve, int | None]]:
        """Each number's key in the settings, its curve, and the length that it must stay below."""
        return [
            ("zoom_x_2d", self.zoom_x, self.size[0]),
            ("zoom_y_2d", self.zoom_y, self.size[1]),
            ("rotate_2d", self.rotate, None),
            ("translate_x", self.translate_x, None),
            ("translate_y", self.translate_y, None),
        ]

    def _at(self, values: Mapping[str, float]) -> list[float]:
        when = f"at t = {values['t']:g}"
        return [
            _checked(key, curve, curve(values), window, when=when)
            for key, curve, window in self._numbers()
        ]


def _checked(key: str, curve: Curve, value: float, window: int | None, *, when: str) -> float:
    """``value``, if it leaves something to see."""
    if window is not None and value >= window:
        side = "width" if key == "zoom_x_2d" else "height"
        raise ScriptError(
            f"{key}: {curve.text!r} is {value:g} {when}; it must stay below the picture's {side}, "
            f"{window} pixels, by which nothing would be left to see; use a smaller zoom"
        )
    return value


def _turn(degrees: float) -> tuple[float, float]:
    """Cosine and sine, exact at whole turns and quarters, so that four quarters are no motion."""
    quarters, rest = divmod(math.fmod(degrees, 360.0), 90.0)
    cos, sin = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    return ((cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos))[int(quarters) % 4]
