"""What happens to cutouts at random: maps, colours and rectangles, drawn for all at once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far cutouts are changed at random; probabilities are per cutout, lengths in its sides.

    Attributes:
        mirror: probability of a left-right mirror.
        affine: probability of a rotation by up to ``turn`` degrees and a shift by up to ``shift``
            along x and y.
        perspective: probability that each corner moves inward by up to ``pinch``.
        jitter: probability that hue turns by up to ``hue`` of a full turn, saturation and contrast
            (about mid grey) change by a factor within 1 ± theirs, and each channel by ± ``offset``.
        erase: probability that a rectangle of ``erased`` area and an aspect within 0.3 to 1/0.3
            turns black.
        noise: the range of the standard deviation of white noise, drawn per cutout.
        bounded: whether the outcome is brought back into [0, 1]; the gradient stays as it is.
    """

    mirror: float = 0.0
    affine: float = 0.0
    turn: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    perspective: float = 0.0
    pinch: float = 0.1
    jitter: float = 0.0
    hue: float = 0.0
    saturation: float = 0.0
    contrast: float = 0.0
    offset: float = 0.0
    erase: float = 0.0
    erased: tuple[float, float] = (0.1, 0.4)
    noise: tuple[float, float] = (0.0, 0.0)
    bounded: bool = False


# "kornia" is what vqgan-clip-generator meant by its chain: shifts along both axes, no black beside
# a perspective, values in range. Its step "sharpness" blurred instead; the change by 3 tenths that
# was meant moves what a perceptor sees a fiftieth as far as the noise does and takes longer than
# all the rest, so it is left out.
AUGMENTATIONS = {
    "pytti": Augmentation(
        mirror=0.3,
        affine=0.8,
        turn=30.0,
        shift=(0.1, 0.1),
        perspective=0.4,
        pinch=0.1,
        jitter=0.7,
        hue=0.01,
        saturation=0.01,
        erase=0.7,
        noise=(0.0, 0.1),
    ),
    "gentle": Augmentation(
        mirror=0.5,
        affine=1.0,
        turn=15.0,
        jitter=1.0,
        contrast=0.1,
        offset=0.05,
        noise=(0.08, 0.08),
    ),
    "kornia": Augmentation(
        mirror=0.5,
        affine=0.8,
        turn=30.0,
        shift=(0.1, 0.1),
        perspective=0.4,
        pinch=0.1,
        jitter=0.7,
        hue=0.01,
        saturation=0.01,
        noise=(0.0, 0.1),
        bounded=True,
    ),
    "none": Augmentation(),
}


def geometry(change: Augmentation, uniform: Tensor) -> Tensor:
    """Maps from a changed cutout back to the unchanged one, both [-1, 1]²: (n, 3, 3).

    A cutout is mirrored, rotated, shifted and put into perspective in that order, so the way back
    undoes them from the last.
    """
    mirrored, moved, turn, across, down, tilted = uniform[:, :6].unbind(1)
    moves = (moved < change.affine).to(uniform)
    angle = moves * math.radians(change.turn) * (2 * turn - 1)
    # A shift by a fraction of the side is twice that in [-1, 1].
    dx = moves * 2 * change.shift[0] * (2 * across - 1)
    dy = moves * 2 * change.shift[1] * (2 * down - 1)
    flip = 1 - 2 * (mirrored < change.mirror).to(uniform)
    cos, sin = angle.cos(), angle.sin()
    back = uniform.new_zeros(len(uniform), 3, 3)
    back[:, 0] = torch.stack([cos, sin, -cos * dx - sin * dy], 1) * flip.unsqueeze(1)
    back[:, 1] = torch.stack([-sin, cos, sin * dx - cos * dy], 1)
    back[:, 2, 2] = 1
    if not change.perspective:
        return back
    inward = 2 * change.pinch * uniform[:, 6:14].view(-1, 4, 2)
    return back @ _perspective(inward * (tilted < change.perspective).view(-1, 1, 1))


def _perspective(inward: Tensor) -> Tensor:
    """Homographies that take the square's corners, moved ``inward``, back: (n, 4, 2) to (n, 3, 3).

    Each is the solution of eight linear equations, two a corner (Heckbert 1989, section 2.2.3).
    """
    corners = inward.new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]])  # (4, 2)
    moved = torch.cat([corners * (1 - inward), inward.new_ones(len(inward), 4, 1)], 2)  # (n, 4, 3)
    zeros = torch.zeros_like(moved)
    equations = []
    for axis in (0, 1):
        linear = [moved, zeros] if axis == 0 else [zeros, moved]
        equations.append(torch.cat([*linear, -corners[:, axis : axis + 1] * moved[:, :, :2]], 2))
    wanted = corners.T.reshape(1, 8).expand(len(inward), 8)
    solved = torch.linalg.solve(torch.cat(equations, 1), wanted)  # (n, 8)
    return torch.cat([solved, inward.new_ones(len(inward), 1)], 1).view(-1, 3, 3)


def colours(change: Augmentation, uniform: Tensor) -> Tensor:
    """Colour matrices with an offset, (n, 3, 4).

    Hue is a rotation of YIQ's chroma plane and saturation a scale of it; neither changes the luma.
    """
    chosen = (uniform[:, :1] < change.jitter).to(uniform)
    signed = chosen * (2 * uniform - 1)  # (n, 7), zero where nothing changes
    angle = 2 * math.pi * change.hue * signed[:, 1]
    saturation = 1 + change.saturation * signed[:, 2]
    contrast = (1 + change.contrast * signed[:, 3]).unsqueeze(1)
    to_yiq = uniform.new_tensor(
        [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
    )
    chroma = uniform.new_zeros(len(uniform), 3, 3)
    chroma[:, 0, 0] = 1
    chroma[:, 1, 1] = chroma[:, 2, 2] = saturation * angle.cos()
    chroma[:, 2, 1] = saturation * angle.sin()
    chroma[:, 1, 2] = -chroma[:, 2, 1]
    matrix = contrast.unsqueeze(2) * (torch.linalg.inv(to_yiq) @ chroma @ to_yiq)
    offset = 0.5 * (1 - contrast) + change.offset * signed[:, 4:7]
    return torch.cat([matrix, offset.unsqueeze(2)], 2)


def erased(change: Augmentation, uniform: Tensor) -> Tensor:
    """Rectangles to black out, (n, 4) of left, top, right, bottom in [0, 1]; empty for none."""
    chosen, share, shape, x, y = uniform.unbind(1)
    low, high = change.erased
    area = low + (high - low) * share
    aspect = 0.3 ** (1 - 2 * shape)  # height to width; lying and standing ones equally likely
    width, height = (area / aspect).sqrt().clamp(max=1), (area * aspect).sqrt().clamp(max=1)
    left, top = x * (1 - width), y * (1 - height)
    rectangle = torch.stack([left, top, left + width, top + height], 1)
    return rectangle * (chosen < change.erase).unsqueeze(1)
