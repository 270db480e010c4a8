"""A film before it is painted: its motion, masks, weights and sound on a picture of its own."""

from mutoscope.preview.film import LARGEST, SMALLEST, Preview, Step, walk

__all__ = ["LARGEST", "SMALLEST", "Preview", "Step", "walk"]
