"""From a settings file's words to parts: the only place that knows both."""

from mutoscope.build.canvases import Shelf
from mutoscope.build.parts import Parts, build, choose_device

__all__ = ["Parts", "Shelf", "build", "choose_device"]
