"""Natural: the term that keeps a picture like the photographs that perceptors were trained on."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mutoscope.look import Eye, Look
from mutoscope.terms.base import ONE, Number, Weighted


class Natural(Weighted):
    """Less strange to those of the perceptors that can tell; the rest have no say."""

    cuts = True

    def __init__(
        self, perceptors: Sequence[Eye], name: str = "strangeness", *, weight: Number = ONE
    ) -> None:
        super().__init__(name, weight=weight)
        self.perceptors = tuple(perceptors)

    def raw(self, look: Look) -> Tensor:
        """The mean strangeness; 0 where no perceptor can tell."""
        seen = [look.views(perceptor).strangeness for perceptor in self.perceptors]
        told = [strangeness for strangeness in seen if strangeness is not None]
        return torch.stack(told).mean() if told else torch.zeros((), device=look.image.device)
