"""The Limited Palette: how many colours there are, and which."""

from functools import partial

from mutoscope.settings.keys.entry import Group, entry
from mutoscope.settings.values import Number, Path, Whole

key = partial(entry, group="palette")

_PALETTE = {"image_model": ("Limited Palette",)}


class Palette(Group):
    """Keys of the group ``palette``."""

    palette_size: Whole = key(5, "Colours in a palette.", only=_PALETTE, ge=1, le=256)
    palettes: Whole = key(
        20,
        "How many palettes; each drawn pixel takes its colour from one of them.",
        only=_PALETTE,
        ge=1,
        le=1024,
        differs="1 is allowed.",
    )
    random_initial_palette: bool = key(
        False, "Start with random colours instead of greys.", only=_PALETTE
    )
    gamma: Number = key(
        1.0,
        "How the starting greys, and the greys that hdr_weight asks for, are spread: above 1 "
        "darker, below 1 lighter.",
        only=_PALETTE,
        gt=0,
        le=20,
        differs="The starting greys are 2·x^gamma, not (2·x)^gamma.",
    )
    hdr_weight: Number = key(
        0.01,
        "How strongly each palette is kept spread from dark to light. 0 leaves it.",
        only=_PALETTE,
    )
    palette_normalization_weight: Number = key(
        0.2,
        "How strongly palettes are kept from taking the same pixels. 0 leaves them.",
        only=_PALETTE,
    )
    show_palette: bool = key(
        False,
        "Save a picture of the palettes, palette.png, whenever the run is shown.",
        only=_PALETTE,
    )
    target_palette: Path = key(
        "",
        "Picture whose colours the palettes take and keep, a path or http(s) address.",
        example="target_palette: sunset.jpg",
    )
    lock_palette: bool = key(
        False, "Keep the colours that the palettes begin with. target_palette locks them by itself."
    )
