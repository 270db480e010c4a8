"""Pictures of noise to start from, as vqgan-clip-generator's ``init_noise`` names them."""

import torch
from torch import Tensor


def pixels(size: tuple[int, int], *, generator: torch.Generator) -> Tensor:
    """Every pixel of a colour of its own, uniform in [0, 1]: (1, 3, H, W)."""
    width, height = size
    return torch.rand(1, 3, height, width, generator=generator)


def gradient(size: tuple[int, int], *, generator: torch.Generator) -> Tensor:
    """A gradient of random colours: red grows to the right, green and blue downward.

    (1, 3, H, W) in [0, 1]. Red and green begin at 0 and end anywhere; blue begins anywhere and ends
    in the lower half.
    """
    width, height = size
    across = torch.linspace(0, 1, width).expand(height, width)
    down = torch.linspace(0, 1, height)[:, None].expand(height, width)
    red, green, start, end = torch.rand(4, generator=generator)
    blue = start + (end / 2 - start) * down
    return torch.stack([red * across, green * down, blue])[None]


NOISES = {"pixels": pixels, "gradient": gradient}
