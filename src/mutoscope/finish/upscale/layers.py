"""Pictures with their transparency: read, enlarged and written, nothing laid on anything."""

import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from mutoscope.atomic import reason, write_bytes
from mutoscope.errors import MediaError
from mutoscope.images import MAX_PIXELS, encode, load_image, resize, to_bytes
from mutoscope.provenance import stamped

log = logging.getLogger("mutoscope")

_TRANSPARENT = (".png", ".webp")  # what can hold it, of what is written


@dataclass(frozen=True)
class Layers:
    """A picture: its colour, (1, 3, H, W), and its opacity, (1, 1, H, W), if it is not solid."""

    colour: Tensor
    alpha: Tensor | None = None

    def enlarged(self, enlarge: Callable[[Tensor], Tensor]) -> "Layers":
        """Both enlarged: the colour by a model, the opacity smoothly, with no texture invented."""
        colour = enlarge(self.colour)
        if self.alpha is None:
            return Layers(colour)
        return Layers(colour, resize(self.alpha, (colour.shape[-1], colour.shape[-2])))


def read_layers(path: Path) -> Layers:
    """The picture in a file.

    Under transparent pixels the colour is that of the nearest one that is not, so that nothing
    bleeds in from where nothing can be seen.

    Raises:
        MediaError: as in `mutoscope.images.load_image`.
    """
    alpha = _alpha(path)
    if alpha is None:
        return Layers(load_image(path))
    log.addFilter(_not_laid)
    try:
        laid = load_image(path)  # on white, from which it is taken again
    finally:
        log.removeFilter(_not_laid)
    colour = ((laid - (1 - alpha)) / alpha.clamp_min(1 / 255)).clamp(0, 1)
    hidden = (alpha[0, 0] == 0).numpy()
    if hidden.all():
        return Layers(laid, alpha)
    rows, columns = distance_transform_edt(hidden, return_distances=False, return_indices=True)
    return Layers(colour[:, :, torch.from_numpy(rows), torch.from_numpy(columns)], alpha)


def write_layers(
    layers: Layers, path: Path, *, recipe: Mapping[str, Any] | None = None, quality: int = 95
) -> None:
    """Write a picture, whole or not at all; JPEG has no transparency: it is laid on white.

    Raises:
        MediaError: as in `mutoscope.images.save_image`.
    """
    colour, alpha = layers.colour, layers.alpha
    if alpha is not None and path.suffix.lower() not in _TRANSPARENT:
        log.warning("%s: this kind of file can't be transparent; it is laid on white", path)
        colour, alpha = colour * alpha + (1 - alpha), None
    if alpha is None:
        data = encode(colour, path.suffix, recipe=recipe, quality=quality, place=str(path))
    else:
        data = _encoded(colour, alpha, path, recipe, quality)
    try:
        write_bytes(path, data)
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {reason(error)}") from error


def _alpha(path: Path) -> Tensor | None:
    """The opacity of the picture in a file, upright, (1, 1, H, W); None where it is solid."""
    if not path.is_file():
        return None  # load_image says it
    try:
        with Image.open(path, formats=("PNG", "WEBP", "GIF", "TIFF", "TGA")) as picture:
            see_through = "A" in picture.getbands() or "transparency" in picture.info
            width, height = picture.size
            if not see_through or width * height > MAX_PIXELS:
                return None
            alpha = ImageOps.exif_transpose(picture).convert("RGBA").getchannel("A")
    except Exception:  # noqa: BLE001 - damaged or of another kind: load_image says which
        return None
    values = torch.from_numpy(np.asarray(alpha, dtype=np.float32) / 255)
    return values[None, None] if float(values.min()) < 1 else None


def _encoded(
    colour: Tensor, alpha: Tensor, path: Path, recipe: Mapping[str, Any] | None, quality: int
) -> bytes:
    """A transparent picture as the bytes of a PNG or WebP."""
    opacity = to_bytes(alpha.expand(1, 3, -1, -1))[..., :1]
    picture = Image.fromarray(np.concatenate([to_bytes(colour), opacity], axis=2), "RGBA")
    buffer = io.BytesIO()
    if path.suffix.lower() == ".png":
        picture.save(buffer, "PNG")
    else:
        if max(picture.size) > 16_383:
            raise MediaError(f"{path}: WebP holds at most 16383 pixels a side; write .png")
        picture.save(buffer, "WEBP", quality=quality, method=4)
    data = buffer.getvalue()
    return data if recipe is None else stamped(data, recipe, str(path))


def _not_laid(record: logging.LogRecord) -> bool:
    """Let through all but the notice that a picture is laid on something."""
    return "has transparent parts" not in str(record.msg)
