"""Files of another machine, which lie here under a folder of their own.

Work that came from another machine names its files by their paths there. They were brought along
into a folder, each under its whole path; that folder is told to the process by its environment.
"""

import os
from pathlib import Path

BROUGHT = "MUTOSCOPE_BROUGHT"
"""The environment variable that names the folder of what was brought."""


def place_under(root: Path, path: Path) -> Path:
    """Where a file of another machine, by its whole path there, lies under ``root``."""
    return root.joinpath(*(part.replace(":", "") for part in path.parts if part not in "\\/"))


def brought(path: Path) -> Path:
    """``path``, or where it lies here, if it was brought along with the work of this process."""
    root = os.environ.get(BROUGHT)
    if not root:
        return path
    there = place_under(Path(root), Path(os.path.normpath(path)))
    return there if there.exists() else path
