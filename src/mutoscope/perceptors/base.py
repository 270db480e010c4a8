"""What every perceptor is: a frozen network that puts pictures and words into one space."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mutoscope.perceptors.lowered import Precision

log = logging.getLogger("mutoscope")


@dataclass(frozen=True)
class Sight:
    """What a perceptor makes of a batch of pictures.

    Attributes:
        embeds: ``(n, width)`` unit vectors, one a picture.
        strangeness: a scalar, how unlike photographs the batch is to this network, from the same
            pass; ``None`` for a perceptor that can't tell.
    """

    embeds: Tensor
    strangeness: Tensor | None = None


class Perceptor(nn.Module):
    """A frozen network with an eye and an ear; all its parameters are without gradient.

    Attributes:
        name: what settings and messages call it.
        size: the side of the square pictures it looks at, in pixels.
        width: the length of its embeddings.
        judges_strangeness: whether `see` is to say how strange a batch is, if it can; switched off
            where nobody asks, it saves that time.
        precision: that of the products with which it looks; words are read in float32.
    """

    name: str
    size: int
    width: int
    judges_strangeness: bool = True
    precision: Precision = "float32"

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Those that it can look with on the device where it is, float32 first."""
        return ("float32",)

    def look_with(self, precision: Precision) -> None:
        """Look with products of ``precision`` from now on, one of `precisions`."""
        if precision not in self.precisions:
            raise ValueError(f"{self.name} looks with {', '.join(self.precisions)}: {precision!r}")
        self.precision = precision

    @property
    def compiles(self) -> bool:
        """Whether its eye is of a kind that gains by being compiled."""
        return False

    def compile_for(self, batch: Tensor, *, folder: Path) -> bool:
        """Compile its eye for batches like ``batch``, kept in ``folder``; False if it can't be."""
        del batch, folder
        return False

    def embed_image(self, batch: Tensor) -> Tensor:
        """Embed ``batch`` (n, 3, size, size) in [0, 1]: (n, width) unit vectors, with gradient."""
        raise NotImplementedError

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embed ``texts`` in one batch: (m, width) unit vectors, without gradient."""
        raise NotImplementedError

    def see(self, batch: Tensor) -> Sight:
        """Embed ``batch`` as `embed_image` does and, if the network can, say how strange it is."""
        return Sight(self.embed_image(batch))


def whole_texts(
    parts: Tensor, texts: Sequence[str], counts: Sequence[int], *, tokens: int, name: str
) -> Tensor:
    """Texts from the embeddings of their parts: (parts, width) to (texts, width) unit vectors.

    A text that a network can't read at once is read in parts, and is the direction of the mean of
    theirs. That is said in the log.

    Args:
        parts: unit vectors, those of the first text first.
        texts: what was read.
        counts: how many parts each text has.
        tokens: how many tokens are read at once.
        name: who reads.
    """
    for text, count in zip(texts, counts, strict=True):
        if count > 1:
            log.info(
                "prompt '%s…' is longer than the %d tokens that %s reads at once: its %d parts "
                "were read one by one and averaged",
                *(text[:40], tokens, name, count),
            )
    means = [part.mean(0) for part in torch.split(parts, list(counts))]
    return functional.normalize(torch.stack(means), dim=-1)
