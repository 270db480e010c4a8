"""How large a generator is trained, and with what."""

from collections.abc import Mapping
from dataclasses import dataclass

from mutoscope.train_gan.recipe import Settings
from mutoscope.training.presets import preset_called

DEFAULT = "tiny"


@dataclass(frozen=True)
class Preset:
    """A size of training, and in a few words what it is for."""

    about: str
    settings: Settings


PRESETS: Mapping[str, Preset] = {
    "smoke": Preset(
        "32 pixels, a minute or two of a CPU: does it work at all",
        Settings(
            size=32, z=64, w=64, cbase=512, cmax=32, batch=8, images=2_000, tick=250,
            augment_images=20_000, mixing=0.0, path_weight=0.0,
            gamma=1.0,  # as in tiny
        ),
    ),
    "tiny": Preset(
        "64 pixels, half an hour of a CPU: a first film",
        Settings(
            size=64, z=64, w=64, cbase=1024, cmax=64, batch=8, images=100_000, tick=2_000,
            augment_images=100_000, mixing=0.0,
            path_weight=0.0,  # a third of the time, and a space so small is even enough
            gamma=1.0,  # by the rule, 0.1, the judge wins early and all pictures have one shape
        ),
    ),
    "small": Preset(
        "256 pixels, a night of a GPU",
        Settings(
            size=256, z=512, w=512, cbase=16_384, cmax=512, batch=32, images=2**21, tick=16_384,
            mixing=0.9,
        ),
    ),
    "medium": Preset(
        "512 pixels, a day or two of a GPU",
        Settings(
            size=512, z=512, w=512, cbase=32_768, cmax=512, batch=16, images=2**21, tick=16_384,
            mixing=0.9,
        ),
    ),
    "large": Preset(
        "1024 pixels, a week of a GPU",
        Settings(
            size=1024, z=512, w=512, cbase=32_768, cmax=512, mapping_layers=8, batch=8,
            images=2**22, tick=16_384, rate=0.002, mixing=0.9,
        ),
    ),
}  # fmt: skip


def find_preset(name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        SettingsError: there is none.
    """
    return preset_called(name, PRESETS)
