"""What the picture shows: prompts by scene, and pictures to begin with or to resemble."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import VQGAN, Group, entry
from mutoscope.settings.values import MAX_STEPS, Choice, Number, Path, Text, Weight, Whole

key = partial(entry, group="words")


class Words(Group):
    """Keys of the group ``words``."""

    scenes: Text = key(
        "",
        "What to draw: prompts separated by |, scenes by ||. A prompt is text or [path of a "
        "picture], then optionally :weight, _mask and :stop.",
        example='scenes: "a harbour at dawn:2 | boats || a harbour at night | text:-1:-.9"',
    )
    scene_prefix: Text = key(
        "",
        "Prompts put before those of each scene, separated by |.",
        example='scene_prefix: "oil painting | "',
        differs="It is a list of prompts of its own, whether or not it ends with a |.",
    )
    scene_suffix: Text = key(
        "",
        "Prompts put after those of each scene, separated by |.",
        example='scene_suffix: " | text:-1:-.9 | watermark:-1:-.9"',
        differs="It is a list of prompts of its own, whether or not it begins with a |.",
    )
    interpolation_steps: Whole = key(
        0,
        "Steps at the start of a scene over which the pull of the scene before fades out while "
        "its own fades in. At most steps_per_scene.",
        unit="steps",
        ge=0,
        le=MAX_STEPS,
    )
    direct_image_prompts: Text = key(
        "",
        "Pictures to resemble pixel by pixel, separated by |: path, then optionally :weight, "
        "_mask and :stop.",
        example='direct_image_prompts: "photo.png:0.5_mask.png"',
    )
    init_image: Path = key(
        "",
        "Picture to start from, a path or http(s) address; stretched to width and height. "
        "Nothing: start from noise.",
    )
    init_noise: Choice[Literal["none", "pixels", "gradient"]] = key(
        "none",
        "What to start from where there is no init_image: pixels of random colour, or a gradient "
        "of random colours; none leaves it to the image model.",
        own=True,
    )
    init_weight: Number = key(
        0.0,
        "How strongly a VQGAN's latent is held near where it began (1 to 2 is much).",
        own=True,
        only=VQGAN,
        ge=0,
    )
    init_weight_method: Choice[Literal["original", "decay"]] = key(
        "original",
        "What init_weight does: original holds the latent near its start; decay pulls it to zero, "
        "less and less with each step (0.1 to 0.3 is usual).",
        own=True,
        only=VQGAN,
    )
    direct_init_weight: Weight = key(
        "",
        "How strongly to stay near init_image pixel by pixel: weight, then optionally _mask (a "
        "picture or video) and :stop. In a film it holds until the first move.",
        example='direct_init_weight: "0.5_[mask.png]"',
    )
    semantic_init_weight: Weight = key(
        "",
        "How strongly to stay near what perceptors see in init_image, written as behind a prompt: "
        "weight, then optionally _mask and :stop. It acts in the first scene, and in a film until "
        "the first move.",
    )
