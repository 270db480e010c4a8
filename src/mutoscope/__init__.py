"""Mutoscope: pictures and films from words, videos, sound and your own drawings.

>>> import mutoscope
>>> mutoscope.image("a red fox in the snow").save("fox.png")  # doctest: +SKIP

Importing this runs nothing heavy: each name is fetched when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mutoscope.process import prepare

if TYPE_CHECKING:
    from mutoscope.api import ContactSheet, Picture, animate, contact_sheet, image, render, resume
    from mutoscope.errors import MutoscopeError
    from mutoscope.paint import Frame
    from mutoscope.settings import Settings, load_settings

__version__ = "0.1.0"

__all__ = [
    "ContactSheet",
    "Frame",
    "MutoscopeError",
    "Picture",
    "Settings",
    "animate",
    "contact_sheet",
    "image",
    "load_settings",
    "render",
    "resume",
]

_HOMES = {
    "ContactSheet": "mutoscope.api",
    "Frame": "mutoscope.paint",
    "MutoscopeError": "mutoscope.errors",
    "Picture": "mutoscope.api",
    "Settings": "mutoscope.settings",
    "animate": "mutoscope.api",
    "contact_sheet": "mutoscope.api",
    "image": "mutoscope.api",
    "load_settings": "mutoscope.settings",
    "render": "mutoscope.api",
    "resume": "mutoscope.api",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        prepare()
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mutoscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
