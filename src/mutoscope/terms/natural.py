"""Natural: the term that keeps a picture like the photographs that perceptors were trained on."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mutoscope.look import Eye, Look
from mutoscope.terms.base import ONE, Number, pull


class Natural:
    """Less strange to those of the perceptors that can tell; the rest have no say."""

    cuts = True

    def __init__(
        self, perceptors: Sequence[Eye], name: str = "strangeness", *, weight: Number = ONE
    ) -> None:
        self.name = name
        self.perceptors = tuple(perceptors)
        self.weight = weight

    def __call__(self, look: Look) -> Tensor:
        """The weighted mean strangeness; 0 where no perceptor can tell."""
        weight = self.weight(look.moment.values)
        seen = [look.views(p).strangeness for p in self.perceptors] if weight else []
        told = [strangeness for strangeness in seen if strangeness is not None]
        if not told:
            return torch.zeros((), device=look.image.device)
        return pull(torch.stack(told).mean(), weight)
