"""The settings that a training is begun with, by their names."""

from collections.abc import Mapping
from typing import TypeVar

from mutoscope.errors import SettingsError, nearest

T = TypeVar("T")


def preset_called(name: str, presets: Mapping[str, T]) -> T:
    """The one of ``presets`` called ``name``.

    Raises:
        SettingsError: there is none.
    """
    if name not in presets:
        raise SettingsError(
            f"--preset: {name!r} is not known; there are {', '.join(presets)}"
            f"{nearest(name, presets)}"
        )
    return presets[name]
