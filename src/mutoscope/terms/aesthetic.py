"""Aesthetic: the term that asks for the rating of a head that learned people's ratings."""

from typing import Protocol

from torch import Tensor

from mutoscope.look import Eye, Look
from mutoscope.terms.base import ONE, Number, Weighted

# Ratings run from 1 to 10 and pictures get about 5: unscaled, the square would drown every prompt.
# This is the factor that pixray users know, with which weight 1 is one voice among the prompts.
SCALE = 0.02


class Rater(Protocol):
    """What rates a perceptor's embeddings."""

    def __call__(self, embeds: Tensor) -> Tensor:
        """The ratings of ``embeds`` (n, width): (n,), with gradient."""


class Aesthetic(Weighted):
    """Cutouts that ``rater`` gives the rating ``target``: 0.02 times the mean squared distance.

    Args:
        perceptor: whose embeddings the rater was trained on.
        rater: gives a rating to each embedding.
        name: a label for the log.
        weight: may vary with time and be negative.
        target: the rating that is asked for; 10 is the best of the public heads.
    """

    cuts = True

    def __init__(
        self,
        perceptor: Eye,
        rater: Rater,
        name: str = "aesthetic",
        *,
        weight: Number = ONE,
        target: float = 10.0,
    ) -> None:
        super().__init__(name, weight=weight)
        self.perceptor, self.rater, self.target = perceptor, rater, target

    def raw(self, look: Look) -> Tensor:
        """The scaled mean squared distance of the cutouts' ratings from the target."""
        ratings = self.rater(look.views(self.perceptor).embeds)
        return SCALE * (ratings - self.target).square().mean()
