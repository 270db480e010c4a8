"""Filters that stop at the edges of a picture: smoothing within regions, enlarging along outlines.

Each works on whole rows and columns at once, by running sums.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad


def steps_between(picture: Tensor, *, across: bool) -> Tensor:
    """How much neighbours differ, summed over the channels: (c, h, w) to (h, w).

    Each pixel is compared with the one left of it, or above it unless ``across``; the first ones
    have none and get 0.
    """
    axis = 2 if across else 1
    differences = picture.diff(dim=axis).abs().sum(0)
    return pad(differences, (1, 0) if across else (0, 0, 1, 0))


def smooth_within(
    values: Tensor, picture: Tensor, *, reach: float, contrast: float, rounds: int = 3
) -> Tensor:
    """``values`` (h, w) averaged over regions of ``picture`` (c, h, w), not across its edges.

    The domain transform with normalised convolution (Gastal and Oliveira 2011, equations 11 to
    14): along each row and column pixels stand as far apart as their colours are, and a box of
    constant width passes over that line. ``reach`` is the standard deviation in pixels where
    colour is even, ``contrast`` the difference of colour that is worth as much.
    """
    across, down = (steps_between(picture, across=across) for across in (True, False))
    rows, columns = _Line(across * (reach / contrast)), _Line(down.T * (reach / contrast))
    for turn in range(rounds):
        share = 3**0.5 * 2.0 ** (rounds - turn - 1) / (4.0**rounds - 1) ** 0.5
        radius = 3**0.5 * reach * share
        values = columns.box(rows.box(values, radius).T, radius).T
    return values


class _Line:
    """Rows of pixels, each 1 long, with ``gaps`` (h, w) of nothing before them.

    A box that ends within a pixel takes its part of it: so results follow the picture without
    jumps, and nothing is taken from a gap.
    """

    def __init__(self, gaps: Tensor) -> None:
        ends = (1 + gaps).double().cumsum(1)
        self._middles = ends - 0.5
        # Each pixel's beginning and end, in turn, and how many pixels lie before them.
        self._marks = torch.stack([ends - 1, ends], 2).flatten(1)
        count = torch.arange(gaps.shape[1] + 1, dtype=torch.double, device=gaps.device)
        self._counts = _in_pairs(count.expand(gaps.shape[0], -1))

    def box(self, values: Tensor, radius: float) -> Tensor:
        """The mean of ``values`` (h, w) within ``radius`` of each pixel's middle."""
        sums = _in_pairs(pad(values.double().cumsum(1), (1, 0)))
        total, count = torch.zeros_like(self._middles), torch.zeros_like(self._middles)
        for end, sign in ((radius, 1), (-radius, -1)):
            where = self._middles + end
            right = torch.searchsorted(self._marks, where).clamp(1, self._marks.shape[1] - 1)
            left = right - 1
            low, high = self._marks.gather(1, left), self._marks.gather(1, right)
            share = ((where - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
            total += sign * torch.lerp(sums.gather(1, left), sums.gather(1, right), share)
            count += sign * torch.lerp(
                self._counts.gather(1, left), self._counts.gather(1, right), share
            )
        return (total / count).float()


def _in_pairs(sums: Tensor) -> Tensor:
    """Running sums (h, w + 1) at the beginning and the end of each pixel: (h, 2 w)."""
    return torch.stack([sums[:, :-1], sums[:, 1:]], 2).flatten(1)


def enlarge_along(values: Tensor, picture: Tensor, *, radius: int, contrast: float) -> Tensor:
    """``values`` (1, 1, h, w) enlarged to the size of ``picture`` (1, 3, H, W), with its edges.

    The fast guided filter (He and Sun 2015) with a grey guide: within each window values are a
    line over the picture's brightness; the line's two numbers are found at the small size and
    applied at the large one. Differences of brightness below ``contrast`` are not followed.
    """
    bright = picture.mean(1, keepdim=True)
    guide = interpolate(bright, values.shape[-2:], mode="area")
    middle, mean = local_mean(guide, radius), local_mean(values, radius)
    spread = local_mean(guide * guide, radius) - middle**2
    slope = (local_mean(guide * values, radius) - middle * mean) / (spread + contrast**2)
    offset = local_mean(mean - slope * middle, radius)
    slope = local_mean(slope, radius)
    size = picture.shape[-2:]
    slope, offset = (interpolate(x, size, mode="bilinear") for x in (slope, offset))
    return slope * bright + offset


def local_mean(x: Tensor, radius: int) -> Tensor:
    """Means over squares of ``2 radius + 1`` pixels, of what lies inside the picture."""
    side = 2 * radius + 1
    for size, margin in (((side, 1), (radius, 0)), ((1, side), (0, radius))):
        x = avg_pool2d(x, size, 1, margin, count_include_pad=False)
    return x
