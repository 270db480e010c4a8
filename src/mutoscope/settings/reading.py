"""Keys whose text is in the scene language or an expression, understood."""

from mutoscope.curves import Curve, VectorCurve, known_names, parse_curve, parse_vector
from mutoscope.script import (
    DirectPrompt,
    Script,
    Weighting,
    parse_direct_prompts,
    parse_scenes,
    parse_weight,
)
from mutoscope.settings.keys import Keys

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

_DEPTHS = frozenset({"r", "R", "mu"})  # nearest, farthest and typical depth, in a 3D move
_SEES_DEPTH = frozenset({"translate_x", "translate_y", "translate_z_3d", "rotate_3d"})


def names_for(keys: Keys, key: str = "") -> frozenset[str]:
    """The variables that the expression of ``key`` may use: time, bands of sound, depths."""
    own = [band.variable_name for band in keys.input_audio_filters]
    ready = [name for name in READY_BANDS if name not in own] if keys.input_audio else []
    names = frozenset(known_names([*own, *ready]))
    return names | _DEPTHS if key in _SEES_DEPTH and keys.animation_mode != "2D" else names


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
