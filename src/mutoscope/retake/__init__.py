"""Edit and go on: a run painted anew from where a change is first seen; the old one stays."""

from mutoscope.retake.plan import Retake, Stretch, begin, plan_retake
from mutoscope.retake.taking import Take, settings_beside, taking
from mutoscope.retake.touched import Touch, first_touched

__all__ = [
    "Retake",
    "Stretch",
    "Take",
    "Touch",
    "begin",
    "first_touched",
    "plan_retake",
    "settings_beside",
    "taking",
]
