"""Finding few colours for a picture: palettes of ramps from dark to light, and who uses which.

The colours of a palette are ranked by brightness, and a pixel's value says which rank it wants. So
the pixels of one rank are a cluster problem of their own (Lloyd's algorithm, started as in
k-means++, Arthur & Vassilvitskii 2007), whose centres are then linked from rank to rank into
palettes of one hue. A few more rounds over all colours at once do the rest.
"""

import scipy
import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in brightness, ITU-R BT.601."""

# A picture's colours are well enough known from this many of its pixels.
_SAMPLE = 16_384

# Pixels that are compared with all colours at once; bounds the memory.
_BLOCK = 32_768


def brightness(colours: Tensor) -> Tensor:
    """``√(0.299 R² + 0.587 G² + 0.114 B²)``: (…, 3) to (…)."""
    return (colours.square() * colours.new_tensor(LUMA)).sum(-1).sqrt()


def by_brightness(colours: Tensor) -> Tensor:
    """Each palette's colours from dark to light: (k, n, 3) to (k, n, 3), with gradient."""
    with torch.no_grad():
        order = brightness(colours).argsort(dim=0, stable=True)  # (k, n)
    return colours.take_along_dim(order[..., None], dim=0)


def nearest(pixels: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
    """Each pixel's nearest colour, (m, 3) and (c, 3): its index (m,), its squared distance (m,)."""
    found = []
    for block in torch.split(pixels, _BLOCK):
        found.append(distances(block, colours).min(dim=1))
    return torch.cat([f.indices for f in found]), torch.cat([f.values for f in found])


def distances(pixels: Tensor, colours: Tensor) -> Tensor:
    """Squared distances between (m, 3) and (c, 3): (m, c)."""
    squares = colours.square().sum(1) + pixels.square().sum(1)[:, None]
    return torch.addmm(squares, pixels, colours.T, alpha=-2).clamp_(min=0)


def thin(pixels: Tensor) -> Tensor:
    """Enough of the pixels (m, 3) to know their colours by, always the same ones."""
    if len(pixels) <= _SAMPLE:
        return pixels
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    return pixels[order[:_SAMPLE].to(pixels.device)]


def find_palettes(pixels: Tensor, wanted: Tensor, ramp: Tensor, n: int) -> Tensor:
    """``n`` palettes for pixels (m, 3) that want the ranks (m,): (k, n, 3).

    ``ramp`` (k,): how bright each rank is meant to be; it decides where no pixel does.
    """
    k = len(ramp)
    generator = torch.Generator().manual_seed(0)
    centres = [_clusters(pixels[wanted == rank], n, generator) for rank in range(k)]
    colours = _link(centres, torch.bincount(wanted, minlength=k), ramp, n).flatten(0, 1)
    colours = _lloyd(pixels, colours, rounds=6)
    return by_brightness(colours.view(k, n, 3))


def _clusters(pixels: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """At most ``n`` centres of clusters of the pixels (m, 3); all colours if there are so few."""
    distinct: Tensor = torch.unique(pixels, dim=0)
    if len(distinct) <= n:
        return distinct
    start = torch.randint(len(pixels), (1,), generator=generator).to(pixels.device)
    centres = pixels[start]
    away = distances(pixels, centres)[:, 0]
    for _ in range(n - 1):
        # As likely as it is badly served: a weighted draw by the sum's inverse.
        sums = away.double().cumsum(0)
        throw = torch.rand(1, generator=generator, dtype=torch.float64).to(sums) * sums[-1]
        chosen = pixels[torch.searchsorted(sums, throw).clamp(max=len(pixels) - 1)]
        centres = torch.cat([centres, chosen])
        away = torch.minimum(away, distances(pixels, chosen)[:, 0])
    return _lloyd(pixels, centres, rounds=8)


def _lloyd(pixels: Tensor, centres: Tensor, *, rounds: int) -> Tensor:
    """Move each centre (c, 3) to the mean of the pixels that are nearest to it, again and again."""
    for _ in range(rounds):
        index, _ = nearest(pixels, centres)
        counts = torch.bincount(index, minlength=len(centres))[:, None]
        means = torch.zeros_like(centres).index_add_(0, index, pixels) / counts.clamp(min=1)
        centres = torch.where(counts > 0, means, centres)
    return centres


def _link(centres: list[Tensor], counts: Tensor, ramp: Tensor, n: int) -> Tensor:
    """Join each rank's centres, at most ``n``, into palettes (k, n, 3) of colours alike in hue.

    The fullest rank begins. Each next one goes to the palettes whose colours, made as bright, are
    nearest; a palette for which there is none left goes on with its own hue.
    """
    k = len(centres)
    first = int(counts.argmax())
    colours = centres[first].new_zeros(k, n, 3)
    colours[first] = centres[first][torch.arange(n) % len(centres[first])]
    for rank in [*range(first + 1, k), *range(first - 1, -1, -1)]:
        before = colours[rank - 1 if rank > first else rank + 1]
        colours[rank] = _as_bright(before, ramp[rank])
        if len(centres[rank]):
            # Not the rank's own brightness: all hues would be equal, black, in the first.
            alike = _as_bright(before, brightness(centres[rank]).mean())
            pairs = scipy.optimize.linear_sum_assignment(
                distances(centres[rank], alike).cpu().numpy()
            )
            colours[rank, pairs[1]] = centres[rank][pairs[0]]
    return colours


def _as_bright(colours: Tensor, level: Tensor) -> Tensor:
    """The colours (n, 3), made lighter or darker to a brightness; black becomes grey."""
    bright = brightness(colours)[:, None]
    return torch.where(bright > 1e-3, colours * (level / bright.clamp(min=1e-3)), level).clamp(0, 1)
