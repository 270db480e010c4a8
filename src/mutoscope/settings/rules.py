"""What must hold between keys, and what is worth a notice though it may stand.

Each rule yields `Problem`s, plain sentences without a place. Nothing here reads a file or imports
anything heavy: settings are refused before a network is thought of.
"""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mutoscope.colours import parse_colour, parse_palette
from mutoscope.errors import ScriptError, SettingsError, WeightsError
from mutoscope.home import expanded
from mutoscope.names import SWITCHES
from mutoscope.script import DirectPrompt, Prompt
from mutoscope.settings.keys import Keys
from mutoscope.settings.problems import Problem
from mutoscope.settings.reading import CURVES, WEIGHTS, heard_names, read_named
from mutoscope.settings.switches import perceptor_problems
from mutoscope.vqgan_names import resolve_vqgan

if TYPE_CHECKING:
    from mutoscope.settings.schema import Settings

_T = TypeVar("_T")

# What a key says nothing without: mostly what is weighted, and its weight.
NEEDED_BY = {
    "attracting_palette": "palette_attraction_weight",
    "edge_colour": "edge_weight",
    "vignette_colour": "vignette_weight",
    "style_image": "style_weight",
    "aesthetic_head": "aesthetic_weight",
    "loop": "loop_overlap",
    "input_midi": "input_midi_offset",
}


def find_problems(keys: "Settings") -> list[Problem]:
    """Everything that is wrong between or beyond single values."""
    return [
        *_restored(keys),
        *_sizes(keys),
        *_amounts(keys),
        *_palette(keys),
        *_vqgan(keys),
        *_gan(keys),
        *_sound(keys),
        *_video(keys),
        *_loop(keys),
        *_smoother(keys),
        *_colours(keys),
        *perceptor_problems(keys),
        *_expressions(keys),
        *_words(keys),
    ]


def find_notices(keys: "Settings", written: Collection[str]) -> list[str]:
    """What has no effect as things stand, in sentences, of the keys that were ``written``."""
    notices = []
    for (other, value), names in _idle(keys, written).items():
        verb = "has" if len(names) == 1 else "have"
        notices.append(f"{', '.join(names)} {verb} no effect with {other}: {value}")
    if not keys.init_image:
        idle = [k for k in ("direct_init_weight", "semantic_init_weight") if _asks(keys, k)]
        notices += [f"{name} has no effect without init_image" for name in idle]
    if keys.input_audio and keys.animation_mode != "off" and not _a_picture_a_frame(keys):
        notices.append(
            "input_audio is heard by expressions, but the film can't carry it: its pictures are "
            "not one a frame (save_every: ${steps_per_frame} makes them so)"
        )
    notices += [
        f"{weight} has no effect without {of}"
        for of, weight in NEEDED_BY.items()
        if weight in written and not getattr(keys, of) and not is_default(keys, weight)
    ]
    notices += _depth_notices(keys, written)
    notices += _smoother_notices(keys, written)
    if keys.use_mmc and any(getattr(keys, name) for name in SWITCHES):
        notices.append("use_mmc is on, so the nine switches have no effect")
    if keys.mmc_models and not keys.use_mmc:
        notices.append("mmc_models has no effect without use_mmc: true")
    return notices


def _depth_notices(keys: "Settings", written: Collection[str]) -> Iterator[str]:
    held, weight = _asks(keys, "depth_stabilization_weight"), "depth_stabilization_weight"
    if held and keys.depth_model == "flat":
        yield f"{weight} has no effect with depth_model: flat, to which all is equally far"
    idle = not held and keys.animation_mode != "3D" and not is_default(keys, "depth_model")
    if idle and "depth_model" in written:
        yield f"depth_model has no effect without animation_mode: 3D or {weight}"


def _smoother_notices(keys: Keys, written: Collection[str]) -> Iterator[str]:
    if keys.z_smoother and keys.animation_mode == "off" and not keys.loop:
        yield "z_smoother has no effect with animation_mode: off"
    for name in ("z_smoother_buffer_len", "z_smoother_alpha"):
        if name in written and not keys.z_smoother and not is_default(keys, name):
            yield f"{name} has no effect without z_smoother: true"


