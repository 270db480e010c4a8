"""What a training will take, told before it begins. Needs torch: asked of the pad's process."""

import time
from collections.abc import Mapping
from typing import Any

import torch

from mutoscope.errors import SettingsError
from mutoscope.memory import free_memory
from mutoscope.train_gan import turns
from mutoscope.train_gan.memory import predicted_bytes
from mutoscope.train_gan.players import Players
from mutoscope.train_gan.presets import DEFAULT, PRESETS, find_preset
from mutoscope.train_gan.recipe import KEYS, Settings, checked

_TRIED = 128  # pixels: larger pictures are not tried on a CPU, a step of theirs may take minutes
_STEPS = 3


def presets(_: Mapping[str, Any]) -> dict[str, Any]:
    """The presets with what they are for, and the keys with what is allowed."""
    keys = [
        {
            "name": name, "about": one.metadata["about"], "choices": one.metadata["choices"],
            "auto": one.metadata["auto"], "kind": one.type.__name__
            if isinstance(one.type, type) else str(one.type),
        }
        for name, one in KEYS.items()
    ]  # fmt: skip
    return {
        "default": DEFAULT, "keys": keys, "gpu": torch.cuda.is_available(),
        "presets": {
            name: {
                "about": one.about,
                "values": {key: getattr(one.settings, key) for key in KEYS},
            }
            for name, one in PRESETS.items()
        },
    }  # fmt: skip


def foresee(request: Mapping[str, Any]) -> dict[str, Any]:
    """Memory, steps and time of a training with a preset and some keys changed.

    ``seconds`` is None where it can't be tried quickly.

    Raises:
        SettingsError: the preset or a key is not there, or a value not allowed.
    """
    preset, values = request.get("preset"), request.get("values") or {}
    if not isinstance(preset, str) or not isinstance(values, dict):
        raise SettingsError("preset: a name is wanted, and values by their keys")
    settings = (
        find_preset(preset)
        .settings.with_values(
            {str(name): checked(str(name), value) for name, value in values.items()}
        )
        .settled()
    )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    wanted, free = predicted_bytes(settings), free_memory(device)
    steps = -(-settings.images // settings.batch)
    seconds = None
    fits = free is None or wanted < free
    if fits and (device.type != "cpu" or settings.size <= _TRIED):
        seconds = steps * step_seconds(settings, device)
    return {
        "bytes": wanted, "free": free, "steps": steps, "images": settings.images,
        "size": settings.size, "seconds": seconds, "device": device.type,
    }  # fmt: skip


def step_seconds(settings: Settings, device: torch.device) -> float:
    """How long a step takes, from a few that are made with fresh networks and grey pictures."""
    players = Players.start(settings, device)
    wanted = torch.zeros(
        settings.batch, settings.channels, settings.size, settings.size, device=device
    )
    taken: list[float] = []
    for step in range(1, 1 + _STEPS):  # the first warms up
        taken.append(_timed(players, step, wanted))
    usual = min(taken[1:])
    if settings.gamma:
        usual += _elapsed(lambda: turns.calm_down(players, 0, wanted)) / settings.penalty_every
    if settings.path_weight:
        usual += _elapsed(lambda: turns.straighten(players, 0)) / settings.path_every
    return usual


def _timed(players: Players, step: int, wanted: torch.Tensor) -> float:
    def turn() -> None:
        turns.tell_apart(players, step, wanted)
        turns.draw(players, step, wanted)
        players.average_in(step)

    return _elapsed(turn)


def _elapsed(doing: Any) -> float:
    before = time.perf_counter()
    doing()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - before
