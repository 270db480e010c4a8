"""The steps: how many, how far each goes, and the seed of all randomness."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import FILM, Group, entry
from mutoscope.settings.values import MAX_STEPS, Choice, Number, Seed, Whole, new_seed

key = partial(entry, group="steps")


class Steps(Group):
    """Keys of the group ``steps``."""

    steps_per_scene: Whole = key(
        100, "Steps of drawing in each scene.", unit="steps", ge=1, le=MAX_STEPS
    )
    learning_rate: Number | None = key(
        None,
        "How far a step goes; null takes what suits the image model (0.02 for pixels).",
        default_text="null (the image model's own)",
        gt=0,
        le=100,
    )
    learning_rate_decay: Number = key(
        1.0,
        "The fraction of the learning rate that is left at the end of a still, or of each frame "
        "of a film; it falls there along a cosine. 1 keeps it.",
        own=True,
        gt=0,
        le=1,
    )
    optimizer: Choice[
        Literal["Adam", "AdamW", "Adagrad", "Adamax", "RAdam", "NAdam", "RMSprop"]
    ] = key("Adam", "How the picture follows its gradient.", own=True)
    adaptive_learning_rate: bool = key(
        False,
        "Halve the learning rate whenever the loss has stopped falling for some twenty steps.",
        own=True,
    )
    reset_lr_each_frame: bool = key(
        True,
        "Forget the optimiser's momentum each time the picture is moved.",
        only=FILM,
        differs="Nothing is forgotten in a still.",
    )
    seed: Seed = key(
        new_seed,
        "All randomness comes from it: the same settings and seed give the same picture on the "
        "same machine and versions. null chooses one, which is written into the run.",
        default_text="null (chosen at random and written down)",
        differs="0 is a seed like any other.",
    )
