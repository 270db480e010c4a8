"""The one table of settings: every key with its type, range, default, group and help.

Validation, the command line, the JSON schema and docs/settings.md all come from it, so a key is
added by writing one entry in the file of its group. Names and defaults are PyTTI's; keys marked
``own`` are ours.
"""

from pydantic import ConfigDict

from mutoscope.settings.keys.cutouts import Cutouts
from mutoscope.settings.keys.film import Film
from mutoscope.settings.keys.form import Form
from mutoscope.settings.keys.hold import Hold
from mutoscope.settings.keys.image import Image
from mutoscope.settings.keys.machine import Machine
from mutoscope.settings.keys.motion import Motion
from mutoscope.settings.keys.output import Output
from mutoscope.settings.keys.palette import Palette
from mutoscope.settings.keys.perceptors import Perceptors
from mutoscope.settings.keys.sound import Sound
from mutoscope.settings.keys.steps import Steps
from mutoscope.settings.keys.video import Video
from mutoscope.settings.keys.words import Words

__all__ = ["GROUPS", "Keys"]

GROUPS = {
    "words": "What the picture shows",
    "image": "Picture",
    "form": "Form, colour and style",
    "palette": "Limited Palette",
    "steps": "Steps",
    "cutouts": "Cutouts",
    "perceptors": "Perceptors",
    "film": "Film",
    "motion": "Motion",
    "video": "Video source",
    "hold": "Stabilisation",
    "sound": "Sound, MIDI and named curves",
    "output": "Output",
    "machine": "Machine and folders",
}


# The other way round than they are read: the fields of the last base come first.
class Keys(
    Machine, Output, Sound, Hold, Video, Motion, Film,
    Perceptors, Cutouts, Steps, Palette, Form, Image, Words,
):  # fmt: skip
    """All settings keys; `Settings` adds what can be asked of them."""

    model_config = ConfigDict(defer_build=False)
