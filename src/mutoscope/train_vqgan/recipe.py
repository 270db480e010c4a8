"""What decides a training: asked for on the command line, settled, and written down."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from mutoscope.errors import RunError, SettingsError
from mutoscope.train_vqgan.presets import find_preset
from mutoscope.vqgan import Architecture

KIND = "mutoscope train-vqgan"
SIZES = (32, 512)  # of a crop
BATCHES = (1, 256)
STEPS = (1, 10_000_000)
MINUTES = 100_000.0  # ten weeks


@dataclass(frozen=True)
class Wishes:
    """What the user asks for; None is for what is left to the preset, or to what was begun."""

    preset: str | None = None
    minutes: float | None = None
    steps: int | None = None
    size: int | None = None
    batch: int | None = None
    seed: int | None = None

    def check(self) -> None:
        """Refuse what can't be, before any work.

        Raises:
            SettingsError: a value is out of its range, or two contradict each other.
        """
        if self.preset is not None:
            find_preset(self.preset)
        if self.minutes is not None and self.steps is not None:
            raise SettingsError(
                f"--minutes {self.minutes:g} and --steps {self.steps}: give one of the two"
            )
        if self.minutes is not None and not 0 < self.minutes <= MINUTES:
            raise SettingsError(
                f"--minutes: {self.minutes:g} is not allowed; give more than 0 and at most "
                f"{MINUTES:g}"
            )
        for name, value, (least, most) in (
            ("steps", self.steps, STEPS),
            ("size", self.size, SIZES),
            ("batch", self.batch, BATCHES),
            ("seed", self.seed, (-(2**63), 2**63 - 1)),
        ):
            if value is not None and not least <= value <= most:
                raise SettingsError(f"--{name}: {value} is not allowed; give {least} to {most}")
        if self.size is not None and self.size % 8:
            near = max(SIZES[0], 8 * round(self.size / 8))
            raise SettingsError(f"--size: {self.size} is no multiple of 8; {near} is the nearest")


@dataclass(frozen=True)
class Recipe:
    """All that decides what a training becomes, beside the pictures' contents and the machine.

    ``pictures`` is their folder, and ``fingerprint`` says which they were; ``minutes`` is what was
    asked for, if it was, and ``steps`` what it came to on this machine.
    """

    pictures: str
    fingerprint: str
    preset: str
    seed: int
    size: int
    batch: int
    minutes: float | None
    steps: int
    rate: float
    critic: int
    architecture: Architecture

    def to_json(self) -> str:
        """The recipe as it lies in the folder."""
        return json.dumps({"kind": KIND, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, place: str) -> "Recipe":
        """Undo `to_json`.

        Raises:
            RunError: it is something else.
        """
        try:
            return cls(**_parsed(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            why = " ".join(str(error).split())
            raise RunError(
                f"{place}: is damaged, or not the settings of a training ({why}); give another "
                "folder with -o"
            ) from error

    def differing(self, wishes: Wishes) -> list[str]:
        """What is wished otherwise than it was begun, each in a few words."""
        return [
            f"--{name} {wished} (begun with {getattr(self, name)})"
            for name, wished in asdict(wishes).items()
            if wished is not None and wished != getattr(self, name)
        ]


def settle(wishes: Wishes, *, pictures: str, fingerprint: str) -> Recipe:
    """The recipe of a new training; where neither steps nor minutes are given, the preset's.

    ``steps`` is 0 where it must still be measured what the minutes come to.
    """
    name = wishes.preset or "tiny"
    preset = find_preset(name)
    minutes = wishes.minutes
    if minutes is None and wishes.steps is None:
        minutes = preset.minutes
    return Recipe(
        pictures=pictures, fingerprint=fingerprint, preset=name, seed=wishes.seed or 0,
        size=wishes.size or preset.size, batch=wishes.batch or preset.batch,
        minutes=minutes, steps=wishes.steps or 0,
        rate=preset.rate, critic=preset.critic, architecture=preset.architecture,
    )  # fmt: skip


def _parsed(text: str) -> dict[str, Any]:
    """The fields of a recipe, each of its type and in its range."""
    told = json.loads(text)
    if not isinstance(told, dict) or told.pop("kind", None) != KIND:
        raise ValueError(f"its kind is not {KIND!r}")
    shape = dict(told.pop("architecture"))
    for key in ("ch_mult", "attn_resolutions"):
        shape[key] = tuple(int(value) for value in shape[key])
    for key in ("seed", "size", "batch", "steps", "critic"):
        if not isinstance(told[key], int):
            raise ValueError(f"{key} is no whole number")
    for key, (least, most) in (("size", SIZES), ("batch", BATCHES), ("steps", STEPS)):
        if not least <= told[key] <= most:
            raise ValueError(f"{key} is not in {least} to {most}")
    for key in ("pictures", "fingerprint", "preset"):
        if not isinstance(told[key], str):
            raise ValueError(f"{key} is no text")
    if not math.isfinite(told["rate"]):
        raise ValueError("rate is no number")
    return told | {"architecture": Architecture(**shape)}
