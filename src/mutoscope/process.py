"""How this process uses the machine: set once, at the door, before torch is loaded.

- Torch's threads (OpenMP) wait for one another in busy loops. Alone on a machine that saves
  microseconds; beside anything else that computes, each wait lasts until the scheduler lets the
  other thread run again: a step of 0.25 s was seen to take 4.6 s. Threads that sleep cost little
  where nothing else runs, and keep a shared machine usable.
- glibc gives blocks above 128 KiB back to the kernel when they are freed, and every step frees the
  same large blocks that the next one needs. Kept, they need no clearing and no page faults. The
  largest, such as a picture of 4096 × 4096, are given back: few fit where another was, and of a
  step's peak half as much again was held for nothing.

What the user has set in the environment is left as it is.
"""

import ctypes
import os
import sys

KEPT = 1 << 30  # bytes that are free in all
LARGEST = 192 << 20  # a block that is kept, in bytes
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's names for mallopt


def prepare() -> None:
    """Set what holds for the whole process. Doing it twice is no mistake."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux" and "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except AttributeError:  # another C library, with another allocator
            return
        mallopt(_M_MMAP_THRESHOLD, LARGEST)
        mallopt(_M_TRIM_THRESHOLD, KEPT)
