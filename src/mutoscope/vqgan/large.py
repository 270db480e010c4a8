"""Pictures too large to be drawn at once: where a network is cut, and its far side in pieces.

A network's small side, where every cell may attend to every other, is worked through whole. Its
large side, where nearly all the memory goes, is worked through in pieces; see `pieces`.
"""

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mutoscope.vqgan.layers import Convolution
from mutoscope.vqgan.networks import (
    AttnBlock,
    Decoder,
    Downsample,
    Encoder,
    ResnetBlock,
    Upsample,
)
from mutoscope.vqgan.pieces import Part, pieced


def draw(decoder: Decoder, z: Tensor, side: int, *, wrap: tuple[bool, bool]) -> Tensor:
    """What ``decoder`` makes of ``z`` (1, c, h, w), in pieces of about ``side`` pixels a side."""
    layers = decoder.layers()
    cut = _after_last_attention(layers)
    x: Tensor = checkpoint(_whole, layers[:cut], z, use_reentrant=False, preserve_rng_state=False)
    # Level by level: what lies between is kept, so that the passages for the norms of one need not
    # go through the others, and no piece sees farther than its own level looks.
    *inner, last = map(_part, _levels(layers[cut:]))
    for part in inner:
        x = pieced(x, part, max(1, round(side / part.scale)), wrap=wrap, between=True)
    return pieced(x, last, max(1, round(side / last.scale)), wrap=wrap)


def read(encoder: Encoder, image: Tensor, side: int, *, wrap: tuple[bool, bool]) -> Tensor:
    """What ``encoder`` makes of ``image`` (1, 3, H, W), in pieces of about ``side`` pixels."""
    layers = encoder.layers()
    first = next(i for i, layer in enumerate(layers) if isinstance(layer, AttnBlock))
    downs = [i + 1 for i, layer in enumerate(layers[:first]) if isinstance(layer, Downsample)]
    if not downs:
        return _whole(layers, image)
    cut = downs[-1]
    part = _part(layers[:cut])
    unit = round(1 / part.scale)
    x = pieced(image, part, max(unit, side // unit * unit), wrap=wrap)
    return _whole(layers[cut:], x)


def _whole(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """``x`` through ``layers``, of which nothing is kept between them but what goes in."""
    for layer in layers:
        x = checkpoint(layer, x, use_reentrant=False, preserve_rng_state=False)
    return x


def _after_last_attention(layers: Sequence[nn.Module]) -> int:
    """The first layer from which on nothing attends."""
    return max(i for i, layer in enumerate(layers) if isinstance(layer, AttnBlock)) + 1


def _widths(layers: Sequence[nn.Module]) -> list[int]:
    """How many channels come out of each layer."""
    widths: list[int] = []
    for layer in layers:
        made = [m for m in layer.modules() if isinstance(m, Convolution)]
        if isinstance(layer, ResnetBlock):
            widths.append(layer.conv2.out_channels)
        else:
            widths.append(made[-1].out_channels if made else widths[-1])
    return widths


def _part(layers: Sequence[nn.Module]) -> Part:
    """``layers`` as a part: how far one sees through them, and how much they enlarge."""
    reach = 0
    scale = 1.0
    for layer in reversed(layers):
        if isinstance(layer, Upsample):
            reach, scale = math.ceil((reach + 1) / 2), scale * 2
        elif isinstance(layer, Downsample):
            reach, scale = 2 * reach + 1, scale / 2
        elif isinstance(layer, ResnetBlock):
            reach += 2
        elif isinstance(layer, Convolution):
            reach += layer.kernel_size[0] // 2
    unit = max(1, round(1 / scale))  # pieces begin where a cell of what comes out begins
    return Part(layers, -(-reach // unit) * unit, scale)


def seen_beside(decoder: Decoder) -> int:
    """How many pixels of the picture a piece sees beyond its edges, at most."""
    layers = decoder.layers()
    levels = _levels(layers[_after_last_attention(layers) :])
    return max(round(part.reach * part.scale) for part in map(_part, levels))


def kept_bytes(decoder: Decoder) -> int:
    """What is kept in memory for a cell of the latent, however small the pieces, in bytes."""
    layers = decoder.layers()
    cut = _after_last_attention(layers)
    widths = _widths(layers)
    # Beside what goes into each: what one of them, worked through again, makes of it.
    numbers = sum(widths[:cut]) + 12 * max(widths[:cut])
    return 4 * (
        numbers + 2 * widths[cut - 1]
    )  # and what goes on into the pieces, with its gradient


def laid_by_bytes(decoder: Decoder) -> int:
    """What lies between the levels for a cell of the latent, in bytes: in files, on a CPU."""
    layers = decoder.layers()
    cut = _after_last_attention(layers)
    widths = _widths(layers)
    numbers, cells, place = 0, 1, cut
    for level in _levels(layers[cut:])[:-1]:
        place += len(level)
        cells *= round(_part(level).scale) ** 2
        numbers += 2 * cells * widths[place - 1]  # what goes on from it, and its gradient
    return 4 * numbers


def _levels(layers: Sequence[nn.Module]) -> list[Sequence[nn.Module]]:
    """``layers`` cut before each that doubles the size."""
    doubling = [i for i, layer in enumerate(layers) if isinstance(layer, Upsample) and i]
    return [layers[i:j] for i, j in itertools.pairwise([0, *doubling, len(layers)])]
