"""The generator that films are made with: a running average of the one that is trained."""

import torch
from torch import Tensor, nn

RAMP = 0.05


def half_life(batch: int) -> float:
    """In how many images the weight of the past halves: 10,000 at a batch of 32, in proportion."""
    return batch * 10_000 / 32


def decay(batch: int, seen: int) -> float:
    """How much of the average stays after a step of ``batch`` images when ``seen`` came before.

    The half-life is at most 5 % of what was seen, so that the average leaves the beginning behind.
    """
    life = min(half_life(batch), RAMP * seen)
    return float(0.5 ** (batch / life)) if life > 0 else 0.0


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, *, decay: float) -> None:
    """Move the parameters of ``average`` toward those of ``network``, and copy its buffers.

    Args:
        average: A copy of ``network``, made at the start.
        network: What is trained.
        decay: How much of the average stays; 0 copies.
    """
    mine: list[Tensor] = list(average.parameters())
    theirs: list[Tensor] = list(network.parameters())
    torch._foreach_lerp_(mine, theirs, 1 - decay)
    for kept, new in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(new)
