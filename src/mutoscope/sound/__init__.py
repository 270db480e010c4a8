"""What a film hears: any sound file as numbers over time, and as samples to go with the film."""

from mutoscope.sound.bands import READY, Band
from mutoscope.sound.hearing import FLOOR, Sound, hear
from mutoscope.sound.reading import SoundFile

__all__ = ["FLOOR", "READY", "Band", "Sound", "SoundFile", "hear"]
