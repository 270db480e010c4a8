"""VQGAN: pictures as grids of codes, read from the published checkpoints or trained afresh."""

from mutoscope.vqgan.config import Architecture, read_architecture, write_architecture
from mutoscope.vqgan.model import VQGAN, load_vqgan, new_vqgan

__all__ = [
    "VQGAN",
    "Architecture",
    "load_vqgan",
    "new_vqgan",
    "read_architecture",
    "write_architecture",
]
