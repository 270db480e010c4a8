"""What decides a training: every key with its range, and the file in which it is written down."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, cast

from mutoscope.errors import RunError, SettingsError, nearest
from mutoscope.gan import SIZES, Shape
from mutoscope.gan.losses import LOSSES, gamma_rule

KIND = "mutoscope train"
FREE = ("images", "keep")  # what may change when a training goes on
AUTO = "auto"
# R3GAN's gamma falls from 2 to 0.2 at 64 pixels and from 150 to 15 at 256 (Huang et al. 2024);
# this is the middle of that fall.
_RP_GAMMA, _RP_POWER = 0.63, 3.11

Value = int | float | str | None


def key(
    about: str, default: Value, *, least: float = 0, most: float = math.inf,
    choices: Sequence[Value] = (), auto: bool = False,
) -> Any:  # fmt: skip
    """A key: what it is, what it is by default, and what is allowed."""
    told = {"about": about, "least": least, "most": most, "choices": tuple(choices), "auto": auto}
    return field(default=default, metadata=told)


@dataclass(frozen=True)
class Settings:
    """All keys of a training, each with its range; a preset is one of these."""

    size: int = key("side of the pictures in pixels", 32, choices=SIZES)
    channels: int = key("1 for grey, 3 for colour", 1, choices=(1, 3))
    z: int = key("length of the vector that a picture is drawn from", 64, least=1, most=4096)
    w: int = key("length of a style", 64, least=1, most=4096)
    cbase: int = key("channels at one pixel's size", 512, least=32, most=1 << 20)
    cmax: int = key("most channels", 32, least=1, most=4096)
    mapping_layers: int = key("layers from z to w", 2, least=1, most=16)
    images: int = key("how many drawings are shown in all", 2000, least=1, most=10**10)
    batch: int = key("drawings in a step", 8, least=2, most=4096)
    rate: float = key("the learning rate of both", 0.0025, least=1e-7, most=0.1)
    loss: str = key("how scores become losses", "logistic", choices=tuple(LOSSES))
    gamma: float | None = key("weight of the gradient penalty", None, most=1e6, auto=True)
    penalty_every: int = key("steps from one gradient penalty to the next", 16, least=1, most=1000)
    path_weight: float = key("weight of the path length; 0 leaves it out", 2.0, most=1000)
    path_every: int = key("steps from one path length to the next", 4, least=1, most=1000)
    mixing: float = key("share of pictures with two styles", 0.0, most=1)
    noise: str = key(
        "whether layers are given grain, as photographs have", "no", choices=("yes", "no")
    )
    augment: str = key(
        "what becomes of drawings on their way to the judge", "adaptive",
        choices=("adaptive", "fixed", "none"),
    )  # fmt: skip
    augment_p: float = key("how likely each change is; adaptive begins with it", 0.0, most=0.95)
    augment_target: float = key("how sure the judge may be before more is changed", 0.6, most=1)
    augment_images: int = key("images in which that could rise to 1", 500_000, least=1, most=10**9)
    precision: str = key(
        "numbers on the way; auto is bfloat16 on a GPU", AUTO,
        choices=(AUTO, "float32", "bfloat16"),
    )  # fmt: skip
    tick: int = key("images from one sample, comparison and checkpoint to the next", 250, least=1)
    compared: int = key(
        "pictures that are compared with drawings each tick", 256, least=8, most=10**5
    )
    keep: int = key("checkpoints that stay, beside the best", 3, least=1, most=10**6)
    data: str = key(
        "what the folder holds", AUTO, choices=(AUTO, "scans", "specimens", "tiles", "shards")
    )
    dpi: float | None = key(
        "pixels per inch of a picture cut from scans", None, least=10, most=20_000, auto=True
    )
    turn: str = key("whether those are cut at any angle", "no", choices=("yes", "no"))
    mirror: str = key("whether half of those are mirrored", "no", choices=("yes", "no"))
    blank: float = key("share of those without ink that are kept", 0.1, most=1)
    seed: int = key("another one trains another network", 0, least=-(2**63), most=2**63 - 1)

    def shape(self) -> Shape:
        """The generator's shape.

        Raises:
            SettingsError: the numbers don't fit each other.
        """
        names = [one.name for one in fields(Shape)]
        return Shape(**{name: getattr(self, name) for name in names})

    def with_values(self, values: Mapping[str, Value]) -> "Settings":
        """The same with some keys changed, all of them checked.

        Raises:
            SettingsError: one is unknown or out of its range, or two don't fit.
        """
        new: dict[str, Any] = {name: checked(name, value) for name, value in values.items()}
        changed = replace(self, **new)
        changed.shape()
        return changed

    def settled(self) -> "Settings":
        """The same with numbers in place of those that follow from others."""
        if self.gamma is not None:
            return self
        gamma = gamma_rule(self.size, self.batch)
        if self.loss == "rp":
            gamma = _RP_GAMMA * (self.size / 64) ** _RP_POWER
        return replace(self, gamma=gamma)


# What keys that came later stand for in the settings of trainings that were begun before them.
LATER: Mapping[str, Value] = {"blank": 1.0, "noise": "yes"}

KEYS: Mapping[str, Any] = {one.name: one for one in fields(Settings)}


def parse_overrides(words: Sequence[str]) -> dict[str, Value]:
    """The values of ``key=value`` words, checked.

    Raises:
        SettingsError: one has no ``=``, is given twice, is unknown or out of its range.
    """
    values: dict[str, Value] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise SettingsError(f"{word!r}: what stands behind the folder is key=value, as size=64")
        name = name.strip().replace("-", "_")
        if name in values:
            raise SettingsError(f"{name}: is given twice")
        values[name] = checked(name, value.strip())
    return values


def checked(name: str, value: Value) -> Value:
    """A key's value, of its type and in its range.

    Raises:
        SettingsError: it is not, or there is no such key.
    """
    if name not in KEYS:
        raise SettingsError(
            f"{name}: is no key of a training; there are {', '.join(KEYS)}{nearest(name, KEYS)}"
        )
    told = KEYS[name].metadata
    kind = float if told["auto"] else KEYS[name].type
    if told["auto"] and value in (AUTO, None):
        return None
    number = _typed(value, kind)
    if told["choices"] and number not in told["choices"]:
        near = nearest(value, told["choices"]) if kind is str and isinstance(value, str) else ""
        raise SettingsError(
            f"{name}: {value!r} is not allowed; {', '.join(map(str, told['choices']))} are{near}"
        )
    if kind is not str and not (
        number is not None and told["least"] <= cast(float, number) <= told["most"]
    ):
        raise SettingsError(f"{name}: {value!r} is not allowed; give {_range(kind, told)}")
    assert number is not None  # noqa: S101 - None is in no range and no choice
    return number


def _typed(value: Value, kind: type) -> Value | None:
    """A value, perhaps from the command line, as one of ``kind``; None where it can't be."""
    if value is None or isinstance(value, bool):
        return None
    if kind is str:
        return value if isinstance(value, str) else None
    try:
        number = float(value)
        if kind is float:
            return number if math.isfinite(number) else None
        # Through a float large seeds would lose their last digits; 2e6 is welcome nonetheless.
        return (
            int(value)
            if not isinstance(value, str) or value.lstrip("+-").isdigit()
            else _whole(number)
        )
    except (ValueError, OverflowError):
        return None


