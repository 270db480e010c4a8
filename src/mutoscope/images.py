"""Pictures between files and tensors.

Inside, a picture is ``float32 (1, 3, H, W)``, sRGB, in [0, 1]. Whatever a file holds (palette,
CMYK, 16 bit, another colour profile, transparency, a camera held sideways, an animation) becomes
that on the way in, and 8-bit PNG, JPEG or WebP on the way out.
"""

import io
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import (
    Image,
    ImageCms,
    ImageDraw,
    ImageFont,
    ImageOps,
    UnidentifiedImageError,
)
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope import atomic, provenance
from mutoscope.errors import MediaError
from mutoscope.fetch import fetch_picture, is_url

log = logging.getLogger("mutoscope")

MAX_PIXELS = 50_000_000
"""The largest picture that is read, in pixels, unless a caller allows more."""

Pixels = npt.NDArray[np.uint8]
"""A picture as the codecs want it: (H, W, 3), 0 to 255."""

_Floats = npt.NDArray[np.float32]

# Formats that are read. Others that Pillow knows are left out on purpose: EPS, for one, would
# start Ghostscript on a file that may come from anywhere.
_READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "TGA", "JPEG2000")
_WRITE = (".png", ".jpg", ".jpeg", ".webp")


def load_image(
    source: str | Path, *, max_pixels: int = MAX_PIXELS, public_only: bool = False
) -> Tensor:
    """The picture in a file or at an address, (1, 3, H, W).

    Transparent parts are laid on white; of an animation the first frame is taken; both are said
    in a notice. The picture is turned as its Exif data say and converted to sRGB.

    Args:
        source: A path, or an http(s) address (limits: `mutoscope.fetch`).
        max_pixels: A larger picture is refused when its header has been read, undecoded.
        public_only: Refuse addresses of local networks.

    Raises:
        MediaError: It can't be found, read or fetched, is too large, or is damaged.
    """
    pixels = _load(source, max_pixels=max_pixels, public_only=public_only, background=1.0)
    return _tensor(pixels)


def load_mask(
    source: str | Path, *, max_pixels: int = MAX_PIXELS, public_only: bool = False
) -> Tensor:
    """The lightness of a picture as a mask, (H, W) in [0, 1].

    Lightness is luma, 0.299 R + 0.587 G + 0.114 B. Transparent parts count as black: what is not
    there is not meant.

    Raises:
        MediaError: As in `load_image`.
    """
    pixels = _load(source, max_pixels=max_pixels, public_only=public_only, background=0.0)
    return luma(_tensor(pixels))


def luma(image: Tensor) -> Tensor:
    """The luma of a picture after ITU-R BT.601, (1, 3, H, W) to (H, W)."""
    weights = image.new_tensor([0.299, 0.587, 0.114])
    return torch.einsum("chw,c->hw", image[0], weights).clamp(0, 1)


def to_bytes(image: Tensor) -> Pixels:
    """A picture as bytes, (1, 3, H, W) in [0, 1] to (H, W, 3), rounded to the nearest.

    Raises:
        MediaError: It holds values that are not numbers.
    """
    if image.ndim != 4 or image.shape[:2] != (1, 3):
        raise ValueError(f"a picture is (1, 3, H, W), not {tuple(image.shape)}")
    # A grey picture that was only expanded to three channels has one to convert.
    grey = image.stride(1) == 0
    flat = image.detach()[0, : 1 if grey else 3].float()  # (C, H, W)
    low, high = torch.stack(flat.aminmax()).tolist() if flat.numel() else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise MediaError(
            "picture: some of its values are not numbers, so it can't be saved; "
            "a smaller learning_rate or smaller weights keep the optimisation from blowing up"
        )
    if low < 0 or high > 1:
        flat = flat.clamp(0, 1)
    # What is not negative is rounded down by becoming a whole number.
    planes = flat.mul(255).add_(0.5).to(device="cpu", dtype=torch.uint8).permute(1, 2, 0).numpy()
    pixels: Pixels = np.repeat(planes, 3, axis=2) if grey else np.ascontiguousarray(planes)
    return pixels


def from_bytes(pixels: Pixels) -> Tensor:
    """Bytes as a picture, (H, W, 3) to (1, 3, H, W) in [0, 1]; undoes `to_bytes` exactly."""
    return _tensor(_unit(pixels))


