"""Where pictures come from and go: folders and films."""

from mutoscope.frames.base import Sink, Source, as_rate
from mutoscope.frames.clip import ClipSource, MaskClip
from mutoscope.frames.film import FilmSink
from mutoscope.frames.folder import FolderSink, FolderSource

__all__ = [
    "ClipSource",
    "FilmSink",
    "FolderSink",
    "FolderSource",
    "MaskClip",
    "Sink",
    "Source",
    "as_rate",
]
