"""A stand-in for a perceptor, for tests and dry runs: seeded, and there in milliseconds."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from mutoscope.perceptors.base import Perceptor


class Tiny(Perceptor):
    """Three random convolutions and hashed words: knows nothing, behaves like one that does.

    Equal seeds give equal networks. The eye is smooth, so that descent on it works; its mean
    brightness and colours are in what it sees, so that a picture's embedding can be reached.
    A text is the sum of a random direction for each of its words: order and case don't matter.
    """

    def __init__(self, size: int = 32, *, width: int = 32, seed: int = 0) -> None:
        super().__init__()
        self.name, self.size, self.width = "tiny", size, width
        generator = torch.Generator().manual_seed(seed)
        self.seed = seed
        channels = (3, 12, 24)
        for index, (came, goes) in enumerate(pairwise(channels)):
            kernel = torch.randn(goes, came, 3, 3, generator=generator) / (9 * came) ** 0.5
            self.register_parameter(f"kernel{index}", torch.nn.Parameter(2 * kernel, False))
        # Coarse places (2 × 2) of every channel, and of the picture itself.
        features = 4 * (channels[-1] + 3)
        mixed = torch.randn(width, features, generator=generator) / features**0.5
        self.mix = torch.nn.Parameter(mixed, False)
        self.eval()

    kernel0: Tensor
    kernel1: Tensor

    def embed_image(self, batch: Tensor) -> Tensor:
        """Embed ``batch`` (n, 3, size, size) in [0, 1]: (n, width) unit vectors, with gradient."""
        pixels = 2 * batch - 1
        x = torch.tanh(functional.conv2d(pixels, self.kernel0, stride=2, padding=1))
        x = torch.tanh(functional.conv2d(x, self.kernel1, stride=2, padding=1))
        seen = torch.cat(
            [functional.adaptive_avg_pool2d(layer, 2).flatten(1) for layer in (x, pixels)], dim=1
        )
        # The constant keeps an even grey away from the origin, which has no direction.
        return functional.normalize(seen @ self.mix.T + 0.01, dim=-1)

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embed ``texts``: (m, width) unit vectors; an empty text has a direction of its own."""
        rows = [sum(map(self._word, text.lower().split() or [""])) for text in texts]
        if not rows:
            return self.mix.new_zeros(0, self.width)
        return functional.normalize(torch.stack([torch.as_tensor(row) for row in rows]), dim=-1).to(
            self.mix
        )

    def _word(self, word: str) -> Tensor:
        """The direction of one word: the same on every machine and in every process."""
        digest = hashlib.sha256(f"{self.seed} {word}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") % 2**63)
        return torch.randn(self.width, generator=generator)