def save_image(
    image: Tensor,
    path: str | Path,
    *,
    recipe: Mapping[str, Any] | None = None,
    quality: int = 95,
) -> None:
    """Write a picture to a PNG, JPEG or WebP file, whole or not at all.

    Args:
        image: (1, 3, H, W) in [0, 1]; what lies outside is clamped.
        path: Where; the suffix says in which format. An existing file is replaced.
        recipe: What `mutoscope.provenance.read_recipe` is to find in it; viewers show its prompt.
        quality: Of JPEG and WebP, 1 to 100; a PNG loses nothing but the ninth bit.

    Raises:
        MediaError: The suffix is another, or the file can't be written.
    """
    path = Path(path)
    data = encode(image, path.suffix, recipe=recipe, quality=quality, place=str(path))
    if not path.parent.is_dir():
        raise MediaError(f"{path}: can't be written: there is no folder {path.parent}")
    try:
        atomic.write_bytes(path, data)
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {atomic.reason(error)}") from error


def encode(
    image: Tensor,
    suffix: str,
    *,
    recipe: Mapping[str, Any] | None = None,
    quality: int = 95,
    place: str = "picture",
) -> bytes:
    """A picture as the bytes of a file; equal pictures and recipes give equal bytes.

    Args:
        image: (1, 3, H, W) in [0, 1].
        suffix: ``.png``, ``.jpg``, ``.jpeg`` or ``.webp``.
        recipe: What the file is to say about its making.
        quality: Of JPEG and WebP, 1 to 100.
        place: The file's name, for messages.

    Raises:
        MediaError: The suffix is another, or the picture holds values that are not numbers.
    """
    suffix = suffix.lower()
    if suffix not in _WRITE:
        raise MediaError(
            f"{place}: pictures are not written as {suffix or 'files without suffix'!r}; "
            f"allowed are {', '.join(_WRITE)}"
        )
    picture = Image.fromarray(to_bytes(image))
    width, height = picture.size
    most = 65_535 if suffix in (".jpg", ".jpeg") else 16_383 if suffix == ".webp" else 2**31 - 1
    if max(width, height) > most:
        raise MediaError(
            f"{place}: {width} × {height} is more than the format holds ({most} a side); use .png"
        )
    buffer = io.BytesIO()
    if suffix == ".png":
        picture.save(buffer, "PNG")
    elif suffix == ".webp":
        picture.save(buffer, "WEBP", quality=quality, method=4)
    else:
        # 4:4:4, because halved chroma is what one sees first in saturated red
        picture.save(buffer, "JPEG", quality=quality, subsampling=0, optimize=True)
    data = buffer.getvalue()
    return data if recipe is None else provenance.stamped(data, recipe, place)


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture at another size, (1, C, H, W) to (1, C, size[1], size[0]), antialiased.

    Bicubic, with the filter widened when shrinking; overshoot is clamped to [0, 1]. With
    gradient, as all of torch's interpolation.
    """
    width, height = size
    if (image.shape[-1], image.shape[-2]) == (width, height):
        return image
    return interpolate(image, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def contact_sheet(
    images: Sequence[Tensor],
    *,
    columns: int | None = None,
    labels: Sequence[str] | None = None,
    gap: int = 8,
) -> Tensor:
    """Many pictures on one white sheet, (1, 3, H, W), row by row, each with its label below.

    Args:
        images: Pictures, (1, 3, H, W); they may differ in size, and each is centred in its cell.
        columns: How many in a row; by default the sheet is about square.
        labels: One line for each picture, cut to the picture's width.
        gap: Pixels between them.
    """
    if not images:
        raise ValueError("a contact sheet needs a picture")
    columns = columns or math.ceil(math.sqrt(len(images)))
    wide = max(image.shape[-1] for image in images)
    high = max(image.shape[-2] for image in images)
    font = ImageFont.load_default(size=14)
    strip = 22 if labels else 0
    rows = math.ceil(len(images) / columns)
    step_x, step_y = wide + gap, high + strip + gap
    sheet = Image.new("RGB", (columns * step_x + gap, rows * step_y + gap), "white")
    draw = ImageDraw.Draw(sheet)
    for index, image in enumerate(images):
        left = gap + index % columns * step_x
        top = gap + index // columns * step_y
        picture = Image.fromarray(to_bytes(image))
        sheet.paste(picture, (left + (wide - picture.width) // 2, top))
        if labels is not None and index < len(labels):
            text = shortened(labels[index], font, wide)
            draw.text((left + wide / 2, top + high + 2), text, fill="black", font=font, anchor="ma")
    return from_bytes(np.asarray(sheet))


def shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """`text` in one line of at most `width` pixels, cut with an ellipsis if it is longer."""
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _unit(pixels: Pixels) -> _Floats:
    """0…255 to 0…1."""
    return np.divide(pixels, 255, dtype=np.float32)


def _tensor(pixels: _Floats) -> Tensor:
    """(H, W, 3) to (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))


