"""Training a small VQGAN on a folder of pictures."""

from mutoscope.train_vqgan.folder import Folder
from mutoscope.train_vqgan.lesson import Kept, open_folder, perform
from mutoscope.train_vqgan.presets import PRESETS
from mutoscope.train_vqgan.recipe import Recipe, Wishes

__all__ = ["PRESETS", "Folder", "Kept", "Recipe", "Wishes", "open_folder", "perform"]
