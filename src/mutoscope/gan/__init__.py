"""A generator and its discriminator, what they are trained by, and the file they live in."""

from mutoscope.gan.augment import Adaptation, augment
from mutoscope.gan.discriminator import Discriminator
from mutoscope.gan.ema import decay, follow
from mutoscope.gan.files import read_generator, write_generator
from mutoscope.gan.generator import Generator, Noise
from mutoscope.gan.losses import (
    LOSSES,
    Loss,
    PathLength,
    gamma_rule,
    gradient_penalty,
    mixed_styles,
)
from mutoscope.gan.shape import SIZES, Shape

__all__ = [
    "LOSSES",
    "SIZES",
    "Adaptation",
    "Discriminator",
    "Generator",
    "Loss",
    "Noise",
    "PathLength",
    "Shape",
    "augment",
    "decay",
    "follow",
    "gamma_rule",
    "gradient_penalty",
    "mixed_styles",
    "read_generator",
    "write_generator",
]