def _whole(number: float) -> int | None:
    return int(number) if math.isfinite(number) and number == int(number) else None


def _range(kind: type, told: Mapping[str, Any]) -> str:
    what = "a whole number" if kind is int else "a number"
    end = f" to {told['most']:,}" if math.isfinite(told["most"]) else " upward"
    return f"{what} from {told['least']:,}{end}" + (" or auto" if told["auto"] else "")


@dataclass(frozen=True)
class Recipe:
    """All that decides what a training becomes, beside the drawings' contents and the machine.

    ``pictures`` is their folder, and ``fingerprint`` says which they were.
    """

    pictures: str
    fingerprint: str
    preset: str
    settings: Settings

    @property
    def steps(self) -> int:
        """How many steps show as many drawings as are wanted."""
        return -(-self.settings.images // self.settings.batch)

    def to_json(self) -> str:
        """The recipe as it lies in the folder."""
        told = {"kind": KIND, "pictures": self.pictures, "fingerprint": self.fingerprint}
        return json.dumps(told | {"preset": self.preset} | asdict(self.settings), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, place: str) -> "Recipe":
        """Undo `to_json`.

        Raises:
            RunError: it is something else.
        """
        try:
            told = json.loads(text)
            if not isinstance(told, dict) or told.pop("kind", None) != KIND:
                raise ValueError(f"its kind is not {KIND!r}")
            names = [told.pop(name) for name in ("pictures", "fingerprint", "preset")]
            if not all(isinstance(name, str) for name in names):
                raise ValueError("a name is no text")
            told = dict(LATER) | told
            if missing := [name for name in KEYS if name not in told]:
                raise ValueError(f"{missing[0]} is missing")
            return cls(names[0], names[1], names[2], Settings().with_values(told))
        except (ValueError, TypeError, KeyError, RecursionError, SettingsError) as error:
            why = " ".join(str(error).split())
            raise RunError(
                f"{place}: is damaged, or not the settings of a training of this kind ({why}); "
                "give another folder with -o"
            ) from error

    def differing(self, preset: str | None, values: Mapping[str, Value]) -> list[str]:
        """What is wished otherwise than it was begun and can't change, each in a few words."""
        found = []
        if preset is not None and preset != self.preset:
            found.append(f"--preset {preset} (begun with {self.preset})")
        for name, value in values.items():
            begun = getattr(self.settings, name)
            if name not in FREE and value not in (begun, None):
                found.append(f"{name}={value} (begun with {begun})")
        return found

    def going_on(self, values: Mapping[str, Value]) -> "Recipe":
        """The same recipe with what may change changed."""
        free = {name: value for name, value in values.items() if name in FREE}
        return replace(self, settings=self.settings.with_values(free))
