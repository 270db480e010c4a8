"""Cut methods: how whole systems draw their cutouts, as arguments of `Cutouts`."""

from typing import Final, TypedDict

from mutoscope.cutouts.draw import Sizes, among


class Method(TypedDict, total=False):
    """What a cut method decides about `Cutouts`; the rest is the settings'."""

    sizes: Sizes
    border: float
    augmentation: str


# vqgan-clip-generator's three draw boxes alike, always inside the picture. Its "original" and "sg3"
# also resize differently, by Lanczos's filter or by averages of whole pixels; here both read as all
# cutouts are read, which lies between the two: what a perceptor sees of the three has a cosine of
# 0.98 to 0.99. Averaging whole pixels would take twice as long.
METHODS: Final[dict[str, Method]] = {
    "pytti": {"sizes": "pytti"},
    "original": {"sizes": "vqgan-clip", "border": 0.0, "augmentation": "none"},
    "kornia": {"sizes": "vqgan-clip", "border": 0.0, "augmentation": "kornia"},
    "sg3": {"sizes": "vqgan-clip", "border": 0.0, "augmentation": "none"},
}


def cut_method(name: str) -> Method:
    """The arguments of `Cutouts` that a method sets, to be put over the settings' own.

    "pytti" leaves border and augmentation as they are.

    Raises:
        SettingsError: there is no such method.
    """
    among("cut_method", name, tuple(METHODS))
    return METHODS[name]