def _load(source: str | Path, *, max_pixels: int, public_only: bool, background: float) -> _Floats:
    """The pixels of a file or address, (H, W, 3) in [0, 1], laid on a grey background."""
    place = str(source)
    file: Path | io.BytesIO
    if isinstance(source, str) and is_url(source):
        file = io.BytesIO(fetch_picture(source, public_only=public_only))
    else:
        file = _regular_file(Path(source))
    try:
        with warnings.catch_warnings():
            # Pillow warns of oddities that it mends, and of sizes that we judge ourselves.
            warnings.simplefilter("ignore")
            return _decode(file, place, max_pixels=max_pixels, background=background)
    except MediaError:
        raise
    except OSError as error:
        why = atomic.reason(error) if error.errno else _complaint(error)
        raise MediaError(f"{place}: can't be read as a picture: {why}") from error
    except MemoryError as error:
        raise MediaError(f"{place}: there is not enough memory for this picture") from error
    except Image.DecompressionBombError as error:
        raise MediaError(
            f"{place}: has far more pixels than the {max_pixels / 1e6:g} megapixels "
            "that are allowed; make it smaller first"
        ) from error
    except Exception as error:
        # A damaged file can fail anywhere inside a decoder (struct, zlib, index, type errors);
        # whatever it is, it is the file.
        raise MediaError(f"{place}: is damaged ({_complaint(error)})") from error


def _regular_file(path: Path) -> Path:
    """`path`, if it is a file; a pipe or a device could be read for ever."""
    try:
        if path.is_file():
            return path
        what = (
            "is a folder, not a picture"
            if path.is_dir()
            else "is not a file"
            if path.exists()
            else "does not exist; paths are relative to the settings file"
        )
    except (OSError, ValueError) as error:
        what = f"can't be read: {error}"
    raise MediaError(f"{path}: {what}")


def _complaint(error: Exception) -> str:
    """What Pillow says, in one line, without the memory addresses that it likes to print."""
    if isinstance(error, UnidentifiedImageError):
        return "it is none of PNG, JPEG, WebP, GIF, BMP, TIFF, PNM, AVIF, TGA and JPEG 2000"
    return " ".join(str(error).split())[:200] or type(error).__name__


def _decode(file: Path | io.BytesIO, place: str, *, max_pixels: int, background: float) -> _Floats:
    Image.init()
    formats = [name for name in _READ if name in Image.OPEN]
    with Image.open(file, formats=formats) as picture:
        width, height = picture.size
        if width * height > max_pixels:
            raise MediaError(
                f"{place}: {width} × {height} is {width * height / 1e6:.1f} megapixels, allowed "
                f"are {max_pixels / 1e6:g}; make it smaller first"
            )
        if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
            log.info("%s: is an animation; its first frame is taken", place)
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        return _flatten(_to_srgb(upright, place), place, background)


def _to_srgb(picture: Image.Image, place: str) -> Image.Image:
    """The picture in sRGB if it carries a usable profile of another space, else as it is."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "P", "CMYK", "L", "LA"):
        return picture
    if picture.mode in ("P", "LA"):
        alpha = "transparency" in picture.info or picture.mode == "LA"
        picture = picture.convert("RGBA" if alpha else "RGB")
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(theirs).lower():
            return picture
        target = "RGBA" if picture.mode == "RGBA" else "RGB"
        ours = ImageCms.createProfile("sRGB")
        changed = ImageCms.profileToProfile(picture, theirs, ours, outputMode=target)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        log.info("%s: its colour profile can't be used (%s); sRGB is assumed", place, error)
        return picture
    return changed if changed is not None else picture


def _flatten(picture: Image.Image, place: str, background: float) -> _Floats:
    """Three channels in [0, 1] of a picture of any mode, transparent parts on a grey."""
    if picture.mode.startswith(("I", "F")):
        return _deep(picture)
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return _unit(np.asarray(picture.convert("RGB")))
    values = _unit(np.asarray(picture.convert("RGBA")))
    colour, alpha = values[..., :3], values[..., 3:]
    if alpha.min() < 1:
        shade = "white" if background else "black"
        log.info("%s: has transparent parts; they are laid on %s", place, shade)
    mixed: _Floats = colour * alpha + np.float32(background) * (1 - alpha)
    return mixed


def _deep(picture: Image.Image) -> _Floats:
    """A grey picture of 16 or 32 bits, as three equal channels.

    Integers are taken as 16 bits, which is what PNG, TIFF and PNM hold in practice; floats as
    lying in [0, 1] already.
    """
    values = np.asarray(picture).astype(np.float32)
    if not picture.mode.startswith("F"):
        values = np.divide(values, 65_535, dtype=np.float32)
    grey = np.clip(np.nan_to_num(values), 0, 1)
    return np.repeat(grey[..., None], 3, axis=2)
