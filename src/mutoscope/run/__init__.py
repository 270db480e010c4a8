"""A run's folder: settings, log, frames, state, film; and how it is picked up again."""

from mutoscope.lock import InUseError
from mutoscope.run.about import FilmPlan
from mutoscope.run.beginning import Beginning
from mutoscope.run.checkpoint import Saved
from mutoscope.run.folder import Run
from mutoscope.run.layout import check_namespace

__all__ = ["Beginning", "FilmPlan", "InUseError", "Run", "Saved", "check_namespace"]
