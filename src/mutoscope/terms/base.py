"""What terms share: numbers over time, the distance, the place where weights and stops act."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mutoscope.look import Look, Term, distinct, weigh

__all__ = ["NEVER", "ONE", "Number", "Term", "Weighted", "distinct", "pull", "spherical", "weigh"]

# A number over time: a `mutoscope.curves.Curve`, or any function of a moment's values.
Number = Callable[[Mapping[str, float]], float]


def ONE(values: Mapping[str, float]) -> float:  # noqa: ARG001, N802  (a constant that is a curve)
    """The weight that is always 1."""
    return 1.0


def NEVER(values: Mapping[str, float]) -> float:  # noqa: ARG001, N802
    """The stop that is never reached."""
    return -math.inf


def pull(raw: Tensor, weight: float | Tensor, stop: float | Tensor = -math.inf) -> Tensor:
    """The mean of ``|weight| · sign(weight) · raw``, with gradient only while above ``stop``.

    ``raw``, ``weight`` and ``stop`` broadcast. The value is never clamped: one sees how far off
    things are also where nothing pulls any more. The gradient is that of
    ``|weight| · max(sign(weight) · raw, stop)``: whole where the signed ``raw`` exceeds the stop,
    half where it equals it, none below. So a weight of 2 with stop 0.8 pulls until ``raw`` is 0.8,
    and a weight of −1 with stop −0.9 pushes until it is 0.9.
    """
    w = torch.as_tensor(weight, device=raw.device, dtype=raw.dtype)
    tau = torch.as_tensor(stop, device=raw.device, dtype=raw.dtype)
    signed = w.sign() * raw
    fixed = signed.detach()
    gate = torch.heaviside(fixed - tau, fixed.new_tensor(0.5))
    # Forward: ``fixed`` exactly, since the bracket is 0. Backward: the gate's part of ``signed``.
    return (w.abs() * (fixed + gate * (signed - fixed))).mean()


def spherical(x: Tensor, y: Tensor) -> Tensor:
    """Half the squared angle between unit vectors: (n, width) and (n or 1, width) to (n,).

    Equal to ``2 · asin(|x − y| / 2)²``, from 0 to π²/2. The angle comes from Kahan's
    ``2 · atan2(|x − y|, |x + y|)``, which is accurate and has a finite gradient everywhere, also
    for equal and for opposite vectors, where that of asin or acos is not.
    """
    apart = torch.linalg.vector_norm(x - y, dim=-1)
    together = torch.linalg.vector_norm(x + y, dim=-1)
    return 2 * torch.atan2(apart, together).square()


class Weighted:
    """A term that is one number of a look, `raw`, times a weight over time; nothing at weight 0.

    Args:
        name: a label for the log.
        weight: may vary with time and be negative.
    """

    cuts = False

    def __init__(self, name: str, *, weight: Number = ONE) -> None:
        self.name = name
        self.weight = weight

    def __call__(self, look: Look) -> Tensor:
        """The weighted number, a scalar; it is not even worked out where the weight is 0."""
        weight = self.weight(look.moment.values)
        if weight == 0:
            return torch.zeros((), device=look.image.device)
        return pull(self.raw(look), weight)

    def raw(self, look: Look) -> Tensor:
        """The number before its weight, a scalar with gradient."""
        raise NotImplementedError
