"""`VQGAN_CLIP_Config`: the attributes that vqgan-clip-generator knows, each checked when it is set.

They say how a picture is made, whatever it shows. No function changes the object that it is given,
so a config that is used again means the same again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mutoscope.errors import SettingsError, nearest

METHODS = ("original", "decay")
NOISES = (None, "pixels", "gradient")
CUT_METHODS = ("original", "kornia", "sg3")

# Names of optimisers that ours has no counterpart of, and vqgan-clip-generator took or took Adam
# for.
REPLACED = {"DiffGrad": "Adam", "AdamP": "Adam"}
OPTIMISERS = ("Adam", "AdamW", "Adagrad", "Adamax", "RAdam", "NAdam", "RMSprop")

SPELLINGS = {"init_weight_method": "init_image_method"}

DEFAULTS: Mapping[str, Any] = {
    "output_image_size": (256, 256),
    "init_image": None,
    "init_noise": None,
    "init_weight": 0.0,
    "init_image_method": "original",
    "seed": None,
    "clip_model": "ViT-B/32",
    "vqgan_model_name": "vqgan_imagenet_f16_16384",
    "vqgan_model_yaml_url": None,
    "vqgan_model_ckpt_url": None,
    "model_dir": None,
    "learning_rate": 0.1,
    "optimizer": "Adam",
    "adaptiveLR": False,
    "cut_method": "kornia",
    "num_cuts": 32,
    "cut_power": 1.0,
    "cudnn_determinism": False,
    "cuda_device": "cuda:0",
    "settings": {},
}


class VQGAN_CLIP_Config:  # noqa: N801 - the name that its users know
    """How pictures are made: the 19 attributes of vqgan-clip-generator, and ``settings``.

    Args:
        values: attributes by name, as they may also be set afterwards.

    Attributes:
        output_image_size: wanted width and height in pixels; drawn is the nearest multiple of what
            a code of the VQGAN stands for.
        init_image: path of a picture to begin from.
        init_noise: None, "pixels" or "gradient": what to begin from where there is no picture.
        init_weight: how strongly the latent is held near where it began.
        init_image_method: "original" or "decay", how it is held; ``init_weight_method`` is another
            spelling of it.
        seed: a whole number, 0 included; None draws one for each call.
        clip_model: the perceptor; "ViT-B/32" means the one that can be had, see the setting
            ``perceptors``.
        vqgan_model_name: a published VQGAN, or the path of a pair of files.
        vqgan_model_yaml_url: kept and not used: files come from where they are known to be whole.
        vqgan_model_ckpt_url: the same.
        model_dir: the folder with ``<vqgan_model_name>.yaml`` and ``.ckpt``, if you have your own.
        learning_rate: how far a step goes.
        optimizer: Adam, AdamW, Adagrad, Adamax, RAdam, NAdam or RMSprop.
        adaptiveLR: lower the rate when the loss stops falling.
        cut_method: "original", "kornia" or "sg3".
        num_cuts: cutouts in a step.
        cut_power: above 1 they are smaller.
        cudnn_determinism: kept and not used: the same seed gives the same picture in any case.
        cuda_device: a device of torch; where there is no GPU the processor takes its place.
        settings: any keys of Mutoscope's own settings; they win over all of the above, such as
            ``{"image_model": "Fourier", "perceptors": "labels"}`` for pictures without weights, or
            ``{"allow_overwrite": True}`` to replace earlier results.

    Raises:
        SettingsError: an attribute is unknown, or its value can't be used.
    """

    output_image_size: Sequence[int]
    init_image: str | None
    init_noise: str | None
    init_weight: float
    init_image_method: str
    init_weight_method: str
    seed: int | None
    clip_model: str
    vqgan_model_name: str
    vqgan_model_yaml_url: str | None
    vqgan_model_ckpt_url: str | None
    model_dir: str | None
    learning_rate: float
    optimizer: str
    adaptiveLR: bool  # noqa: N815
    cut_method: str
    num_cuts: int
    cut_power: float
    cudnn_determinism: bool
    cuda_device: str
    settings: dict[str, Any]

    def __init__(self, **values: Any) -> None:
        for name, default in DEFAULTS.items():
            object.__setattr__(self, name, _own(default))
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        name = SPELLINGS.get(name, name)
        if name not in DEFAULTS:
            known = [*DEFAULTS, *SPELLINGS]
            raise SettingsError(
                f"VQGAN_CLIP_Config: has no attribute {name!r}{nearest(name, known)}; keys of "
                "Mutoscope's own go into its attribute settings"
            )
        if name in CHECKS:
            CHECKS[name](name, value)
        object.__setattr__(self, name, _own(value))

    def __getattr__(self, name: str) -> Any:
        if name in SPELLINGS:
            return object.__getattribute__(self, SPELLINGS[name])
        raise AttributeError(f"VQGAN_CLIP_Config has no attribute {name!r}")

    def __repr__(self) -> str:
        changed = {
            name: value
            for name in DEFAULTS
            if (value := getattr(self, name)) != _own(DEFAULTS[name])
        }
        return f"VQGAN_CLIP_Config({', '.join(f'{k}={v!r}' for k, v in changed.items())})"


def _own(value: Any) -> Any:
    """A copy of what can be changed from outside; a size is a list, as it always was."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple | list) else value


def _refuse(name: str, value: Any, allowed: str) -> None:
    raise SettingsError(f"VQGAN_CLIP_Config.{name}: {value!r} can't be used; give {allowed}")


def _size(name: str, value: Any) -> None:
    whole = isinstance(value, Sequence) and len(value) == 2 and not isinstance(value, str)
    if not whole or not all(isinstance(side, int) and side > 0 for side in value):
        _refuse(name, value, "width and height in pixels, such as [512, 384]")


def _one_of(allowed: Sequence[Any]) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        if value not in allowed:
            close = nearest(value, [a for a in allowed if a]) if isinstance(value, str) else ""
            _refuse(name, value, f"one of {', '.join(map(repr, allowed))}{close}")

    return check


def _whole_or_none(name: str, value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        _refuse(name, value, "a whole number, or None for one drawn at random")


def _number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(name, value, "a number")


def _mapping(name: str, value: Any) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        _refuse(name, value, "a mapping of settings keys to values")


CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    "output_image_size": _size,
    "init_noise": _one_of(NOISES),
    "init_weight": _number,
    "init_image_method": _one_of(METHODS),
    "seed": _whole_or_none,
    "learning_rate": _number,
    "optimizer": _one_of((*OPTIMISERS, *REPLACED)),
    "cut_method": _one_of(CUT_METHODS),
    "num_cuts": _number,
    "cut_power": _number,
    "settings": _mapping,
}
