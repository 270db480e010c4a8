"""One picture going over into another without paling on the way."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

_COARSE = 8  # what is larger than an eighth of the shorter side is no detail


def dissolve(picture: Tensor, onto: Tensor, share: float) -> Tensor:
    """``picture``, by ``share`` (0 to 1) gone over into ``onto``: (1, 3, H, W) in [0, 1] each.

    Where details of two pictures are averaged they weaken each other, since they have nothing to do
    with one another. Here they keep the strength that lies between those of the two, as a mean
    deviation over the picture. At 1 it is ``onto``, bit for bit.
    """
    if share >= 1:
        return onto
    coarse, other = _coarse(picture), _coarse(onto)
    details, others = picture - coarse, onto - other
    mixed = torch.lerp(details, others, share)
    wanted = (1 - share) * details.std() + share * others.std()
    gain = (wanted / mixed.std().clamp(min=1e-6)).clamp(1.0, 2.0)
    return (torch.lerp(coarse, other, share) + gain * mixed).clamp(0, 1)


def _coarse(picture: Tensor) -> Tensor:
    """The picture without its details."""
    height, width = picture.shape[-2:]
    side = max(1, min(height, width) // _COARSE)
    small = avg_pool2d(picture, side, ceil_mode=True, count_include_pad=False)
    return interpolate(small, (height, width), mode="bicubic", align_corners=False)
