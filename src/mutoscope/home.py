"""The user's home, as paths name it: ``~`` and ``~somebody``."""

import contextlib
import os
from pathlib import Path


def expanded(path: str) -> Path:
    """A path with ``~`` replaced; where there is no such user it is a name like any other."""
    with contextlib.suppress(ValueError):  # nobody can be called so
        return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises
    return Path(path)
