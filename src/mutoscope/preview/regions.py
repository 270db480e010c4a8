"""Where in the picture a prompt acts, as far as its mask has a place in it."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope.build.pictures import Pictures
from mutoscope.preview.cues import Wish
from mutoscope.schedule import Moment

Size = tuple[int, int]

_SIDES = {"r": "right", "l": "left", "d": "below", "u": "above", "n": "near", "f": "far"}
_HALF = 0.5  # the cutoff where none is given, and the lightness from which a mask acts


def region(wish: Wish, moment: Moment, pictures: Pictures, size: Size, *, stride: int) -> Tensor:
    """Where ``wish`` acts, (h, w) in [0, 1]; 1 everywhere if that is no matter of place.

    A side is where the middle of a cutout must lie; a file is as light as its mask.
    """
    width, height = size
    mask = wish.mask
    everywhere = torch.ones(height, width)
    if mask.kind == "letter" and mask.value in "rldu":
        cutoff = _HALF if wish.cutoff is None else wish.cutoff
        n = width if mask.value in "rl" else height
        place = (torch.arange(n) + 0.5) / n
        acts = (place >= cutoff if mask.value in "rd" else place <= cutoff).float()
        return (acts[None] if mask.value in "rl" else acts[:, None]).expand(height, width)
    if mask.kind in ("image", "video"):
        # Asked for as painting asks, picture by picture.
        shown = pictures.mask(mask).frame(moment.turn * stride).float().cpu()
        shown = interpolate(shown[None, None], (height, width), mode="area")[0, 0]
        return 1 - shown if mask.inverted else shown
    return everywhere


def outline(region: Tensor, thick: int) -> Tensor:
    """The inner edge of a region, (h, w) as booleans; nothing where it is all or none."""
    inside = region >= _HALF
    if bool(inside.all()) or not bool(inside.any()):
        return torch.zeros_like(inside)
    # What lies beyond the picture counts as inside, so that no line runs along its sides.
    outside = (~inside).float()[None, None]
    reach = 2 * thick + 1
    near = torch.nn.functional.max_pool2d(outside, reach, stride=1, padding=thick)[0, 0] > 0
    return inside & near


def told(wish: Wish) -> str:
    """A mask in a few words; "" where there is none."""
    mask = wish.mask
    if mask.kind == "all":
        return ""
    if mask.kind == "letter":
        words = _SIDES[mask.value]
    elif mask.kind == "text":
        words = f"like {mask.value!r}"
    else:
        words = f"{'not ' if mask.inverted else ''}in {mask.value.rsplit('/', 1)[-1]}"
    return words if wish.cutoff is None else f"{words}, {wish.cutoff:.2f}"
