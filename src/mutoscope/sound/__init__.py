"""What a film hears: sound and MIDI files as numbers over time, and samples to go with the film."""

from mutoscope.sound.bands import READY, Band
from mutoscope.sound.hearing import FLOOR, Sound, hear
from mutoscope.sound.midi import Midi, midi_names, play
from mutoscope.sound.reading import SoundFile

__all__ = ["FLOOR", "READY", "Band", "Midi", "Sound", "SoundFile", "hear", "midi_names", "play"]
