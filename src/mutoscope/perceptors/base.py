"""What every perceptor is: a frozen network that puts pictures and words into one space."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn


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
    """

    name: str
    size: int
    width: int
    judges_strangeness: bool = True

    def embed_image(self, batch: Tensor) -> Tensor:
        """Embed ``batch`` (n, 3, size, size) in [0, 1]: (n, width) unit vectors, with gradient."""
        raise NotImplementedError

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embed ``texts`` in one batch: (m, width) unit vectors, without gradient."""
        raise NotImplementedError

    def see(self, batch: Tensor) -> Sight:
        """Embed ``batch`` as `embed_image` does and, if the network can, say how strange it is."""
        return Sight(self.embed_image(batch))
