"""The cutouts: how many pieces perceptors look at, and how they are drawn."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import Group, entry
from mutoscope.settings.values import Choice, Chunks, Number, Whole

key = partial(entry, group="cutouts")

_PYTTI_CUTS = {"cut_method": ("pytti",)}


class Cutouts(Group):
    """Keys of the group ``cutouts``."""

    cutouts: Whole = key(
        40,
        "How many pieces of the picture each perceptor looks at in a step. More is finer and "
        "slower.",
        ge=1,
        le=4096,
    )
    cut_pow: Number = key(
        2.0,
        "How small cutouts are: higher means smaller ones (detail), lower means larger ones "
        "(composition).",
        gt=0,
        le=100,
    )
    cutout_border: Number = key(
        0.25,
        "How far cutouts may reach beyond the picture's edge.",
        unit="fraction of the side",
        only=_PYTTI_CUTS,
        ge=0,
        le=1,
    )
    border_mode: Choice[Literal["clamp", "mirror", "wrap", "black", "smear"]] = key(
        "clamp",
        "What a cutout sees beyond the edge: clamp moves it back inside, the others continue "
        "the picture mirrored, repeated, in black, or with its last row of pixels.",
    )
    cut_method: Choice[Literal["pytti", "original", "kornia", "sg3"]] = key(
        "pytti",
        "How cutouts are drawn: pytti as PyTTI does, by cut_pow, cutout_border and augmentation; "
        "original, kornia and sg3 as vqgan-clip-generator's methods of these names do, inside the "
        "picture, of which kornia varies them and the others leave them.",
        own=True,
    )
    augmentation: Choice[Literal["pytti", "gentle", "none"]] = key(
        "pytti",
        "How cutouts are varied before a perceptor sees them: pytti flips, turns, distorts, "
        "recolours, erases parts and adds noise; gentle only flips, turns a little and adds "
        "little noise; none leaves them.",
        only=_PYTTI_CUTS,
        own=True,
    )
    compat_shift: bool = key(
        False,
        "Shift cutouts only up and down when varying them, as the versions of kornia did that "
        "PyTTI and vqgan-clip-generator use.",
        own=True,
    )
    mask_dither: bool = key(
        False,
        "Weigh cutouts under a picture mask as PyTTI did, with errors carried from one cutout "
        "and step to the next, instead of by the plain mean of the mask.",
        own=True,
    )
    gradient_accumulation_steps: Chunks = key(
        "auto",
        "Into how many parts a step's cutouts are split, which bounds the memory and leaves the "
        "picture the same; auto takes as few as fit.",
        default_text="auto (PyTTI: 1)",
        differs="auto is ours, and it need not divide cutouts.",
    )
