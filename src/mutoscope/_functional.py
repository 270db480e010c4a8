"""The helpers that scripts for vqgan-clip-generator import, most often as ``VF``."""

import math
from pathlib import Path
from typing import Any

from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.script.stories import parse_story

__all__ = [
    "copy_image_metadata",
    "filesize_matching_aspect_ratio",
    "parse_all_prompts",
    "parse_story_prompts",
    "split_prompt",
    "zoom_at",
]


class PictureError(MediaError, ValueError):
    """A picture that can't be used; a ``ValueError`` too, as it was in vqgan-clip-generator."""


def copy_image_metadata(src: str | Path, dst: str | Path) -> None:
    """Have pictures say of themselves what others do, as after they were made larger.

    Args:
        src: a picture, or a folder of them.
        dst: a picture; or a folder with pictures of the same names, whatever their endings.

    Raises:
        MediaError: there is no such picture, or it can't be read or written.
    """
    from mutoscope.frames.folder import picture_paths
    from mutoscope.provenance import copy_metadata

    source, target = Path(src), Path(dst)
    if not source.is_dir():
        for path in (source, target):
            if not path.is_file():
                raise PictureError(f"copy_image_metadata: there is no file {path}")
        copy_metadata(source, target)
        return
    if not target.is_dir():
        raise PictureError(f"copy_image_metadata: {source} is a folder, and {target} is none")
    called = {path.stem: path for path in picture_paths(target)}
    pairs = []
    for path in picture_paths(source):
        if path.stem not in called:
            raise PictureError(
                f"copy_image_metadata: {target} has no picture called {path.stem}, as {source} "
                "has; both folders must hold the same pictures"
            )
        pairs.append((path, called[path.stem]))
    for one, other in pairs:
        copy_metadata(one, other)


def filesize_matching_aspect_ratio(
    file_name: str | Path, desired_x: int, desired_y: int
) -> tuple[int, int]:
    """Width and height of a picture's shape whose area is at most the one that is wanted.

    Raises:
        ValueError: there is no such picture.
    """
    from mutoscope.images import load_image

    if not Path(file_name).is_file():
        raise PictureError(f"Input argument file_name not found. There is no file {file_name}")
    image = load_image(file_name)
    ratio = image.shape[-1] / image.shape[-2]
    height = int(math.sqrt(desired_x * desired_y / ratio))
    return int(ratio * height), height


def parse_story_prompts(prompt: str | None) -> list[list[str]]:
    """The prompts of each group of a story, as they are written."""
    return [
        [_written(each.text, each.weight.text, each.stop.text) for each in group]
        for group in parse_story(prompt or "", place="prompt")
    ]


def parse_all_prompts(
    text_prompts: Any, image_prompts: Any, noise_prompts: Any
) -> tuple[list[list[str]], list[list[str]], list[list[str]]]:
    """The prompts of each group of the three stories, as they are written."""
    return (
        parse_story_prompts(text_prompts or None),
        parse_story_prompts(image_prompts or None),
        parse_story_prompts(noise_prompts or None),
    )


def split_prompt(prompt: str) -> tuple[str, float, float]:
    """A prompt's text, weight and stop; only numbers at its end are any."""
    ((read,),) = parse_story([[prompt]], place="prompt")
    weight, stop = read.weight.constant, read.stop.constant
    assert weight is not None  # noqa: S101 - stories hold constants alone
    assert stop is not None  # noqa: S101
    return read.text, weight, stop


def zoom_at(img: Image.Image, x: float, y: float, zoom: float) -> Image.Image:
    """A picture zoomed by a factor about a place, in pixels; beyond its edges it is black."""
    width, height = img.size
    # Where each corner of the result is read; the place itself stays in the middle.
    left, top = x - width / (2 * zoom), y - height / (2 * zoom)
    return img.transform(
        img.size,
        Image.Transform.AFFINE,
        (1 / zoom, 0, left, 0, 1 / zoom, top),
        resample=Image.Resampling.BICUBIC,
    )


def _written(text: str, weight: str, stop: str) -> str:
    if stop != "-inf":
        return f"{text}:{weight}:{stop}"
    return text if weight == "1" else f"{text}:{weight}"
