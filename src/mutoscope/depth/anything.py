"""Depth Anything V2 (Yang et al. 2024) through the transformers package: an extra.

Only the network comes from there. The pictures are prepared here, since its own preparation wants
torchvision, and what a checkpoint's shapes are is known here, so that of all that lies beside the
weights nothing is read.
"""

from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mutoscope.depth.base import Depth, distance
from mutoscope.errors import ExtraError, WeightsError

FILE = "model.safetensors"

_SIDE = 518  # of the square pictures that it was trained with
_PATCH = 14
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_NEAREST = 0.99  # the part of the pixels that is farther than what counts as `NEAR`
_NOTHING = 1e-3  # an answer below which all is sky; what is near has from 1 to some hundreds


@dataclass(frozen=True)
class Variant:
    """One size of the network.

    Attributes:
        repo: where its weights are on the Hugging Face hub.
        width: the length of the vision transformer's tokens.
        heads: of each of its ``layers``.
        taps: after which of them the head reads.
        neck: how many channels each reading is brought to.
        fusion: how many channels the head works with.
        bytes: about the size of the file of weights.
        licence: under which the weights may be used.
    """

    repo: str
    width: int
    heads: int
    layers: int
    taps: tuple[int, ...]
    neck: tuple[int, ...]
    fusion: int
    bytes: int
    licence: str


VARIANTS = {
    "depth-anything-v2-small": Variant(
        "depth-anything/Depth-Anything-V2-Small-hf",
        width=384,
        heads=6,
        layers=12,
        taps=(3, 6, 9, 12),
        neck=(48, 96, 192, 384),
        fusion=64,
        bytes=99_000_000,
        licence="Apache-2.0",
    ),
    "depth-anything-v2-base": Variant(
        "depth-anything/Depth-Anything-V2-Base-hf",
        width=768,
        heads=12,
        layers=12,
        taps=(3, 6, 9, 12),
        neck=(96, 192, 384, 768),
        fusion=128,
        bytes=390_000_000,
        licence="CC-BY-NC-4.0, not for commercial use",
    ),
    "depth-anything-v2-large": Variant(
        "depth-anything/Depth-Anything-V2-Large-hf",
        width=1024,
        heads=16,
        layers=24,
        taps=(5, 12, 18, 24),
        neck=(256, 512, 1024, 1024),
        fusion=256,
        bytes=1_340_000_000,
        licence="CC-BY-NC-4.0, not for commercial use",
    ),
}


class Anything(Depth):
    """The network, frozen; `load_anything` makes one.

    It answers with the inverse of distance, in a scale of its own in which the sky is 0. What only
    one pixel in a hundred exceeds counts as nearest, and the rest keeps its proportion to that: so
    a wall stays flat, and a few wrong pixels don't move all others.
    """

    def __init__(self, network: nn.Module, *, name: str) -> None:
        super().__init__()
        self.name = name
        self.network = network
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    mean: Tensor
    std: Tensor

    def look(self, image: Tensor) -> Tensor:
        """See `Depth.look`."""
        height, width = image.shape[-2:]
        seen = interpolate(
            image.to(self.mean), fitting((width, height))[::-1], mode="bicubic", antialias=True
        )
        inverse = self.network((seen.clamp(0, 1) - self.mean) / self.std).predicted_depth[:, None]
        rank = max(1, round(_NEAREST * inverse.numel()))
        nearest = inverse.flatten().kthvalue(rank).values.clamp(min=_NOTHING)
        near = interpolate(inverse / nearest, (height, width), mode="bilinear", antialias=True)
        return distance(near).to(image)


def fitting(size: tuple[int, int]) -> tuple[int, int]:
    """The size at which a picture of ``size`` (width, height) is looked at.

    Its shape, as near as patches of 14 pixels come to it, and as many pixels as 518² has, so that
    a panorama takes no longer than a square.
    """
    width, height = size
    scale = _SIDE / sqrt(width * height)
    across, down = (max(1, round(side * scale / _PATCH)) * _PATCH for side in (width, height))
    return min(across, _SIDE * 4), min(down, _SIDE * 4)


def load_anything(file: Path, variant: Variant, *, name: str) -> Anything:
    """The network whose weights are in ``file``, a ``model.safetensors``.

    Raises `ExtraError` where transformers is missing, `WeightsError` for a file that is damaged or
    of another network.
    """
    package = _package()
    config = package.DepthAnythingConfig(
        backbone_config=package.Dinov2Config(
            image_size=_SIDE,
            patch_size=_PATCH,
            hidden_size=variant.width,
            num_attention_heads=variant.heads,
            num_hidden_layers=variant.layers,
            out_indices=list(variant.taps),
            reshape_hidden_states=False,
        ),
        patch_size=_PATCH,
        reassemble_hidden_size=variant.width,
        neck_hidden_sizes=list(variant.neck),
        fusion_hidden_size=variant.fusion,
    )
    try:
        # Its names of tensors changed over the years; from_pretrained knows all of them.
        with _Quiet(package.logging):
            network, told = package.DepthAnythingForDepthEstimation.from_pretrained(
                file.parent,
                config=config,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # what it raises for a bad file differs between versions
        reason = (str(error).splitlines() or [""])[0][:160] or type(error).__name__
        raise WeightsError(_damaged(file, name, reason)) from error
    for what in ("missing_keys", "unexpected_keys"):
        if keys := sorted(map(str, told[what])):
            reason = f"{what.replace('_keys', '')} tensors: {len(keys)}, such as {keys[0]}"
            raise WeightsError(_damaged(file, name, reason))
    return Anything(network.float(), name=name)


def _damaged(file: Path, name: str, reason: str) -> str:
    return (
        f"{file}: these are no whole weights of {name} ({reason}); delete the file, and it is "
        "fetched again, or say depth_model=relief, which needs none"
    )


@dataclass(frozen=True)
class _Package:
    """What is wanted of transformers."""

    DepthAnythingConfig: Any
    DepthAnythingForDepthEstimation: Any
    Dinov2Config: Any
    logging: Any


def _package() -> _Package:
    try:
        from transformers import (
            DepthAnythingConfig,
            DepthAnythingForDepthEstimation,
            Dinov2Config,
        )
        from transformers.utils import logging
    except ImportError as error:
        raise ExtraError(
            f"depth_model=depth-anything-v2-… needs the package transformers ({error}); "
            "pip install 'mutoscope[depth]', or say depth_model=relief"
        ) from error
    except RuntimeError as error:  # a torchvision built for another torch, which it imports
        raise ExtraError(
            f"transformers is installed and can't be imported ({str(error).splitlines()[0]}); "
            "install the torchvision that belongs to your torch, or none"
        ) from error
    return _Package(DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, logging)


class _Quiet:
    """While it lasts transformers draws no bar and reports no tensors: we do, where it matters."""

    def __init__(self, logging: Any) -> None:
        self._logging = logging

    def __enter__(self) -> None:
        self._bar = self._logging.is_progress_bar_enabled()
        self._level = self._logging.get_verbosity()
        self._logging.disable_progress_bar()
        self._logging.set_verbosity_error()

    def __exit__(self, *_: object) -> None:
        self._logging.set_verbosity(self._level)
        if self._bar:
            self._logging.enable_progress_bar()
