"""A test card: a picture in which every shift, turn and distance is seen at once.

A ground in perspective with things on it, from near to far, gives depth something to tell; ring,
cross and numbered squares show turn and zoom; each edge has a colour of its own, so that what comes
in from beyond them can be named.
"""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mutoscope.images import from_bytes

Size = tuple[int, int]
Colour = tuple[int, int, int]
_Pixels = npt.NDArray[np.float64]

_FINE = 2  # drawn at so many times the size, so that lines come out smooth
_HORIZON = 0.46  # of the height
_ACROSS = 8  # squares along the longer side
# Each edge's colour: left, top, right, bottom.
EDGES: tuple[Colour, Colour, Colour, Colour] = (
    (214, 60, 60), (60, 110, 214), (48, 160, 92), (226, 178, 44),
)  # fmt: skip
# Balls from far to near: middle across, foot and radius as shares of the height, colour.
_BALLS: tuple[tuple[float, float, float, Colour], ...] = (
    (0.64, 0.545, 0.035, (72, 168, 190)),
    (0.38, 0.62, 0.065, (90, 178, 84)),
    (0.80, 0.74, 0.105, (236, 190, 60)),
    (0.22, 0.93, 0.175, (206, 68, 58)),
)


def card(size: Size) -> Tensor:
    """The test card in a size (width, height) from 16 on: (1, 3, H, W)."""
    width, height = (side * _FINE for side in size)
    picture = Image.fromarray(_scene(width, height))
    draw = ImageDraw.Draw(picture, "RGBA")
    _hills(draw, width, height)
    for x, foot, radius, colour in _BALLS:
        _ball(picture, (x * width, foot * height), radius * height, colour)
    _squares(draw, width, height)
    _ring(draw, width, height)
    _edges(draw, width, height)
    return from_bytes(np.asarray(picture.resize(size, Image.Resampling.BOX)))


def _scene(width: int, height: int) -> npt.NDArray[np.uint8]:
    """A sky that pales toward the horizon, above a chequered ground."""
    y = (np.arange(height) + 0.5)[:, None] / height
    x = ((np.arange(width) + 0.5)[None] - width / 2) / height
    up = np.clip(y / _HORIZON, 0, 1)[..., None]
    sky = (1 - up) * np.array([72, 118, 186.0]) + up * np.array([222, 230, 236.0])
    below = np.maximum(y - _HORIZON, 1e-4)
    far = 0.12 / below  # the distance of the ground, as perspective has it
    odd = (np.floor(x * far * 14) + np.floor(far * 6)) % 2
    haze = np.clip(far / 3.2, 0, 1)[..., None]
    light, dark = np.array([206, 196, 170.0]), np.array([108, 104, 98.0])
    ground = np.where(odd[..., None] > 0, light, dark)
    ground = (1 - haze) * ground + haze * np.array([176, 186, 186.0])
    pixels = np.where(y[..., None] < _HORIZON, sky + 0 * ground, ground)
    return np.asarray(np.clip(pixels, 0, 255).round(), dtype=np.uint8)


def _hills(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Two ranges on the horizon, the farther paler."""
    for seed, reach, colour in ((0.4, 0.15, (150, 168, 190)), (2.2, 0.08, (104, 132, 138))):
        line = []
        for i in range(65):
            a = i / 64 * 2 * math.pi
            rise = 0.55 + 0.3 * math.sin(2 * a + seed) + 0.15 * math.sin(5 * a + 3 * seed)
            line.append((i / 64 * width, (_HORIZON - reach * rise) * height))
        foot = _HORIZON * height + 1
        draw.polygon([*line, (width, foot), (0, foot)], fill=colour)


def _ball(picture: Image.Image, foot: tuple[float, float], radius: float, colour: Colour) -> None:
    """A shaded ball that stands at ``foot``, and its shadow."""
    x, y = foot
    draw = ImageDraw.Draw(picture, "RGBA")
    draw.ellipse(
        (x - radius * 0.7, y - radius * 0.22, x + radius * 1.7, y + radius * 0.22),
        fill=(40, 40, 44, 120),
    )
    side = max(2, math.ceil(2 * radius))
    u, v = np.meshgrid(*2 * [(np.arange(side) + 0.5) / side * 2 - 1])
    inside = u * u + v * v
    z = np.sqrt(np.clip(1 - inside, 0, 1))
    light = np.clip(-0.5 * u - 0.6 * v + 0.62 * z, 0, 1)
    shade = (0.32 + 0.68 * light)[..., None] * np.array(colour, dtype=float)
    shade = shade + 150 * (light[..., None] ** 24)
    alpha = np.clip((1 - np.sqrt(inside)) * side / 2 + 0.5, 0, 1)
    ball = Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8))
    mask = Image.fromarray((alpha * 255).astype(np.uint8))
    picture.paste(ball, (round(x - side / 2), round(y - side)), mask)


def _squares(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Squares about the middle, each with its column's letter and its row's number."""
    side = max(width, height) / _ACROSS
    thick = max(1, round(side / 90))
    columns, rows = (math.floor(n / 2 / side) for n in (width, height))
    for k in range(-columns, columns + 1):
        x = width / 2 + k * side
        draw.line([(x, 0), (x, height)], fill=(255, 255, 255, 90), width=thick)
    for k in range(-rows, rows + 1):
        y = height / 2 + k * side
        draw.line([(0, y), (width, y)], fill=(255, 255, 255, 90), width=thick)
    if side < 24:
        return  # no letter could be read
    font = ImageFont.load_default(size=side * 0.24)
    # Only whole squares, or more than half of one, have room for a name.
    across, down = (round(n / 2 / side) for n in (width, height))
    for i in range(2 * across):
        for j in range(2 * down):
            draw.text(
                (width / 2 + (i - across + 0.5) * side, height / 2 + (j - down + 0.5) * side),
                f"{chr(65 + i % 26)}{j + 1}", font=font, anchor="mm",
                fill=(255, 255, 255, 190), stroke_width=max(1, thick),
                stroke_fill=(30, 34, 40, 120),
            )  # fmt: skip


def _ring(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """A ring about the middle, and a cross in it whose upper arm is red."""
    x, y, radius = width / 2, height / 2, min(width, height) * 0.4
    thick = max(2, round(min(width, height) / 130))
    draw.ellipse(
        (x - radius, y - radius, x + radius, y + radius),
        outline=(255, 255, 255, 230), width=thick,
    )  # fmt: skip
    arm = radius * 0.16
    for dx, dy, colour in (
        (1, 0, (255, 255, 255)), (-1, 0, (255, 255, 255)), (0, 1, (255, 255, 255)),
        (0, -1, (230, 40, 40)),
    ):  # fmt: skip
        draw.line([(x, y), (x + dx * arm, y + dy * arm)], fill=(20, 24, 30), width=2 * thick)
        draw.line([(x, y), (x + dx * arm, y + dy * arm)], fill=colour, width=thick)


def _edges(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """A strip along each edge, in its colour."""
    thick = max(2, round(min(width, height) * 0.014))
    left, top, right, bottom = EDGES
    draw.rectangle((0, 0, thick - 1, height), fill=left)
    draw.rectangle((width - thick, 0, width, height), fill=right)
    draw.rectangle((0, 0, width, thick - 1), fill=top)
    draw.rectangle((0, height - thick, width, height), fill=bottom)
