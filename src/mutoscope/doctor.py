"""What this machine can do: each thing that Mutoscope uses, found or missing, and how to get it."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from mutoscope.errors import MutoscopeError
from mutoscope.memory import free_memory
from mutoscope.plan import amount

EXTRAS = {
    "open_clip": ("open-clip", "any network that open_clip knows"),
    "torchvision": ("raft", "optical flow by RAFT (flow_model)"),
    "tensorboard": ("tensorboard", "losses in TensorBoard (use_tensorboard)"),
}
ENCODERS = ("libx264",)


@dataclass(frozen=True)
class Finding:
    """One line of the examination; ``missing`` is what no picture can be made without."""

    name: str
    state: Literal["ok", "missing", "optional"]
    found: str
    advice: str = ""


def examine(models_parent_dir: Path | None = None) -> list[Finding]:
    """Look at everything, in the order in which a user would ask."""
    from mutoscope.sources import models_folder

    folder = models_folder(models_parent_dir)
    return [
        _python(),
        *_devices(),
        _memory(),
        _disk(Path.cwd()),
        *_codecs(),
        _labels(),
        _clip(folder),
        _vqgan(folder),
        _depth(folder),
        *_extras(),
    ]


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")


def _devices() -> Iterator[Finding]:
    import torch

    threads = f"{torch.get_num_threads()} threads of {os.cpu_count()} cores"
    yield Finding("cpu", "ok", f"torch {torch.__version__}, {threads}")
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        yield Finding("gpu", "ok", ", ".join(names))
    else:
        yield Finding(
            "gpu", "optional", "none that torch can use",
            "with an NVIDIA card: install its driver and the CUDA build of torch",
        )  # fmt: skip


def _memory() -> Finding:
    free = free_memory()
    if free is None:
        return Finding("memory", "optional", "unknown on this system")
    if free < 1_500_000_000:
        return Finding(
            "memory", "optional", f"{amount(free)} free", "close something, or use labels"
        )
    return Finding("memory", "ok", f"{amount(free)} free")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    if free < 1_000_000_000:
        return Finding(
            "disk", "optional", f"{amount(free)} free in {folder}", "make room for films"
        )
    return Finding("disk", "ok", f"{amount(free)} free in {folder}")


def _codecs() -> Iterator[Finding]:
    import av
    import av.codec

    for name in ENCODERS:
        if name in av.codec.codecs_available:
            yield Finding("film", "ok", f"{name} through PyAV {av.__version__}")
        else:
            yield Finding(
                "film", "missing", f"this PyAV has no {name}",
                "pip install --force-reinstall av: its wheels carry the codecs",
            )  # fmt: skip


def _labels() -> Finding:
    from mutoscope.perceptors.labels import Labels

    return _tried("labels", Labels, "embedded and whole")


def _tried(name: str, build: Callable[[], object], found: str) -> Finding:
    try:
        build()
    except MutoscopeError as error:
        return Finding(name, "missing", str(error), "pip install --force-reinstall mutoscope")
    return Finding(name, "ok", found)


def _clip(folder: Path) -> Finding:
    cached = _cached(folder, "perceptor")
    if cached:
        return Finding("clip", "ok", f"{', '.join(cached)} in {folder}")
    return Finding(
        "clip", "optional", f"no weights in {folder}",
        "mutoscope models fetch ViT-B/32 (it knows styles, artists and relations too)",
    )  # fmt: skip


def _vqgan(folder: Path) -> Finding:
    cached = _cached(folder, "VQGAN")
    if cached:
        return Finding("vqgan", "ok", f"{', '.join(cached)} in {folder}")
    return Finding(
        "vqgan", "optional", f"no published one in {folder}",
        "mutoscope models fetch imagenet (for image_model: VQGAN)",
    )  # fmt: skip


def _depth(folder: Path) -> Finding:
    cached = _cached(folder, "depth")
    if cached and find_spec("transformers") is None:
        return Finding(
            "depth", "optional", f"{', '.join(cached)} in {folder}, which nothing here can run",
            "pip install 'mutoscope[depth]'",
        )  # fmt: skip
    if cached:
        return Finding("depth", "ok", f"{', '.join(cached)} in {folder}")
    return Finding(
        "depth", "optional", f"relief alone; no weights in {folder}",
        "mutoscope models fetch depth-anything-v2-small (for animation_mode: 3D)",
    )  # fmt: skip


def _cached(folder: Path, kind: str) -> list[str]:
    from mutoscope.networks import networks

    return [row.name for row in networks(folder) if row.kind == kind and row.state == "cached"]


def _extras() -> Iterator[Finding]:
    for module, (extra, what) in EXTRAS.items():
        if find_spec(module):
            yield Finding(extra, "ok", what)
        else:
            yield Finding(
                extra, "optional", f"not installed: {what}", f"pip install 'mutoscope[{extra}]'"
            )
