"""Settings: one table of keys, from which checking, loading, help and reference come."""

from mutoscope.settings.load import load_settings, presets
from mutoscope.settings.problems import Problem, ProblemsError
from mutoscope.settings.reference import describe, json_schema, key_names, overview, reference
from mutoscope.settings.schema import Settings

__all__ = [
    "Problem",
    "ProblemsError",
    "Settings",
    "describe",
    "json_schema",
    "key_names",
    "load_settings",
    "overview",
    "presets",
    "reference",
]
