"""The one table of settings: every key with its type, range, default, group and help.

Validation, the command line, the JSON schema and docs/settings.md all come from it, so a key is
added by writing one entry here. Names and defaults are PyTTI's; keys marked ``own`` are ours.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from mutoscope.settings.values import (
    MAX_STEPS,
    Answer,
    AudioFilter,
    Backups,
    Choice,
    Chunks,
    Colours,
    Device,
    Expression,
    Folder,
    FolderName,
    MmcModel,
    NamedCurves,
    Names,
    Number,
    Path,
    Pieces,
    Rotation,
    Seed,
    Side,
    Switch,
    Text,
    VqganModel,
    Weight,
    Whole,
    new_seed,
)

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

_FILM = {"animation_mode": ("2D", "3D", "Video Source")}
_MOVED = {"animation_mode": ("2D", "3D")}
_FLAT = {"animation_mode": ("2D",)}
_SPACE = {"animation_mode": ("3D",)}
_VIDEO = {"animation_mode": ("Video Source",)}
_PALETTE = {"image_model": ("Limited Palette",)}
_FOURIER = {"image_model": ("Fourier",)}
_VQGAN = {"image_model": ("VQGAN",)}
_GAN = {"image_model": ("GAN",)}
_PYTTI_CUTS = {"cut_method": ("pytti",)}


def key(
    default: Any,
    meaning: str,
    *,
    group: str,
    unit: str = "",
    default_text: str = "",
    only: Mapping[str, tuple[str, ...]] | None = None,
    example: str = "",
    own: bool = False,
    differs: str = "",
    hidden: bool = False,
    **constraints: Any,
) -> Any:
    """An entry of the table.

    Args:
        default: The value where nothing is written, or a function that makes it.
        meaning: The help.
        group: One of `GROUPS`.
        unit: What a number counts.
        default_text: The default in words, where it is not a plain value.
        only: The key and its values with which this one has an effect; with others, a notice.
        example: A line of YAML.
        own: It is not one of PyTTI's.
        differs: How it differs from PyTTI's key of that name.
        hidden: Leave it out of the reference.
        constraints: ``ge``, ``gt``, ``le``, ``lt``, ``max_length``.
    """
    facts: JsonDict = {
        "group": group,
        "unit": unit,
        "default_text": default_text,
        "only": {name: list(values) for name, values in (only or {}).items()},
        "example": example,
        "own": own,
        "differs": differs,
        "hidden": hidden,
    }
    made: dict[str, Any] = {"default_factory" if callable(default) else "default": default}
    extra: JsonDict = {name: fact for name, fact in facts.items() if fact}
    return Field(**made, description=meaning, json_schema_extra=extra, **constraints)


class Keys(BaseModel):
    """All settings keys; `Settings` adds what can be asked of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # ── What the picture shows ──
    scenes: Text = key(
        "",
        "What to draw: prompts separated by |, scenes by ||. A prompt is text or [path of a "
        "picture], then optionally :weight, _mask and :stop.",
        group="words",
        example='scenes: "a harbour at dawn:2 | boats || a harbour at night | text:-1:-.9"',
    )
    scene_prefix: Text = key(
        "",
        "Prompts put before those of each scene, separated by |.",
        group="words",
        example='scene_prefix: "oil painting | "',
        differs="It is a list of prompts of its own, whether or not it ends with a |.",
    )
    scene_suffix: Text = key(
        "",
        "Prompts put after those of each scene, separated by |.",
        group="words",
        example='scene_suffix: " | text:-1:-.9 | watermark:-1:-.9"',
        differs="It is a list of prompts of its own, whether or not it begins with a |.",
    )
    interpolation_steps: Whole = key(
        0,
        "Steps at the start of a scene over which the pull of the scene before fades out while "
        "its own fades in. At most steps_per_scene.",
        group="words",
        unit="steps",
        ge=0,
        le=MAX_STEPS,
    )
    direct_image_prompts: Text = key(
        "",
        "Pictures to resemble pixel by pixel, separated by |: path, then optionally :weight, "
        "_mask and :stop.",
        group="words",
        example='direct_image_prompts: "photo.png:0.5_mask.png"',
    )
    init_image: Path = key(
        "",
        "Picture to start from, a path or http(s) address; stretched to width and height. "
        "Nothing: start from noise.",
        group="words",
    )
    init_noise: Choice[Literal["none", "pixels", "gradient"]] = key(
        "none",
        "What to start from where there is no init_image: pixels of random colour, or a gradient "
        "of random colours; none leaves it to the image model.",
        group="words",
        own=True,
    )
    init_weight: Number = key(
        0.0,
        "How strongly a VQGAN's latent is held near where it began (1 to 2 is much).",
        group="words",
        own=True,
        only=_VQGAN,
        ge=0,
    )
    init_weight_method: Choice[Literal["original", "decay"]] = key(
        "original",
        "What init_weight does: original holds the latent near its start; decay pulls it to zero, "
        "less and less with each step (0.1 to 0.3 is usual).",
        group="words",
        own=True,
        only=_VQGAN,
    )
    direct_init_weight: Weight = key(
        "",
        "How strongly to stay near init_image pixel by pixel: weight, then optionally _mask (a "
        "picture or video) and :stop. In a film it holds until the first move.",
        group="words",
        example='direct_init_weight: "0.5_[mask.png]"',
    )
    semantic_init_weight: Weight = key(
        "",
        "How strongly to stay near what perceptors see in init_image, written as behind a prompt: "
        "weight, then optionally _mask and :stop. It acts in the first scene, and in a film until "
        "the first move.",
        group="words",
    )

    # ── Picture ──
    image_model: Choice[
        Literal["Unlimited Palette", "Limited Palette", "Fourier", "VQGAN", "GAN"]
    ] = key(
        "Unlimited Palette",
        "What draws: free pixels, pixels in a few colours, a picture made of waves (the most "
        "natural of them), a VQGAN's decoder, or a generator trained on drawings of your own.",
        group="image",
        differs="Fourier and GAN are ours.",
    )
    gan_model: Path = key(
        "",
        "Which generator draws: the folder of a training (`mutoscope train` makes it), or the file "
        "of a generator. The picture has its size, whatever width and height say.",
        group="image",
        only=_GAN,
        example="gan_model: my-drawings-gan/",
        own=True,
    )
    gan_truncation: Number = key(
        0.7,
        "How far the sample that a generator begins with may be from its mean picture: 0 is the "
        "mean, 1 any sample.",
        group="image",
        ge=0,
        le=2,
        only=_GAN,
        own=True,
    )
    vqgan_model: VqganModel = key(
        "sflckr",
        "Which VQGAN draws: imagenet (16384 codes), imagenet_1024, coco, wikiart, sflckr, "
        "openimages, faceshq, or one of your own: the path of a folder with a .yaml and its "
        "checkpoint, or of either file (`mutoscope train-vqgan` makes them).",
        group="image",
        only=_VQGAN,
        example="vqgan_model: my-drawings/",
        differs="Paths, imagenet_1024 and faceshq are ours.",
    )
    clamp_latent: bool = key(
        False,
        "Keep every number of a VQGAN's latent within the range that its codebook has, after each "
        "step, as vqgan-clip-generator does.",
        group="image",
        own=True,
        only=_VQGAN,
    )
    width: Side = key(
        512,
        "Width before pixel_size; -1 follows from height and the shape of init_image.",
        group="image",
        unit="pixels",
    )
    height: Side = key(
        512,
        "Height before pixel_size; -1 follows from width and the shape of init_image.",
        group="image",
        unit="pixels",
    )
    pixel_size: Whole = key(
        1,
        "How many pixels of the file are the side of one drawn pixel: the file is this much "
        "larger than width and height.",
        group="image",
        ge=1,
        le=64,
    )
    smoothing_weight: Expression = key(
        "0.02",
        "How strongly neighbouring pixels are drawn together (total variation). Below 0 drives "
        "them apart.",
        group="image",
    )
    contrast_weight: Number = key(
        0.0,
        "How strongly the picture is kept at a photograph's contrast: neither fog nor bare black "
        "and white. 0 leaves it.",
        group="image",
        own=True,
        ge=0,
    )

    coarse_to_fine: Number = key(
        0.0,
        "The share of the first scene's steps (in a film, of pre_animation_steps) over which fine "
        "waves fade in, so that one shape is found before its details. 0 begins with all of them.",
        group="image",
        own=True,
        only=_FOURIER,
        ge=0,
        le=1,
    )
    natural_weight: Number = key(
        0.0,
        "How strongly the picture is kept like the photographs that perceptors were trained on, "
        "by the statistics of what they see in a step's cutouts, or in each part of them where "
        "gradient_accumulation_steps splits them. Only labels can tell; the others have no say.",
        group="image",
        own=True,
        ge=0,
    )

    sizes: Whole = key(
        1,
        "In how many sizes the beginning is painted, each twice the one before: shapes are found "
        "small, where a step costs less and reaches further, and the larger canvases go on from "
        "there. The beginning is the first scene, or in a film pre_animation_steps.",
        group="image",
        own=True,
        ge=1,
        le=6,
    )
    tile: Choice[Literal["none", "x", "y", "both"]] = key(
        "none",
        "Make a picture that repeats without a seam: side by side (x), one above the other (y), "
        "or both.",
        group="image",
        own=True,
    )
    piece_size: Pieces = key(
        "auto",
        "The side in pixels of the pieces that a VQGAN draws a larger picture in: the memory then "
        "hardly grows with the picture, each step takes several times as long, and the picture is "
        "the same. auto draws in pieces only what would not fit into memory otherwise; off never.",
        group="image",
        own=True,
    )

    # ── Terms of form, colour and style ──
    colourfulness_weight: Expression = key(
        "0",
        "How strongly the picture is made colourful; below 0 pale.",
        group="form",
        own=True,
    )
    symmetry_weight: Expression = key(
        "0",
        "How strongly the picture is made like its mirror image.",
        group="form",
        own=True,
    )
    symmetry_axis: Choice[Literal["x", "y", "both"]] = key(
        "x",
        "Which way it is mirrored: left to right (x), top to bottom (y), or both.",
        group="form",
        own=True,
    )
    attracting_palette: Colours = key(
        "",
        "Colours that every pixel is drawn to: names or #hex separated by commas, ramps such as "
        "navy->white, or the path of a picture whose main colours are taken.",
        group="form",
        own=True,
        example='attracting_palette: "navy->white, tomato"',
    )
    palette_attraction_weight: Expression = key(
        "1",
        "How strongly attracting_palette draws.",
        group="form",
        own=True,
    )
    edge_colour: Text = key(
        "",
        "Colour of a frame around the picture, such as white or #203040. Nothing: no frame.",
        group="form",
        own=True,
    )
    edge_weight: Expression = key("1", "How strongly the frame is drawn.", group="form", own=True)
    edge_width: Number = key(
        0.05,
        "How wide the frame is.",
        group="form",
        unit="fraction of the shorter side",
        own=True,
        gt=0,
        le=0.5,
    )
    vignette_colour: Text = key(
        "",
        "Colour that the picture fades to around its middle, such as black. Nothing: no vignette.",
        group="form",
        own=True,
    )
    vignette_weight: Expression = key(
        "1", "How strongly the vignette is drawn.", group="form", own=True
    )
    style_image: Path = key(
        "",
        "Picture whose texture and colours the picture takes, a path or http(s) address.",
        group="form",
        own=True,
        example="style_image: brushwork.jpg",
    )
    style_weight: Expression = key("1", "How strongly style_image acts.", group="form", own=True)
    style_opening: Number = key(
        0.8,
        "The share of the beginning's steps (the first scene's, or in a film "
        "pre_animation_steps) over which the style comes in, so that there is something to draw "
        "in it.",
        group="form",
        own=True,
        ge=0,
        le=1,
    )
    aesthetic_head: Path = key(
        "",
        "File of a linear head that rates pictures by what a perceptor sees, such as LAION's "
        "sa_0_4_vit_b_32_linear.pth; it goes with the perceptor it was trained on.",
        group="form",
        own=True,
    )
    aesthetic_weight: Expression = key(
        "1", "How strongly the picture is drawn to aesthetic_target.", group="form", own=True
    )
    aesthetic_target: Number = key(
        10.0, "The rating that is wanted of aesthetic_head.", group="form", own=True
    )

    # ── Limited Palette ──
    palette_size: Whole = key(
        5, "Colours in a palette.", group="palette", only=_PALETTE, ge=1, le=256
    )
    palettes: Whole = key(
        20,
        "How many palettes; each drawn pixel takes its colour from one of them.",
        group="palette",
        only=_PALETTE,
        ge=1,
        le=1024,
        differs="1 is allowed.",
    )
    random_initial_palette: bool = key(
        False,
        "Start with random colours instead of greys.",
        group="palette",
        only=_PALETTE,
    )
    gamma: Number = key(
        1.0,
        "How the starting greys, and the greys that hdr_weight asks for, are spread: above 1 "
        "darker, below 1 lighter.",
        group="palette",
        only=_PALETTE,
        gt=0,
        le=20,
        differs="The starting greys are 2·x^gamma, not (2·x)^gamma.",
    )
    hdr_weight: Number = key(
        0.01,
        "How strongly each palette is kept spread from dark to light. 0 leaves it.",
        group="palette",
        only=_PALETTE,
    )
    palette_normalization_weight: Number = key(
        0.2,
        "How strongly palettes are kept from taking the same pixels. 0 leaves them.",
        group="palette",
        only=_PALETTE,
    )
    show_palette: bool = key(
        False,
        "Save a picture of the palettes, palette.png, whenever the run is shown.",
        group="palette",
        only=_PALETTE,
    )
    target_palette: Path = key(
        "",
        "Picture whose colours the palettes take and keep, a path or http(s) address.",
        group="palette",
        example="target_palette: sunset.jpg",
    )
    lock_palette: bool = key(
        False,
        "Keep the colours that the palettes begin with. target_palette locks them by itself.",
        group="palette",
    )

    # ── Steps ──
    steps_per_scene: Whole = key(
        100, "Steps of drawing in each scene.", group="steps", unit="steps", ge=1, le=MAX_STEPS
    )
    learning_rate: Number | None = key(
        None,
        "How far a step goes; null takes what suits the image model (0.02 for pixels).",
        group="steps",
        default_text="null (the image model's own)",
        gt=0,
        le=100,
    )
    learning_rate_decay: Number = key(
        1.0,
        "The fraction of the learning rate that is left at the end of a still, or of each frame "
        "of a film; it falls there along a cosine. 1 keeps it.",
        group="steps",
        own=True,
        gt=0,
        le=1,
    )
    optimizer: Choice[
        Literal["Adam", "AdamW", "Adagrad", "Adamax", "RAdam", "NAdam", "RMSprop"]
    ] = key(
        "Adam",
        "How the picture follows its gradient.",
        group="steps",
        own=True,
    )
    adaptive_learning_rate: bool = key(
        False,
        "Halve the learning rate whenever the loss has stopped falling for some twenty steps.",
        group="steps",
        own=True,
    )
    reset_lr_each_frame: bool = key(
        True,
        "Forget the optimiser's momentum each time the picture is moved.",
        group="steps",
        only=_FILM,
        differs="Nothing is forgotten in a still.",
    )
    seed: Seed = key(
        new_seed,
        "All randomness comes from it: the same settings and seed give the same picture on the "
        "same machine and versions. null chooses one, which is written into the run.",
        group="steps",
        default_text="null (chosen at random and written down)",
        differs="0 is a seed like any other.",
    )

    # ── Cutouts ──
    cutouts: Whole = key(
        40,
        "How many pieces of the picture each perceptor looks at in a step. More is finer and "
        "slower.",
        group="cutouts",
        ge=1,
        le=4096,
    )
    cut_pow: Number = key(
        2.0,
        "How small cutouts are: higher means smaller ones (detail), lower means larger ones "
        "(composition).",
        group="cutouts",
        gt=0,
        le=100,
    )
    cutout_border: Number = key(
        0.25,
        "How far cutouts may reach beyond the picture's edge.",
        group="cutouts",
        unit="fraction of the side",
        only=_PYTTI_CUTS,
        ge=0,
        le=1,
    )
    border_mode: Choice[Literal["clamp", "mirror", "wrap", "black", "smear"]] = key(
        "clamp",
        "What a cutout sees beyond the edge: clamp moves it back inside, the others continue "
        "the picture mirrored, repeated, in black, or with its last row of pixels.",
        group="cutouts",
    )
    cut_method: Choice[Literal["pytti", "original", "kornia", "sg3"]] = key(
        "pytti",
        "How cutouts are drawn: pytti as PyTTI does, by cut_pow, cutout_border and augmentation; "
        "original, kornia and sg3 as vqgan-clip-generator's methods of these names do, inside the "
        "picture, of which kornia varies them and the others leave them.",
        group="cutouts",
        own=True,
    )
    augmentation: Choice[Literal["pytti", "gentle", "none"]] = key(
        "pytti",
        "How cutouts are varied before a perceptor sees them: pytti flips, turns, distorts, "
        "recolours, erases parts and adds noise; gentle only flips, turns a little and adds "
        "little noise; none leaves them.",
        group="cutouts",
        only=_PYTTI_CUTS,
        own=True,
    )
    compat_shift: bool = key(
        False,
        "Shift cutouts only up and down when varying them, as the versions of kornia did that "
        "PyTTI and vqgan-clip-generator use.",
        group="cutouts",
        own=True,
    )
    mask_dither: bool = key(
        False,
        "Weigh cutouts under a picture mask as PyTTI did, with errors carried from one cutout "
        "and step to the next, instead of by the plain mean of the mask.",
        group="cutouts",
        own=True,
    )
    gradient_accumulation_steps: Chunks = key(
        "auto",
        "Into how many parts a step's cutouts are split, which bounds the memory and leaves the "
        "picture the same; auto takes as few as fit.",
        group="cutouts",
        default_text="auto (PyTTI: 1)",
        differs="auto is ours, and it need not divide cutouts.",
    )

    # ── Perceptors ──
    perceptors: Names = key(
        ("auto",),
        "The networks that judge the picture: a name, or a list of them. auto takes CLIP ViT-B/32 "
        "where it can be had, else the embedded one, and says which.",
        group="perceptors",
        own=True,
        example="perceptors: [ViT-B/32, RN50]",
    )
    perceptor_weights: tuple[Number, ...] = key(
        (),
        "How much each perceptor's judgement counts, in their order: with two of them, [2, 1] "
        "lets the first count twice as much. Nothing: all alike.",
        group="perceptors",
        own=True,
        max_length=32,
        default_text="[] (all alike)",
    )
    ViTB32: Switch = key(
        None,
        "CLIP ViT-B/32 of OpenAI. As soon as any of these nine switches is written, they mean "
        "what they do in PyTTI: those that are true judge the picture, and ViTB32 is one of them "
        "unless it is false. Where none is written, perceptors decides.",
        group="perceptors",
        default_text="not written (PyTTI: true)",
    )
    ViTB16: Switch = key(
        None,
        "CLIP ViT-B/16 of OpenAI; see ViTB32.",
        group="perceptors",
        default_text="not written (PyTTI: false)",
    )
    ViTL14: Switch = key(
        None,
        "CLIP ViT-L/14 of OpenAI; see ViTB32.",
        group="perceptors",
        default_text="not written (PyTTI: false)",
    )
    ViTL14_336px: Switch = key(
        None,
        "CLIP ViT-L/14 at 336 pixels of OpenAI; see ViTB32.",
        group="perceptors",
        default_text="not written (PyTTI: false)",
    )
    RN50: Switch = key(
        None,
        "CLIP RN50 of OpenAI; see ViTB32.",
        group="perceptors",
        default_text="not written (PyTTI: false)",
    )
    RN101: Switch = key(
        None,
        "CLIP RN101 of OpenAI; see ViTB32.",
        group="perceptors",
        default_text="not written (PyTTI: false)",
    )
    RN50x4: Switch = key(
        None,
        "CLIP RN50x4 of OpenAI (288 pixels); see ViTB32.",
        group="perceptors",
        default_text="not written (PyTTI: false)",
    )
    RN50x16: Switch = key(
        None,
        "CLIP RN50x16 of OpenAI (384 pixels); see ViTB32.",
        group="perceptors",
        default_text="not written (PyTTI: false)",
    )
    RN50x64: Switch = key(
        None,
        "CLIP RN50x64 of OpenAI (448 pixels); see ViTB32.",
        group="perceptors",
        default_text="not written (PyTTI: false)",
    )
    use_mmc: bool = key(
        False,
        "Take the perceptors from mmc_models instead of the switches.",
        group="perceptors",
    )
    mmc_models: tuple[MmcModel, ...] = key(
        (),
        "Perceptors as PyTTI's multi-modal comparators name them: a list of {architecture, "
        "publisher, id}. Of architecture clip, publisher openai (id ViT-B/16) and mlfoundations "
        "(id MODEL--DATASET) are known.",
        group="perceptors",
        max_length=16,
        example="mmc_models: [{architecture: clip, publisher: openai, id: ViT-B/16}]",
    )

    # ── Film ──
    animation_mode: Choice[Literal["off", "2D", "3D", "Video Source"]] = key(
        "off",
        "off makes a still. 2D moves the picture between frames; 3D flies through it; Video "
        "Source follows a film.",
        group="film",
    )
    steps_per_frame: Whole = key(
        50,
        "Steps of drawing between two moves of the picture.",
        group="film",
        unit="steps",
        ge=1,
        le=MAX_STEPS,
    )
    pre_animation_steps: Whole = key(
        50,
        "Steps of drawing before the film's first frame is done and the picture moves; 0 means "
        "steps_per_frame. Time t is 0 after this many steps.",
        group="film",
        unit="steps",
        ge=0,
        le=MAX_STEPS,
        differs="With 0 the picture is drawn for a frame's steps before it first moves.",
    )
    frames_per_second: Number = key(
        12.0,
        "Speed of the film. It also sets time: t in expressions is in seconds of film, in a "
        "still too.",
        group="film",
        unit="frames per second",
        gt=0,
        le=1000,
    )
    loop: bool = key(
        False,
        "Make a film that plays round without a seam: time comes back to its beginning, and the "
        "last frame leads into the first. Some frames more are painted, see loop_overlap. With "
        "animation_mode off it is a film of the picture while it is painted.",
        group="film",
        own=True,
    )
    loop_overlap: Whole = key(
        12,
        "Over how many frames the end of a loop is led over into its beginning: so many are "
        "painted twice, at most half of the film.",
        group="film",
        unit="frames",
        ge=1,
        le=100_000,
        own=True,
    )
    film: bool = key(
        True,
        "Write an MP4 while animating, beside the frames.",
        group="film",
        own=True,
    )
    film_quality: Whole = key(
        17,
        "Quality of the MP4 (H.264 crf): lower is better and larger, 0 is without loss, above "
        "28 is visibly coarse.",
        group="film",
        own=True,
        only=_FILM,
        ge=0,
        le=51,
    )

    z_smoother: bool = key(
        False,
        "Smooth the frames over time: each is drawn by the VQGAN from the mean of its codes and of "
        "those of the frames around it. The frames as they were painted stay beside them. Films "
        "of any kind are smoothed along their motion by `mutoscope smooth`.",
        group="film",
        own=True,
        only=_VQGAN,
    )
    z_smoother_buffer_len: Whole = key(
        3,
        "Over how many frames z_smoother takes its mean: an odd number, the frame in its middle.",
        group="film",
        unit="frames",
        own=True,
        only=_VQGAN,
        ge=1,
        le=99,
    )
    z_smoother_alpha: Number = key(
        0.7,
        "How much less each frame counts in z_smoother's mean than its neighbour nearer to the "
        "middle: from 0 (all alike, smoothest) to 1 (only the middle).",
        group="film",
        own=True,
        only=_VQGAN,
        ge=0,
        le=1,
    )

    # ── Motion ──
    translate_x: Expression = key(
        "0",
        "Shift at each move; above 0 the picture goes right.",
        group="motion",
        unit="pixels of the file per frame",
        only=_MOVED,
        example='translate_x: "4*sin(t)"',
    )
    translate_y: Expression = key(
        "0",
        "Shift at each move; above 0 the picture goes up.",
        group="motion",
        unit="pixels of the file per frame",
        only=_MOVED,
    )
    rotate_2d: Expression = key(
        "0",
        "Turn at each move; above 0 counter-clockwise.",
        group="motion",
        unit="degrees per frame",
        only=_FLAT,
    )
    zoom_x_2d: Expression = key(
        "0",
        "Zoom at each move: above 0 the picture grows, as many pixels of its width being left "
        "outside.",
        group="motion",
        unit="pixels of the file per frame",
        only=_FLAT,
    )
    zoom_y_2d: Expression = key(
        "0",
        "The same for the height. Give both for an even zoom.",
        group="motion",
        unit="pixels of the file per frame",
        only=_FLAT,
    )
    sampling_mode: Choice[Literal["nearest", "bilinear", "bicubic"]] = key(
        "bicubic",
        "How pixels are read between pixels when the picture moves.",
        group="motion",
        only=_FILM,
    )
    infill_mode: Choice[Literal["mirror", "wrap", "black", "smear"]] = key(
        "wrap",
        "What comes in from outside when the picture moves: its mirror image, its other side, "
        "black, or its last row of pixels.",
        group="motion",
        only=_FILM,
    )
    translate_z_3d: Expression = key(
        "0",
        "Flight at each move; above 0 into the picture. Expressions of a 3D move may use r, R and "
        "mu: the depth of the nearest pixel, of the farthest, and the middle between mean and "
        "median.",
        group="motion",
        unit="pixels per frame",
        only=_SPACE,
        example='translate_z_3d: "(50+10*t)*sin(t/10*pi)**2"',
    )
    rotate_3d: Rotation = key(
        "[1, 0, 0, 0]",
        "Turn of the camera at each move, a quaternion [w, x, y, z]: about x content goes down, "
        "about y to the left, about z clockwise.",
        group="motion",
        only=_SPACE,
        example='rotate_3d: "[cos(radians(1)), 0, -sin(radians(1)), 0]"',
    )
    lock_camera: bool = key(
        True,
        "Keep the content where it is on average while the camera moves.",
        group="motion",
        only=_SPACE,
    )
    field_of_view: Number = key(
        60.0,
        "The camera's vertical angle.",
        group="motion",
        unit="degrees",
        only=_SPACE,
        gt=0,
        lt=180,
    )
    near_plane: Number = key(
        1.0,
        "Depth of what is as near as can be.",
        group="motion",
        unit="pixels",
        only=_SPACE,
        gt=0,
    )
    far_plane: Number = key(
        10_000.0,
        "Depth of the farthest point.",
        group="motion",
        unit="pixels",
        only=_SPACE,
        gt=0,
    )
    depth_model: Choice[
        Literal[
            "auto",
            "depth-anything-v2-small",
            "depth-anything-v2-base",
            "depth-anything-v2-large",
            "relief",
            "flat",
        ]
    ] = key(
        "auto",
        "What tells depth, for the camera in 3D and for depth_stabilization_weight: a Depth "
        "Anything network (an extra package: pip install "
        "'mutoscope[depth]'), relief, which needs none and judges by what is low, sharp and "
        "strong in colour, or flat, a wall. auto takes the small network where it is at hand, else "
        "relief.",
        group="motion",
        own=True,
    )
    compat_units: bool = key(
        False,
        "PyTTI's geometry, in which zoom and turn come out too weak or too strong and nothing "
        "hides anything.",
        group="motion",
        own=True,
        only=_SPACE,
    )

    # ── Video source ──
    video_path: Path = key(
        "",
        "The film to follow.",
        group="video",
        only=_VIDEO,
        example="video_path: dancer.mp4",
    )
    frame_stride: Whole = key(
        1,
        "Frames of a mask video (or of the film to follow) that pass with each frame made.",
        group="video",
        unit="frames",
        ge=1,
        le=10_000,
    )
    reencode_each_frame: bool = key(
        True,
        "Begin each frame from the film's own picture; false: from the one painted before, moved "
        "along with the film (and after a cut from the film's own).",
        group="video",
        only=_VIDEO,
    )
    flow_long_term_samples: Whole = key(
        1,
        "How many older frames (2, 4, 8 … back) hold the new one beside the last, by "
        "flow_stabilization_weight.",
        group="video",
        only=_VIDEO,
        ge=0,
        le=10,
    )
    flow_model: Choice[Literal["dis", "raft"]] = key(
        "dis",
        "What tells how the film moves: DIS, which needs no weights, or RAFT (an extra package: "
        "pip install 'mutoscope[raft]', and its weights).",
        group="video",
        own=True,
        only=_VIDEO,
    )

    # ── Stabilisation ──
    direct_stabilization_weight: Weight = key(
        "",
        "How strongly each frame is held near the picture that it began as, pixel by pixel: "
        "weight, then optionally _mask (a picture or video) and :stop. Before the first move, and "
        "in a still, it holds to init_image.",
        group="hold",
        example='direct_stabilization_weight: "0.5"',
    )
    semantic_stabilization_weight: Weight = key(
        "",
        "The same for what perceptors see in it, written as behind a prompt.",
        group="hold",
    )
    depth_stabilization_weight: Weight = key(
        "",
        "The same for its depth, as depth_model sees it.",
        group="hold",
        differs="What is compared is nearness, the inverse of distance, from 0.1 to 1.",
    )
    edge_stabilization_weight: Weight = key(
        "",
        "The same for its edges.",
        group="hold",
    )
    flow_stabilization_weight: Weight = key(
        "",
        "How strongly a frame is held to what was painted before, moved along with the camera or "
        "the film that is followed, wherever that can be seen: weight, then optionally _mask and "
        ":stop. In 2D and 3D the mask is white where it acts; with Video Source it is white in "
        "what moves, and all else stands still.",
        group="hold",
        only=_FILM,
        differs="Pictures are compared and no flow is estimated from what is painted, since the "
        "camera's is known. It acts in 2D, too.",
    )

    # ── Sound ──
    input_audio: Path = key(
        "",
        "Sound file, or film with sound. The film carries it, and expressions may use bass, mids, "
        "treble, loudness, onset and beat, each from near 0 to 1 at a moment of the film, and each "
        "with _prev for its value a frame before.",
        group="sound",
        example="input_audio: song.mp3",
        differs="Bands have values from the first step on, and are never exactly 0.",
    )
    input_audio_offset: Number = key(
        0.0,
        "Where in the sound the film begins; below 0 it begins in silence.",
        group="sound",
        unit="seconds",
    )
    input_audio_filters: tuple[AudioFilter, ...] = key(
        (),
        "Further bands of the sound: a list of {variable_name, f_center, f_width, order}, in "
        "hertz.",
        group="sound",
        max_length=64,
        differs="Filtered once, so that a band does not begin anew with every frame.",
    )
    input_midi: Path = key(
        "",
        "MIDI file, beside a sound or without one. Expressions may use note (the newest key, of "
        "127), velocity, notes (how many sound), note_on, midi_beat, bend, ch1 to ch16, key0 to "
        "key127 and cc0 to cc127, each with _prev for its value a frame before.",
        group="sound",
        example="input_midi: drums.mid",
        own=True,
    )
    input_midi_offset: Number = key(
        0.0,
        "Where in the MIDI file the film begins; below 0 it begins in silence.",
        group="sound",
        unit="seconds",
        own=True,
    )
    curves: NamedCurves = key(
        {},
        "Numbers over time by names of your own, for every expression, and for the curves after "
        "them; each also with _prev. A value is an expression, keyframes, or {log: FILE, value: "
        "NAME} for what another run's log.jsonl holds under that name (total where none is given).",
        group="sound",
        default_text="nothing",
        example='curves: {sway: "sin(2*pi*t/8)", push: "4 * max(sway, 0)"}',
        own=True,
    )

    # ── Output ──
    file_namespace: FolderName = key(
        "default", "Name of the run's files and of their folder in images_out.", group="output"
    )
    allow_overwrite: bool = key(
        False,
        "Replace an earlier run of the same name instead of beginning a new one beside it.",
        group="output",
    )
    save_every: Whole = key(
        50,
        "Steps between two saved pictures; 0 saves only the last. The last step is always saved. "
        "In a film the first picture is that of pre_animation_steps; give it the value of "
        "steps_per_frame for one picture a frame.",
        group="output",
        unit="steps",
        ge=0,
        le=MAX_STEPS,
        example="save_every: ${steps_per_frame}",
        differs="Picture n holds exactly n times as many steps, and the last step is saved.",
    )
    display_every: Whole = key(
        50, "Steps between two looks at the run; 0 for none.", group="output", unit="steps",
        ge=0, le=MAX_STEPS,
    )  # fmt: skip
    clear_every: Whole = key(
        0,
        "Steps after which the screen is cleared while a run is shown; 0 never.",
        group="output",
        unit="steps",
        ge=0,
        le=MAX_STEPS,
    )
    display_scale: Number = key(
        1.0,
        "Size of latest.png, the newest picture of a run, as a factor; the numbered files keep "
        "theirs.",
        group="output",
        gt=0,
        le=100,
    )
    show_graphs: bool = key(
        False, "Plot the losses each time the run is shown, not only at its end.", group="output"
    )
    quality: bool = key(
        True,
        "Measure a film when it is done (flicker, drift of colours, the seam of a loop, agreement "
        "with the prompts, repeated and black frames) and write quality.json and a plot beside "
        "it.",
        group="output",
        own=True,
    )
    backups: Backups = key(
        3,
        "How many of the last states are kept to go on from; all keeps every one, 0 none but "
        "the newest.",
        group="output",
    )
    resume_points: Whole = key(
        24,
        "How many more states are kept, spread evenly over the frames made so far, so that "
        "`mutoscope render --from` can change a run from its middle on; 0 keeps only what backups "
        "says.",
        group="output",
        own=True,
        ge=0,
        le=100_000,
    )
    approximate_vram_usage: bool = key(
        False, "Report the most memory used so far each time the run is shown.", group="output"
    )
    use_tensorboard: bool = key(
        False,
        "Write the losses for TensorBoard, too, into the run's folder; it is an extra package: "
        "pip install 'mutoscope[tensorboard]'.",
        group="output",
    )

    # ── Machine and folders ──
    device: Device = key(
        "auto",
        "Where to compute: auto, cpu, mps, cuda, cuda:1, or the number of a GPU. 0, which every "
        "PyTTI file has, means auto: the first GPU, or the CPU where there is none.",
        group="machine",
        default_text="auto (PyTTI: 0)",
    )
    precision: Choice[Literal["auto", "float32", "bf16", "int8"]] = key(
        "auto",
        "How exactly CLIP's products are computed: float32, bf16 (GPUs, and processors with AMX) "
        "or int8 (processors), each faster than the one before where the machine is made for it. "
        "auto takes a faster one where its embeddings and gradients agree with float32's in the "
        "first step's cutouts (cosine 0.999), says which, and the run writes it down. labels "
        "always computes in float32, which is its fastest.",
        group="machine",
        own=True,
        example="precision: float32",
    )
    compile: Answer[Literal["auto", "yes", "no"]] = key(
        "auto",
        "Whether CLIP's vision transformers are compiled for this machine, which takes a minute "
        "or more once and needs a C++ compiler on a processor: auto does it where the steps are "
        "so many that it pays, and the run writes it down.",
        group="machine",
        own=True,
        example="compile: no",
    )
    models_parent_dir: Folder = key(
        "~/.cache",
        "Folder under which networks are kept once fetched.",
        group="machine",
    )
    paths_from: Folder = key(
        "",
        "Folder that relative paths start from, those in prompts and masks included. Nothing: "
        "the settings file's own, or the current one where there is no file. Runs write it down.",
        group="machine",
        own=True,
    )
    restore: bool = key(
        False, "PyTTI's hidden switch to go on with a run.", group="machine", hidden=True
    )