def _a_picture_a_frame(keys: Keys) -> bool:
    return keys.save_every == keys.steps_per_frame


def facts(name: str) -> dict[str, Any]:
    """What the table says of a key beside its type, default and help."""
    extra = Keys.model_fields[name].json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


def is_default(keys: Keys, name: str) -> bool:
    """Whether a key has its default, or says the same in other words (0.0 for 0)."""
    default = Keys.model_fields[name].get_default()
    value = getattr(keys, name)
    if value == default:
        return True
    if isinstance(value, str) and isinstance(default, str):
        return _canonical(value, name) == _canonical(default, name)
    return False


def _canonical(text: str, name: str) -> str:
    text = "".join(text.split())
    try:
        number = float(text)
    except ValueError:
        return text
    # A weight of 0 asks for nothing, as an empty one does.
    return "" if number == 0 and name in WEIGHTS else repr(number)


def _restored(keys: Keys) -> Iterator[Problem]:
    if keys.restore:
        yield Problem(
            ("restore",),
            "restore: true is not how a run is picked up here; leave it out and type "
            "`mutoscope resume FOLDER`",
        )


def _sizes(keys: Keys) -> Iterator[Problem]:
    derived = [name for name in ("width", "height") if getattr(keys, name) == -1]
    if len(derived) == 2:
        yield Problem(
            ("width", "height"),
            "width: width and height can't both be -1; give one of them, and the other follows "
            "from init_image",
        )
    elif derived and not (keys.init_image or keys.video_path):
        yield Problem(
            (derived[0], "init_image"),
            f"{derived[0]}: -1 follows the shape of init_image, and there is none; "
            "give a number or an init_image",
        )


def _amounts(keys: Keys) -> Iterator[Problem]:
    chunks = keys.gradient_accumulation_steps
    if chunks != "auto" and chunks > keys.cutouts:
        yield Problem(
            ("gradient_accumulation_steps", "cutouts"),
            f"gradient_accumulation_steps: {chunks} parts can't be made of {keys.cutouts} "
            "cutouts; give at most that many, or auto",
        )


def _palette(keys: Keys) -> Iterator[Problem]:
    for name in ("target_palette", "lock_palette"):
        if getattr(keys, name) and keys.image_model != "Limited Palette":
            yield Problem(
                (name, "image_model"),
                f"{name}: there are no palettes with image_model: {keys.image_model}; leave it "
                "out, or take image_model: Limited Palette",
            )


def _vqgan(keys: Keys) -> Iterator[Problem]:
    if keys.image_model != "VQGAN":
        return
    try:
        resolve_vqgan(keys.vqgan_model, folder=expanded(keys.paths_from))
    except (SettingsError, WeightsError) as error:
        yield Problem(("vqgan_model",), str(error))


def _gan(keys: Keys) -> Iterator[Problem]:
    if keys.image_model != "GAN":
        return
    if not keys.gan_model:
        yield Problem(
            ("image_model", "gan_model"),
            "image_model: GAN draws with a generator, and gan_model names none; give the folder of "
            "a training",
        )
    for name, allowed in (("sizes", 1), ("pixel_size", 1), ("tile", "none")):
        if (value := getattr(keys, name)) != allowed:
            yield Problem(
                (name, "image_model"),
                f"{name}: {value} is nothing that a generator can draw in; with image_model: GAN "
                f"it is {allowed}",
            )


def _video(keys: Keys) -> Iterator[Problem]:
    if keys.animation_mode == "Video Source" and not keys.video_path:
        yield Problem(
            ("animation_mode", "video_path"),
            "animation_mode: Video Source follows a film, and video_path names none; give one",
        )


def _sound(keys: Keys) -> Iterator[Problem]:
    if keys.input_audio_filters and not keys.input_audio:
        yield Problem(
            ("input_audio_filters", "input_audio"),
            "input_audio_filters: there is no sound to filter; give a file by input_audio, or "
            "leave the filters out",
        )


