"""The picture: what draws it, its size, and what it is kept like."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import VQGAN, Group, entry
from mutoscope.settings.values import (
    Choice,
    Expression,
    Number,
    Path,
    Pieces,
    Side,
    VqganModel,
    Whole,
)

key = partial(entry, group="image")

_FOURIER = {"image_model": ("Fourier",)}
_GAN = {"image_model": ("GAN",)}


class Image(Group):
    """Keys of the group ``image``."""

    image_model: Choice[
        Literal["Unlimited Palette", "Limited Palette", "Fourier", "VQGAN", "GAN"]
    ] = key(
        "Unlimited Palette",
        "What draws: free pixels, pixels in a few colours, a picture made of waves (the most "
        "natural of them), a VQGAN's decoder, or a generator trained on drawings of your own.",
        differs="Fourier and GAN are ours.",
    )
    gan_model: Path = key(
        "",
        "Which generator draws: the folder of a training (`mutoscope train` makes it), or the file "
        "of a generator. The picture has its size, whatever width and height say.",
        only=_GAN,
        example="gan_model: my-drawings-gan/",
        own=True,
    )
    gan_truncation: Number = key(
        0.7,
        "How far the sample that a generator begins with may be from its mean picture: 0 is the "
        "mean, 1 any sample.",
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
        only=VQGAN,
        example="vqgan_model: my-drawings/",
        differs="Paths, imagenet_1024 and faceshq are ours.",
    )
    clamp_latent: bool = key(
        False,
        "Keep every number of a VQGAN's latent within the range that its codebook has, after each "
        "step, as vqgan-clip-generator does.",
        own=True,
        only=VQGAN,
    )
    width: Side = key(
        512,
        "Width before pixel_size; -1 follows from height and the shape of init_image.",
        unit="pixels",
    )
    height: Side = key(
        512,
        "Height before pixel_size; -1 follows from width and the shape of init_image.",
        unit="pixels",
    )
    pixel_size: Whole = key(
        1,
        "How many pixels of the file are the side of one drawn pixel: the file is this much "
        "larger than width and height.",
        ge=1,
        le=64,
    )
    smoothing_weight: Expression = key(
        "0.02",
        "How strongly neighbouring pixels are drawn together (total variation). Below 0 drives "
        "them apart.",
    )
    contrast_weight: Number = key(
        0.0,
        "How strongly the picture is kept at a photograph's contrast: neither fog nor bare black "
        "and white. 0 leaves it.",
        own=True,
        ge=0,
    )
    coarse_to_fine: Number = key(
        0.0,
        "The share of the first scene's steps (in a film, of pre_animation_steps) over which fine "
        "waves fade in, so that one shape is found before its details. 0 begins with all of them.",
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
        own=True,
        ge=0,
    )
    sizes: Whole = key(
        1,
        "In how many sizes the beginning is painted, each twice the one before: shapes are found "
        "small, where a step costs less and reaches further, and the larger canvases go on from "
        "there. The beginning is the first scene, or in a film pre_animation_steps.",
        own=True,
        ge=1,
        le=6,
    )
    tile: Choice[Literal["none", "x", "y", "both"]] = key(
        "none",
        "Make a picture that repeats without a seam: side by side (x), one above the other (y), "
        "or both.",
        own=True,
    )
    piece_size: Pieces = key(
        "auto",
        "The side in pixels of the pieces that a VQGAN draws a larger picture in: the memory then "
        "hardly grows with the picture, each step takes several times as long, and the picture is "
        "the same. auto draws in pieces only what would not fit into memory otherwise; off never.",
        own=True,
    )
