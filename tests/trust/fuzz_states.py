"""Ways to spoil a network that leave its file sound: other names, shapes, types and numbers."""

import contextlib
import io
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from fuzz_change import LONGEST, Change
from safetensors.torch import load, save
from torch import Tensor

_DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32),
    *(torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn),
    *(torch.float8_e5m2, torch.uint16, torch.uint64, torch.float8_e8m0fnu),
)
_NUMBERS = (torch.nan, torch.inf, -torch.inf, 0.0, -1.0, 1e38, 1e-45, 65_504.0)
_NAMES = ("", "x", "module.", "0", "9" * 30, "-1", "\x1b[31m", "\ud800", ".", "é" * 300, "weight")
_MANY = 100_000  # numbers of a tensor that are still worked on
Names = dict[Any, Any]


def changed_state(otherwise: Change) -> Change:
    """Half the time a sound PyTorch file of other tensors than the example's."""

    def change(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
        if rng.random() < 0.5:
            return otherwise(rng, seeds)
        told: Any = torch.load(io.BytesIO(rng.choice(seeds)), weights_only=True)
        state = _spoilt(rng, told.get("state_dict", told), strides=True)
        wrapped = ("state_dict", "model", "params", "params_ema", "optimizer")
        for _ in range(rng.choice((0, 1, 1, 2))):
            state = {rng.choice(wrapped): state, "epoch": rng.choice((3, None, "x", state))}
        data = _saved(state, zipped=rng.random() < 0.8)
        return data if 0 < len(data) <= LONGEST else otherwise(rng, seeds)

    return change


def changed_safe(otherwise: Change) -> Change:
    """Half the time a sound file of safetensors, with other tensors than the example's."""

    def change(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
        data = rng.choice(seeds)
        if rng.random() < 0.5:
            return otherwise(rng, seeds)
        said = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__")
        state = _spoilt(rng, load(data), strides=False)
        with contextlib.suppress(Exception):  # what can't be written down is not an input
            return save({k: v.contiguous() for k, v in state.items()}, said)
        return otherwise(rng, seeds)

    return change


def _saved(state: Any, *, zipped: bool) -> bytes:
    buffer = io.BytesIO()
    with contextlib.suppress(Exception):
        torch.save(state, buffer, _use_new_zipfile_serialization=zipped)
        return buffer.getvalue()
    return b""


def _spoilt(rng: random.Random, state: Names, *, strides: bool) -> Names:
    """The state with a few entries lost, renamed, doubled, or of another form."""
    state = dict(state)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        name = rng.choice(list(state) or ["a"])
        value = state.get(name)
        if not isinstance(value, Tensor) or value.layout is not torch.strided or value.is_nested:
            value = torch.zeros(2)
        value = value if value.numel() <= _MANY else torch.zeros(2)
        match rng.randrange(7):
            case 0:
                state.pop(name, None)
            case 1:
                state[_renamed(rng, str(name))] = state.pop(name, value)
            case 2:
                state[_renamed(rng, str(name))] = value
            case 3 if strides:
                state[name] = rng.choice(_STRANGERS)(value)
            case _:
                with contextlib.suppress(RuntimeError, TypeError, IndexError):
                    state[name] = rng.choice(_FORMS)(rng, value)
    return state


def _renamed(rng: random.Random, name: str) -> str:
    parts = name.split(".")
    at = rng.randrange(len(parts) + 1)
    if rng.random() < 0.5:
        parts[at : at + 1] = [rng.choice(_NAMES)]
    else:
        parts.insert(at, rng.choice(_NAMES))
    return ".".join(parts)


_FORMS: tuple[Callable[[random.Random, Tensor], Tensor], ...] = (
    lambda _, value: value.flatten(),
    lambda _, value: value.T.contiguous() if value.ndim == 2 else value[None],
    lambda rng, value: value[: rng.choice((0, 1, max(len(value) - 1, 0)))],
    lambda rng, value: torch.cat([value] * rng.choice((2, 3))),
    lambda rng, value: value[..., : rng.choice((0, 1, 2))].contiguous(),
    lambda rng, value: value.to(rng.choice(_DTYPES)),
    lambda rng, value: torch.full_like(value, rng.choice(_NUMBERS)),
    lambda rng, value: torch.zeros([rng.choice((0, 1, 2, 3))] * rng.choice((0, 1, 2, 4, 9))),
    lambda rng, value: torch.zeros(rng.choice((0, 2**40)), 0),
)
_STRANGERS: tuple[Callable[[Tensor], Any], ...] = (
    lambda value: torch.zeros(1).expand(10**6, 10**6),
    lambda value: torch.zeros(1, dtype=torch.float16).expand(1, 2 * 10**8),
    lambda value: value.new_zeros(()).expand(value.shape),
    lambda value: torch.empty(value.shape, device="meta"),
    lambda value: torch.eye(3).to_sparse(),
    lambda value: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    lambda value: torch.nn.Parameter(value.float()),
    lambda value: None,
    lambda value: [value],
    lambda value: {"weight": value},
    lambda value: 2**70,
)
