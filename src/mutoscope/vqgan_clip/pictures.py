"""Pictures in the files that vqgan-clip-generator writes, whatever their ending."""

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from mutoscope import atomic
from mutoscope.errors import MediaError
from mutoscope.images import save_image, to_bytes
from mutoscope.sources import PICTURES

log = logging.getLogger("mutoscope")

PLAIN = (".bmp", ".tif", ".tiff")
ENDINGS = (*PICTURES, *PLAIN)


def save_picture(image: Tensor, path: Path, *, recipe: Mapping[str, Any]) -> None:
    """Write a picture (1, 3, H, W) whole or not at all; BMP and TIFF don't carry its recipe.

    Raises:
        MediaError: it can't be written.
    """
    if path.suffix.lower() not in PLAIN:
        save_image(image, path, recipe=recipe)
        return
    buffer = io.BytesIO()
    kind = "BMP" if path.suffix.lower() == ".bmp" else "TIFF"
    Image.fromarray(to_bytes(image)).save(buffer, format=kind)
    try:
        atomic.write_bytes(path, buffer.getvalue())
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {atomic.reason(error)}") from error
