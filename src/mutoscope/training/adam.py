"""An optimiser's moments by name, as a state keeps them, and back."""

from collections.abc import Mapping

import torch
from torch import Tensor


def moments(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of each parameter, named ``<parameter>.<slot>``."""
    return {
        f"{index}.{slot}": value
        for index, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
    }


def restore(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser back its moments; none before it began.

    Raises:
        ValueError, IndexError, KeyError: they are those of another one.
    """
    slots: dict[int, dict[str, Tensor]] = {}
    learning = optimizer.param_groups[0]["params"]
    for name, value in tensors.items():
        index, _, slot = name.partition(".")
        owner = learning[int(index)]
        # The fused Adam goes through memory in its order, so a moment must lie as its weight does.
        alike = value.shape == owner.shape
        kept = torch.empty_like(owner).copy_(value) if alike else value.clone()
        slots.setdefault(int(index), {})[slot] = kept.detach()
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": slots, "param_groups": groups})
