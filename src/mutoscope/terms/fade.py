"""Fade: a scene's prompts grow while those of the scene before it wane."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mutoscope.look import Look, Term


class Faded:
    """A term whose strength ramps over a scene's first ``steps``: up, or down where ``waning``.

    At step k of the scene the strength is r = k / steps, and 1 from k = steps on; a waning term has
    1 − r, and is not asked at all once that is 0.
    """

    def __init__(self, term: Term, steps: int, *, waning: bool = False) -> None:
        self.term = term
        self.steps = steps
        self.waning = waning

    @property
    def name(self) -> str:
        """The term's own name."""
        return self.term.name

    @property
    def cuts(self) -> bool:
        """Whether the term judges cutouts."""
        return self.term.cuts

    def __call__(self, look: Look) -> Tensor:
        """The term's loss times its strength."""
        share = strength(look.moment.scene_step, self.steps, waning=self.waning)
        if share == 0:
            return torch.zeros((), device=look.image.device)
        return share * self.term(look)


def strength(scene_step: int, steps: int, *, waning: bool) -> float:
    """How strong a term is in a step of its scene: growing over ``steps``, or waning."""
    risen = scene_step / steps if scene_step < steps else 1.0
    return 1 - risen if waning else risen


def fade(current: Sequence[Term], previous: Sequence[Term], steps: int) -> list[Term]:
    """The terms of a scene that takes ``steps`` steps to replace the scene before it.

    Without steps, or without a scene before it, those of the current scene as they are.
    """
    if not steps or not previous:
        return list(current)
    return [
        *(Faded(term, steps) for term in current),
        *(Faded(term, steps, waning=True) for term in previous),
    ]
