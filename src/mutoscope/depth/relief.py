"""Depth without a network: a plain estimate from what painters know about near and far.

Lower in the picture is nearer, and what stands on the ground is as near as its foot. What looks
like the upper edge is background; what looks like no part of the edge stands before it. Things far
away are soft. None of these is sure; together, smooth within regions and with the picture's own
edges, they give a camera something to move through. It doesn't know what it sees: a white cat on a
white wall is a wall.
"""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from mutoscope.depth.base import Depth, distance
from mutoscope.depth.edges import enlarge_along, local_mean, smooth_within

_SIDE = 144  # pixels of the longer side at which the cues are weighed
_RIM = 24  # places along each edge of the picture that are compared with its pixels
_COLOUR, _PLACE = 0.1, 0.3  # from which difference on two pixels are hardly of one thing
_FREE, _FREE_NEARNESS = 0.3, 0.8  # how little of the rim is like a thing that stands free


class Relief(Depth):
    """An estimate from the picture alone: no weights, deterministic, some 50 ms at 512²."""

    name = "relief"

    def look(self, image: Tensor) -> Tensor:
        """See `Depth.look`."""
        return distance(nearness(image))


def nearness(image: Tensor) -> Tensor:
    """How near each pixel of ``image`` (1, 3, H, W) seems to be, 0 to 1: (1, 1, H, W)."""
    small = _shrunk(image)[0]  # (3, h, w)
    colours = opponents(small)
    before, floor = figure(colours)
    before = smooth_within(filled(before), colours, reach=8, contrast=0.4)
    guess = 0.5 * before + 0.4 * standing(before, floor) + 0.1 * detail(image, small.shape[1:])
    guess = smooth_within(guess, colours, reach=24, contrast=0.35)
    return enlarge_along(_stretched(guess)[None, None], image, radius=3, contrast=0.05).clamp(0, 1)


def opponents(picture: Tensor) -> Tensor:
    """``picture`` (3, h, w) as brightness, red to green and yellow to blue: (3, h, w).

    Light and shade change the first most, so that differences of hue count for more.
    """
    red, green, blue = picture
    return torch.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue])


def figure(colours: Tensor) -> tuple[Tensor, Tensor]:
    """How surely each pixel of ``colours`` (3, h, w) is no background, 0 to 1: (h, w).

    And how much it looks like what lies beside it at the sides of the picture, as a floor does
    and a person doesn't: (h, w), 0 to 1.

    The rim of a picture is known beforehand, more or less: far above, near below, between at the
    sides. A pixel is taken for what those parts of the rim are that look like it and are not too
    far away; what looks like none of them stands free, and is rather near. That the rim tells the
    background is from Wei et al. 2012, *Geodesic saliency*; instead of paths, which find the leak
    in every outline, colours and places are compared, by a Gaussian kernel.
    """
    height, width = colours.shape[1:]
    rim = torch.ones(_RIM, _RIM, dtype=torch.bool, device=colours.device)
    rim[1:-1, 1:-1] = False
    places = _places(_RIM, _RIM, colours)
    known = places[1, rim] ** 2  # (rim,)
    coarse = interpolate(colours[None], (_RIM, _RIM), mode="area")[0]
    edge = _features(coarse, places)[:, rim]  # (5, rim)
    pixels = _features(colours, _places(height, width, colours)).flatten(1)  # (5, h·w)
    apart = (pixels**2).sum(0)[:, None] + (edge**2).sum(0) - 2 * pixels.T @ edge
    like = torch.exp(-apart / 2)  # (h·w, rim)
    total = like.sum(1) + _FREE
    seen = (like @ known + _FREE * _FREE_NEARNESS) / total
    beside = ((places[0, rim] - 0.5).abs() * 2) ** 8  # 1 at the sides
    floor = (like @ beside / total * 2).clamp(max=1)
    return seen.view(height, width), floor.view(height, width)


def filled(before: Tensor) -> Tensor:
    """The figure ``before`` (h, w) with what has figure above it and below it, (h, w).

    A face between hair and coat is no background, whatever its colour. What is lacking is filled
    the less, the further it is to the figure. It is a closing along the columns, by a cone.
    """
    fade = torch.linspace(0, 0.8, before.shape[0], device=before.device)[:, None]
    below = _highest_below(before - fade) + fade
    above = (before + fade).cummax(0).values - fade
    return torch.minimum(below, above)


def standing(before: Tensor, floor: Tensor) -> Tensor:
    """How near the foot is of what a pixel belongs to, 0 to 1: (h, w).

    The ground comes nearer towards the lower edge. What rises from it stays as near as where it
    stands, until the figure ``before`` (h, w) ends; the less, the more it may be the ``floor``
    (h, w) itself, which goes back.
    """
    height = before.shape[0]
    ground = torch.linspace(0, 1, height, device=before.device)[:, None]
    leaving = pad(before.diff(dim=0), (0, 0, 1, 0)).clamp(min=0)
    climb = (1.2 * leaving + floor / height).cumsum(0)
    return (_highest_below(ground - climb) + climb).clamp(0, 1)


def _highest_below(values: Tensor) -> Tensor:
    """The maximum of each pixel and all below it."""
    return values.flip(0).cummax(0).values.flip(0)


def detail(image: Tensor, size: torch.Size) -> Tensor:
    """How much fine detail ``image`` (1, 3, H, W) has around each of ``size`` pixels, 0 to 1.

    What is out of focus, hazy or a sky has none.
    """
    height, width = (2 * side for side in size)
    bright = interpolate(image.mean(1, keepdim=True), (height, width), mode="area")
    fine = (bright - local_mean(bright, 2)).abs()
    fine = local_mean(local_mean(interpolate(fine, size, mode="area"), 6), 6)[0, 0]
    return fine / (fine + 0.02)


def _places(height: int, width: int, like: Tensor) -> Tensor:
    """Where each pixel's centre is, x and y from 0 to 1: (2, h, w)."""
    x, y = ((torch.arange(n, device=like.device) + 0.5) / n for n in (width, height))
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))


def _features(colours: Tensor, places: Tensor) -> Tensor:
    """Colours and places on one scale, where 1 is the difference that begins to matter."""
    return torch.cat([colours / _COLOUR, places / _PLACE])


def _shrunk(image: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(2, round(height * scale)), max(2, round(width * scale)))
    return interpolate(image, size, mode="area")


def _stretched(guess: Tensor) -> Tensor:
    """``guess`` brought to a common spread; a sigmoid of its deviation from the mean."""
    spread = guess.std().clamp(min=0.05)
    return torch.sigmoid(1.7 * (guess - guess.mean()) / spread)
