"""The two ways in which a VQGAN finds codes, with their names of parameters as published.

Both only choose. How codes are trained is the trainer's affair; in the canvas they never change.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

# Distances computed at a time: 16 MiB of them, which stay in a processor's cache.
_BLOCK = 2**22


class VectorQuantizer(nn.Module):
    """The nearest code (n, e) for each cell: van den Oord et al., NeurIPS 2017, equation 1."""

    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, channels)

    @property
    def codes(self) -> Tensor:
        """The codebook (n, e)."""
        return self.embedding.weight

    def indices(self, features: Tensor) -> Tensor:
        """Which codes features (b, e, h, w) become: (b, h, w)."""
        return nearest_indices(features, self.codes)


class GumbelQuantize(nn.Module):
    """The most probable code (n, e) for each cell, by a projection: Jang et al., ICLR 2017.

    In training a code is drawn, with Gumbel noise. taming-transformers goes on drawing when it
    encodes, so that a picture becomes another latent every time; here it is always the same.
    """

    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, codes, 1)
        self.embed = nn.Embedding(codes, channels)

    @property
    def codes(self) -> Tensor:
        """The codebook (n, e)."""
        return self.embed.weight

    def indices(self, features: Tensor) -> Tensor:
        """Which codes features (b, e, h, w) most probably become: (b, h, w)."""
        b, e, h, w = features.shape
        cells = features.permute(0, 2, 3, 1).reshape(-1, e)
        table, bias = self.proj.weight.flatten(1), self.proj.bias
        return _best(cells, len(table), lambda part: F.linear(part, table, bias)).view(b, h, w)


def nearest_indices(z: Tensor, codes: Tensor) -> Tensor:
    """Of each cell of z (b, e, h, w) the code (n, e) with the least squared distance: (b, h, w)."""
    b, e, h, w = z.shape
    cells = z.permute(0, 2, 3, 1).reshape(-1, e)
    squares = codes.square().sum(dim=1)  # (n,)

    def nearness(part: Tensor) -> Tensor:
        # ‖x‖² changes no order, but with it the rounding is that of the published form.
        lengths = part.square().sum(dim=1, keepdim=True) + squares
        return torch.addmm(lengths, part, codes.T, beta=-1, alpha=2)

    return _best(cells, len(codes), nearness).view(b, h, w)


def _best(cells: Tensor, codes: int, score: Callable[[Tensor], Tensor]) -> Tensor:
    """For m cells (m, e) the code with the highest score, (p, e) to (p, n), in parts: (m,)."""
    parts = torch.split(cells, max(1, _BLOCK // codes))
    # On a CPU `max` is many times faster than `argmax`.
    return torch.cat([score(part).max(dim=1).indices for part in parts])


def look_up(indices: Tensor, codes: Tensor) -> Tensor:
    """The codes (n, e) that indices (b, h, w) name: (b, e, h, w)."""
    return F.embedding(indices, codes).permute(0, 3, 1, 2)