def _loop(keys: Keys) -> Iterator[Problem]:
    if keys.loop and not _a_picture_a_frame(keys):
        yield Problem(
            ("loop", "save_every", "steps_per_frame"),
            f"loop: a film that closes has one picture a frame, and save_every is "
            f"{keys.save_every} where steps_per_frame is {keys.steps_per_frame}; write save_every: "
            "${steps_per_frame}, or loop: false",
        )


def _smoother(keys: Keys) -> Iterator[Problem]:
    if keys.z_smoother and keys.z_smoother_buffer_len % 2 == 0:
        yield Problem(
            ("z_smoother_buffer_len",),
            f"z_smoother_buffer_len: {keys.z_smoother_buffer_len} frames have no middle; give an "
            "odd number such as 3 or 5",
        )


def _colours(keys: Keys) -> Iterator[Problem]:
    read = {
        "edge_colour": parse_colour,
        "vignette_colour": parse_colour,
        "attracting_palette": parse_palette,
    }
    for name, parse in read.items():
        if text := getattr(keys, name):
            yield from _tried(name, partial(parse, text, place=name))[1]


def _expressions(keys: "Settings") -> Iterator[Problem]:
    _, problems = _tried("input_audio_filters", lambda: heard_names(keys))
    if problems:  # then no expression can be read
        yield from problems
        return
    yield from _tried("curves", lambda: read_named(keys))[1]
    for name in CURVES:
        yield from _tried(name, lambda name=name: keys.curve(name))[1]  # type: ignore[misc]
    for name in WEIGHTS:
        yield from _tried(name, lambda name=name: keys.weight(name))[1]  # type: ignore[misc]
    yield from _tried("rotate_3d", lambda: keys.rotation)[1]


def _words(keys: "Settings") -> Iterator[Problem]:
    if _tried("input_audio_filters", lambda: heard_names(keys))[1]:
        return
    script, problems = _tried("scenes", lambda: keys.script)
    direct, others = _tried("direct_image_prompts", lambda: keys.direct_prompts)
    yield from problems
    yield from others
    if script is None or direct is None:
        return
    prompts = [prompt for scene in script.scenes for prompt in scene.prompts]
    wishes: list[Prompt | DirectPrompt] = [*prompts, *direct]
    guided = keys.init_image and any(
        _asks(keys, name) for name in ("direct_init_weight", "semantic_init_weight")
    )
    if not guided and not any(wish.weight.constant != 0 for wish in wishes):
        yield Problem(
            ("scenes", "direct_image_prompts"),
            "scenes: every prompt has the weight 0, so nothing would be drawn; give one another"
            if prompts
            else "scenes: there is no prompt, so nothing would be drawn; write one, such as "
            "scenes: a harbour at dawn, or guide the picture by direct_image_prompts",
        )
    if len(script.scenes) > 1 and keys.interpolation_steps > keys.steps_per_scene:
        yield Problem(
            ("interpolation_steps", "steps_per_scene"),
            f"interpolation_steps: {keys.interpolation_steps} steps don't fit into a scene of "
            f"{keys.steps_per_scene} (steps_per_scene); give at most that many",
        )


def _asks(keys: "Settings", name: str) -> bool:
    """Whether a weight is there and not 0; one that can't be read is reported elsewhere."""
    return bool(_tried(name, lambda: keys.weight(name))[0])


def _tried(name: str, read: Callable[[], _T]) -> tuple[_T | None, list[Problem]]:
    try:
        return read(), []
    except (ScriptError, SettingsError) as error:
        return None, [Problem((name,), str(error), script=True)]


def _idle(keys: Keys, written: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """Keys that were set, by the key and value that leaves them without effect."""
    idle: dict[tuple[str, str], list[str]] = {}
    for name in Keys.model_fields:
        if name not in written:
            continue
        for other, values in facts(name).get("only", {}).items():
            if getattr(keys, other) not in values and not is_default(keys, name):
                idle.setdefault((other, getattr(keys, other)), []).append(name)
    return idle
