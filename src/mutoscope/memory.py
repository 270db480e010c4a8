"""The memory of this machine: how much it has, what is free of it, and what was taken."""

import os
import sys
from pathlib import Path

import torch


def total_memory() -> int | None:
    """What this machine has, in bytes; None where unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows doesn't say
        return None


def free_memory(device: torch.device | None = None) -> int | None:
    """The memory that new work could take on ``device``, in bytes; None where unknown."""
    if device is not None and device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        if (linux := Path("/proc/meminfo")).exists():
            # What caches hold is given to whoever asks, and only here it is counted.
            available = _amounts(linux, ":")["MemAvailable"] * 1024
            return min(available, _left_in_group() or available)
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, KeyError, ValueError, OSError):
        return None


def peak_memory(device: torch.device) -> int:
    """The most memory that this process has held so far, on ``device``, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    # On Linux, getrusage's peak begins with what the process that started this one held.
    if (linux := Path("/proc/self/status")).exists():
        for line in linux.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB


def _left_in_group() -> int | None:
    """What is left of the memory that a container's control group allows, where one does."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text(encoding="ascii"))  # "max" where there is none
        used = int((group / "memory.current").read_text(encoding="ascii"))
        cached = _amounts(group / "memory.stat", " ")["inactive_file"]
    except (KeyError, ValueError, OSError):
        return None
    return max(0, limit - used + cached)


def _amounts(path: Path, separator: str) -> dict[str, int]:
    """The numbers in a file of the kernel's, by name."""
    lines = (line.partition(separator) for line in path.read_text(encoding="ascii").splitlines())
    return {name: int(rest.split()[0]) for name, _, rest in lines}
