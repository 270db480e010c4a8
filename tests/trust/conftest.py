"""The programs of this folder are imported by its tests as they import one another: by name."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
