"""Training a generator on drawings."""

from mutoscope.train_gan.folder import Folder
from mutoscope.train_gan.lesson import Saved, assist, open_folder, perform
from mutoscope.train_gan.presets import PRESETS
from mutoscope.train_gan.recipe import Recipe, Settings, parse_overrides

__all__ = [
    "PRESETS", "Folder", "Recipe", "Saved", "Settings", "assist", "open_folder",
    "parse_overrides", "perform",
]  # fmt: skip
