"""The motion: how the picture moves between frames, in 2D and in 3D."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import FILM, Group, entry
from mutoscope.settings.values import Choice, Expression, Number, Rotation

key = partial(entry, group="motion")

_MOVED = {"animation_mode": ("2D", "3D")}
_FLAT = {"animation_mode": ("2D",)}
_SPACE = {"animation_mode": ("3D",)}


class Motion(Group):
    """Keys of the group ``motion``."""

    translate_x: Expression = key(
        "0",
        "Shift at each move; above 0 the picture goes right.",
        unit="pixels of the file per frame",
        only=_MOVED,
        example='translate_x: "4*sin(t)"',
    )
    translate_y: Expression = key(
        "0",
        "Shift at each move; above 0 the picture goes up.",
        unit="pixels of the file per frame",
        only=_MOVED,
    )
    rotate_2d: Expression = key(
        "0", "Turn at each move; above 0 counter-clockwise.", unit="degrees per frame", only=_FLAT
    )
    zoom_x_2d: Expression = key(
        "0",
        "Zoom at each move: above 0 the picture grows, as many pixels of its width being left "
        "outside.",
        unit="pixels of the file per frame",
        only=_FLAT,
    )
    zoom_y_2d: Expression = key(
        "0",
        "The same for the height. Give both for an even zoom.",
        unit="pixels of the file per frame",
        only=_FLAT,
    )
    sampling_mode: Choice[Literal["nearest", "bilinear", "bicubic"]] = key(
        "bicubic", "How pixels are read between pixels when the picture moves.", only=FILM
    )
    infill_mode: Choice[Literal["mirror", "wrap", "black", "smear"]] = key(
        "wrap",
        "What comes in from outside when the picture moves: its mirror image, its other side, "
        "black, or its last row of pixels.",
        only=FILM,
    )
    translate_z_3d: Expression = key(
        "0",
        "Flight at each move; above 0 into the picture. Expressions of a 3D move may use r, R and "
        "mu: the depth of the nearest pixel, of the farthest, and the middle between mean and "
        "median.",
        unit="pixels per frame",
        only=_SPACE,
        example='translate_z_3d: "(50+10*t)*sin(t/10*pi)**2"',
    )
    rotate_3d: Rotation = key(
        "[1, 0, 0, 0]",
        "Turn of the camera at each move, a quaternion [w, x, y, z]: about x content goes down, "
        "about y to the left, about z clockwise.",
        only=_SPACE,
        example='rotate_3d: "[cos(radians(1)), 0, -sin(radians(1)), 0]"',
    )
    lock_camera: bool = key(
        True, "Keep the content where it is on average while the camera moves.", only=_SPACE
    )
    field_of_view: Number = key(
        60.0, "The camera's vertical angle.", unit="degrees", only=_SPACE, gt=0, lt=180
    )
    near_plane: Number = key(
        1.0, "Depth of what is as near as can be.", unit="pixels", only=_SPACE, gt=0
    )
    far_plane: Number = key(
        10_000.0, "Depth of the farthest point.", unit="pixels", only=_SPACE, gt=0
    )
    depth_model: Choice[
        Literal[
            "auto",
            "depth-anything-v2-small",
            "depth-anything-v2-base",
            "depth-anything-v2-large",
            "relief",
            "flat",
        ]
    ] = key(
        "auto",
        "What tells depth, for the camera in 3D and for depth_stabilization_weight: a Depth "
        "Anything network (an extra package: pip install "
        "'mutoscope[depth]'), relief, which needs none and judges by what is low, sharp and "
        "strong in colour, or flat, a wall. auto takes the small network where it is at hand, else "
        "relief.",
        own=True,
    )
    compat_units: bool = key(
        False,
        "PyTTI's geometry, in which zoom and turn come out too weak or too strong and nothing "
        "hides anything.",
        own=True,
        only=_SPACE,
    )
