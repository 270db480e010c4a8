"""The perceptors: which networks judge the picture, and how much each of them counts."""

from functools import partial

from mutoscope.settings.keys.entry import Group, entry
from mutoscope.settings.values import MmcModel, Names, Number, Switch

key = partial(entry, group="perceptors")


class Perceptors(Group):
    """Keys of the group ``perceptors``."""

    perceptors: Names = key(
        ("auto",),
        "The networks that judge the picture: a name, or a list of them. auto takes CLIP ViT-B/32 "
        "where it can be had, else the embedded one, and says which.",
        own=True,
        example="perceptors: [ViT-B/32, RN50]",
    )
    perceptor_weights: tuple[Number, ...] = key(
        (),
        "How much each perceptor's judgement counts, in their order: with two of them, [2, 1] "
        "lets the first count twice as much. Nothing: all alike.",
        own=True,
        max_length=32,
        default_text="[] (all alike)",
    )
    ViTB32: Switch = key(
        None,
        "CLIP ViT-B/32 of OpenAI. As soon as any of these nine switches is written, they mean "
        "what they do in PyTTI: those that are true judge the picture, and ViTB32 is one of them "
        "unless it is false. Where none is written, perceptors decides.",
        default_text="not written (PyTTI: true)",
    )
    ViTB16: Switch = key(
        None, "CLIP ViT-B/16 of OpenAI; see ViTB32.", default_text="not written (PyTTI: false)"
    )
    ViTL14: Switch = key(
        None, "CLIP ViT-L/14 of OpenAI; see ViTB32.", default_text="not written (PyTTI: false)"
    )
    ViTL14_336px: Switch = key(
        None,
        "CLIP ViT-L/14 at 336 pixels of OpenAI; see ViTB32.",
        default_text="not written (PyTTI: false)",
    )
    RN50: Switch = key(
        None, "CLIP RN50 of OpenAI; see ViTB32.", default_text="not written (PyTTI: false)"
    )
    RN101: Switch = key(
        None, "CLIP RN101 of OpenAI; see ViTB32.", default_text="not written (PyTTI: false)"
    )
    RN50x4: Switch = key(
        None,
        "CLIP RN50x4 of OpenAI (288 pixels); see ViTB32.",
        default_text="not written (PyTTI: false)",
    )
    RN50x16: Switch = key(
        None,
        "CLIP RN50x16 of OpenAI (384 pixels); see ViTB32.",
        default_text="not written (PyTTI: false)",
    )
    RN50x64: Switch = key(
        None,
        "CLIP RN50x64 of OpenAI (448 pixels); see ViTB32.",
        default_text="not written (PyTTI: false)",
    )
    use_mmc: bool = key(False, "Take the perceptors from mmc_models instead of the switches.")
    mmc_models: tuple[MmcModel, ...] = key(
        (),
        "Perceptors as PyTTI's multi-modal comparators name them: a list of {architecture, "
        "publisher, id}. Of architecture clip, publisher openai (id ViT-B/16) and mlfoundations "
        "(id MODEL--DATASET) are known.",
        max_length=16,
        example="mmc_models: [{architecture: clip, publisher: openai, id: ViT-B/16}]",
    )
