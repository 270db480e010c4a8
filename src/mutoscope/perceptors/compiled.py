"""A tower compiled for batches of one shape, and where what was compiled is kept between runs.

`torch.compile` fuses what lies between the matrix products. It takes a minute or more, so its
results are kept in a folder of ours, one for each network, shape and machine. A compilation that is
killed would leave a broken cache: it works in a folder of its own, which is renamed when all of it
is there.
"""

import hashlib
import logging
import os
import platform
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mutoscope import fence
from mutoscope.atomic import part_path

log = logging.getLogger("mutoscope")

_CACHE = "TORCHINDUCTOR_CACHE_DIR"
_COMPILERS = ("g++", "clang++", "c++")


class Compiled:
    """``eager`` for all batches but those of the shape it was compiled for."""

    def __init__(self, eager: nn.Module, fast: Callable[[Tensor], Tensor], shape: torch.Size):
        self.eager, self.fast, self.shape = eager, fast, shape

    def __call__(self, batch: Tensor) -> Tensor:
        """What the tower makes of ``batch``, whichever way."""
        # Any other batch, and one that no gradient goes back to, would be compiled anew.
        same = batch.shape == self.shape and batch.requires_grad and torch.is_grad_enabled()
        out: Tensor = (self.fast if same else self.eager)(batch)
        return out


def default_folder() -> Path:
    """Where compiled towers are kept: ``~/.cache/mutoscope/compiled``.

    What lies there is loaded as programs. So it is no folder that settings can name, which may have
    come from a stranger, with a folder of models beside them. Within a fence it is among the
    fence's own files.
    """
    if fence.is_up():
        return Path(os.environ[fence.VARIABLE]) / fence.OWN / "compiled"
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home or Path.home() / ".cache").expanduser() / "mutoscope" / "compiled"


def can_compile(device: torch.device) -> bool:
    """Whether there is what compiling for ``device`` needs: for a CPU, a compiler of C++."""
    if device.type != "cpu":
        return device.type == "cuda"
    named = os.environ.get("CXX")
    return any(shutil.which(name) for name in ((named,) if named else _COMPILERS))


def kept_at(folder: Path, tower: nn.Module, batch: Tensor) -> Path:
    """Where under ``folder`` that is kept which was compiled of ``tower`` for such a ``batch``."""
    told = [torch.__version__, platform.machine(), torch.backends.cpu.get_cpu_capability()]
    told += [str(torch.get_num_threads()), str(batch.device), str(tuple(batch.shape))]
    if batch.device.type == "cuda":
        told.append(torch.cuda.get_device_name(batch.device))
    told += [f"{key} {tuple(value.shape)} {value.dtype}" for key, value in _tensors(tower)]
    return folder / hashlib.blake2b("\n".join(told).encode(), digest_size=12).hexdigest()


def compile_tower(tower: nn.Module, batch: Tensor, *, folder: Path) -> Compiled | None:
    """Compile ``tower`` for batches like ``batch``, both ways; None, and a warning, if it can't be.

    Args:
        tower: a frozen network.
        batch: one of the shape, and on the device, that it will be used with.
        folder: where what is compiled is kept, in a folder for each tower and shape.
    """
    from torch._inductor import config

    _see(tower, batch)  # whatever it makes when first used, it makes before it is looked into
    kept = kept_at(folder, tower, batch)
    fast = torch.compile(tower, dynamic=False, fullgraph=True, **_mode(batch.device))
    try:
        with _cached(kept), config.patch(compile_threads=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about its own parts
            _see(fast, batch)
    except Exception as error:  # noqa: BLE001 - whatever a compiler dies of, there is a way without
        first = (str(error).strip().splitlines() or [""])[0]
        log.warning(
            "compile: the perceptor could not be compiled and is used as it is (%s: %s)",
            *(type(error).__name__, first[:200]),
        )
        return None
    return Compiled(tower, fast, batch.shape)


def _mode(device: torch.device) -> dict[str, Any]:
    """On a GPU a step's many small kernels are recorded once and replayed as one."""
    return {"mode": "reduce-overhead"} if device.type == "cuda" else {}


def _tensors(tower: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from tower.named_parameters()
    yield from tower.named_buffers()


def _see(tower: Callable[[Tensor], Tensor], batch: Tensor) -> None:
    """One way forth and back."""
    leaf = batch.detach().clone().requires_grad_()
    tower(leaf).float().square().mean().backward()  # type: ignore[no-untyped-call]


@contextmanager
def _cached(kept: Path) -> Iterator[None]:
    """Let the compiler work in ``kept`` if that is there, else in a folder that becomes it."""
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    work = kept if kept.is_dir() else part_path(kept)
    before = os.environ.get(_CACHE)
    os.environ[_CACHE] = str(work)
    try:
        yield
        if work != kept and work.is_dir() and not kept.exists():
            work.rename(kept)
    finally:
        if before is None:
            os.environ.pop(_CACHE, None)
        else:
            os.environ[_CACHE] = before
        if work != kept:
            shutil.rmtree(work, ignore_errors=True)
