"""From a config and a function's arguments to the settings of a run."""

import contextlib
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mutoscope.build.canvases import Shelf, load_decoder
from mutoscope.build.pictures import Pictures
from mutoscope.errors import SettingsError, WeightsError
from mutoscope.gan.generator import Generator
from mutoscope.images import load_image
from mutoscope.settings import Settings, load_settings
from mutoscope.vqgan_clip.config import REPLACED, VQGAN_CLIP_Config
from mutoscope.vqgan_names import CHECKPOINTS, CONFIGS

log = logging.getLogger("mutoscope")

Motion = float | str
"""A number, or an expression of ``frame`` (counted from 0) and ``t`` (seconds)."""

SMOOTHER = ("z_smoother", "z_smoother_buffer_len", "z_smoother_alpha")


def settings_of(
    config: VQGAN_CLIP_Config, asked: Mapping[str, Any], *, size: tuple[int, int] | None = None
) -> Settings:
    """The settings of one call: what the config says, then what is ``asked`` of this call.

    Args:
        config: left as it is.
        asked: keys of the settings, from the function's arguments.
        size: width and height, if not those of the config.

    Raises:
        SettingsError: something can't be used.
    """
    width, height = size or config.output_image_size
    optimizer = REPLACED.get(config.optimizer, config.optimizer)
    if optimizer != config.optimizer:
        log.info("optimizer: %s has no counterpart here; %s is taken", config.optimizer, optimizer)
    values = {
        "image_model": "VQGAN",
        "vqgan_model": vqgan_model(config),
        "clamp_latent": True,
        "width": width,
        "height": height,
        "init_image": config.init_image or "",
        "init_noise": config.init_noise or "none",
        "init_weight": config.init_weight,
        "init_weight_method": config.init_image_method,
        "seed": config.seed,
        "perceptors": "auto" if config.clip_model == "ViT-B/32" else config.clip_model,
        "learning_rate": config.learning_rate,
        "optimizer": optimizer,
        "adaptive_learning_rate": config.adaptiveLR,
        "cut_method": config.cut_method,
        "cutouts": config.num_cuts,
        "cut_pow": config.cut_power,
        "smoothing_weight": "0",  # there is no such term in vqgan-clip-generator
        "device": device_of(config.cuda_device),
        "display_every": 0,
        "quality": False,
        "backups": 0,
        "resume_points": 0,
        **asked,
        **config.settings,
    }
    return load_settings(values, quiet=True)


def vqgan_model(config: VQGAN_CLIP_Config) -> str:
    """What the setting ``vqgan_model`` is to be: the user's own pair of files, if there is one."""
    name, folder = config.vqgan_model_name, config.model_dir
    if folder is None:
        return name
    for suffix in CONFIGS:
        path = Path(folder) / f"{name}{suffix}"
        if path.is_file() and any(path.with_suffix(ending).is_file() for ending in CHECKPOINTS):
            return str(path.absolute())
    return name


def device_of(wanted: str) -> str:
    """The device for ``wanted``; where there is no GPU, the processor, and that is said."""
    if wanted == "cuda:0":  # what everyone has whose machine was never asked
        return "auto"
    if wanted.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            log.warning("cuda_device: there is no %s here, so the processor computes", wanted)
            return "cpu"
    return wanted


def drawn_size(settings: Settings, shelf: Shelf) -> tuple[int, int]:
    """Width and height in pixels as they will be drawn, for which a VQGAN must be known.

    Raises:
        WeightsError: it can't be had.
    """
    from mutoscope.build.canvases import picture_sizes

    initial = Pictures(settings).initial_size if -1 in (settings.width, settings.height) else None
    with advising():
        decoder = load_decoder(settings, None, shelf)
    if isinstance(decoder, Generator):
        return decoder.shape.size, decoder.shape.size
    return picture_sizes(settings, initial, decoder.f if decoder else None)[-1]


@contextlib.contextmanager
def advising() -> Any:
    """Say of weights that can't be had how this API does without them."""
    try:
        yield
    except WeightsError as error:
        raise WeightsError(
            f"{error} (without any weights: config.settings = {{'image_model': 'Fourier', "
            "'perceptors': 'labels'}; your own files: config.model_dir)"
        ) from error


def moving(zoom: Motion, right: Motion, down: Motion, *, size: tuple[int, int]) -> dict[str, str]:
    """The settings of a camera that zooms by a factor and shifts by pixels in every frame.

    The picture is zoomed about its centre, then shifted, so a shift counts pixels of the zoomed
    picture: ours counts those before, ``1 / zoom`` as many. Ours zooms by the pixels that are left
    outside: ``side * (1 - 1 / zoom)``. Down is below zero with us.

    Raises:
        SettingsError: a zoom that never varies is not above 0.
    """
    if isinstance(zoom, int | float) and not (zoom > 0 and math.isfinite(zoom)):
        raise SettingsError(
            f"zoom_scale: {zoom!r} can't be used; above 1 the picture grows, between 0 and 1 it "
            "shrinks, 1 leaves it"
        )
    factor = _expression(zoom)
    outward = isinstance(zoom, int | float) and zoom < 1
    return {
        "animation_mode": "2D",
        "zoom_x_2d": f"{size[0]} * (1 - 1 / {factor})",
        "zoom_y_2d": f"{size[1]} * (1 - 1 / {factor})",
        "translate_x": f"{_expression(right)} / {factor}",
        "translate_y": f"-{_expression(down)} / {factor}",
        # What comes in at the rim is black in a zoom out, and the other side in a shift.
        "infill_mode": "black" if outward else "wrap",
    }


def _expression(number: Motion) -> str:
    return f"({number})" if isinstance(number, str) else f"({float(number)!r})"


def smoothing(wanted: bool, length: int, alpha: float) -> dict[str, Any]:
    """The settings that smooth a film's latents, where that is wanted.

    Raises:
        SettingsError: the length is even, or the weight out of range.
    """
    if not wanted:
        return {}
    if isinstance(length, bool) or not isinstance(length, int) or length < 1 or length % 2 == 0:
        raise SettingsError(
            f"z_smoother_buffer_len: {length!r} can't be used; give an odd number, such as 3 or 5, "
            "since frames are averaged about the one in the middle"
        )
    return dict(zip(SMOOTHER, (True, length, alpha), strict=True))


def size_like(picture: str | Path, width: int, height: int) -> tuple[int, int]:
    """Width and height of a picture's shape, with about the area ``width * height``."""
    image = load_image(picture)
    ratio = image.shape[-1] / image.shape[-2]
    area = width * height
    return max(1, round(math.sqrt(area * ratio))), max(1, round(math.sqrt(area / ratio)))
