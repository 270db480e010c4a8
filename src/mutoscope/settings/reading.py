"""Keys whose text is in the scene language or an expression, understood."""

from collections.abc import Mapping

from mutoscope.curves import DEPTH_NAMES, Curve, VectorCurve, known_names, parse_curve, parse_vector
from mutoscope.errors import ScriptError
from mutoscope.expressions import CONSTANTS
from mutoscope.script import (
    DirectPrompt,
    Script,
    Weighting,
    parse_direct_prompts,
    parse_scenes,
    parse_weight,
)
from mutoscope.settings.keys import Keys
from mutoscope.settings.values import LogCurve

CURVES = (
    "smoothing_weight",
    "colourfulness_weight",
    "symmetry_weight",
    "palette_attraction_weight",
    "edge_weight",
    "vignette_weight",
    "style_weight",
    "aesthetic_weight",
    "translate_x",
    "translate_y",
    "rotate_2d",
    "zoom_x_2d",
    "zoom_y_2d",
    "translate_z_3d",
)
WEIGHTS = (
    "direct_init_weight",
    "semantic_init_weight",
    "direct_stabilization_weight",
    "semantic_stabilization_weight",
    "depth_stabilization_weight",
    "edge_stabilization_weight",
    "flow_stabilization_weight",
)

# What every sound has without any filter.
READY_BANDS = ("bass", "mids", "treble", "loudness", "onset", "beat")

# What every MIDI file gives: of the piece as a whole, and by channel, key and controller.
MIDI_NAMES = (
    *("note", "velocity", "notes", "note_on", "midi_beat", "bend"),
    *(f"ch{number}" for number in range(1, 17)),
    *(f"key{number}" for number in range(128)),
    *(f"cc{number}" for number in range(128)),
)

_SEES_DEPTH = frozenset({"translate_x", "translate_y", "translate_z_3d", "rotate_3d"})


def heard_names(keys: Keys) -> frozenset[str]:
    """The variables that need no curve: time, bands of sound, and MIDI.

    Raises:
        ScriptError: A band's name can't be a variable, is given twice, or means something else.
    """
    own = [band.variable_name for band in keys.input_audio_filters]
    # A filter of the user's takes the place of what we have under its name.
    ready = [name for name in READY_BANDS if name not in own] if keys.input_audio else []
    midi = [name for name in MIDI_NAMES if name not in own] if keys.input_midi else []
    return frozenset(known_names([*own, *ready, *midi]))


def names_for(keys: Keys, key: str = "") -> frozenset[str]:
    """The variables that the expression of ``key`` may use: also named curves, and depths."""
    names = heard_names(keys) | {name for curve in keys.curves for name in _both(curve)}
    return names | DEPTH_NAMES if key in _SEES_DEPTH and keys.animation_mode != "2D" else names


def read_named(keys: Keys) -> Mapping[str, Curve | LogCurve]:
    """The curves of ``curves``, in order; each may use those before it.

    Raises:
        ScriptError: A name has a meaning already, or a curve can't be read.
    """
    names = heard_names(keys)
    read: dict[str, Curve | LogCurve] = {}
    for name, curve in keys.curves.items():
        for taken in _both(name):
            if taken in names or taken in CONSTANTS or taken in DEPTH_NAMES | {"np", "numpy"}:
                raise ScriptError(
                    f"curves.{name}: {taken!r} already has a meaning; give this curve another name"
                )
        read[name] = (
            curve
            if isinstance(curve, LogCurve)
            else parse_curve(curve, place=f"curves.{name}", names=names)
        )
        names |= set(_both(name))
    return read


def _both(name: str) -> tuple[str, str]:
    return name, f"{name}_prev"


def read_curve(keys: Keys, key: str) -> Curve:
    """The number over time of one of `CURVES`."""
    return parse_curve(getattr(keys, key) or "0", place=key, names=names_for(keys, key))


def read_rotation(keys: Keys) -> VectorCurve:
    """The quaternion over time of ``rotate_3d``."""
    return parse_vector(
        keys.rotate_3d, size=4, place="rotate_3d", names=names_for(keys, "rotate_3d")
    )


def read_script(keys: Keys) -> Script:
    """The scenes, with prefix and suffix; where none is written, one of prefix and suffix alone."""
    options = {"prefix": keys.scene_prefix, "suffix": keys.scene_suffix}
    written = keys.scenes if keys.scenes.strip("| \t\n") else " "
    return parse_scenes(written, names=names_for(keys), place="scenes", **options)


def read_direct_prompts(keys: Keys) -> tuple[DirectPrompt, ...]:
    """The pictures of ``direct_image_prompts``."""
    return parse_direct_prompts(
        keys.direct_image_prompts, names=names_for(keys), place="direct_image_prompts"
    )


def read_weight(keys: Keys, key: str) -> Weighting | None:
    """One of `WEIGHTS`, or None where it asks for nothing: empty, or always 0."""
    text = getattr(keys, key)
    if not text:
        return None
    # What perceptors see is weighed like a prompt; what is compared by pixels has files as masks.
    files = not key.startswith("semantic")
    weighting = parse_weight(text, names=names_for(keys), place=key, files=files)
    return None if weighting.weight.constant == 0 else weighting
