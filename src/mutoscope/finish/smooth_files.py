"""Smoothing over time of what lies on the disk: runs, folders of pictures, and films."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope.errors import MediaError
from mutoscope.finish.numbered import missing_numbers, produce_pictures
from mutoscope.finish.origin import Counted, digest_of, recipe_in
from mutoscope.finish.produce import produce
from mutoscope.finish.smooth import Source, smoothed
from mutoscope.frames.codecs import codec_of
from mutoscope.images import load_image
from mutoscope.run.joining import RATE, Joined, extras_of
from mutoscope.run.material import Material, Stills, material_of
from mutoscope.smoothing import Window

log = logging.getLogger("mutoscope")


@dataclass(frozen=True)
class Smoothing:
    """What is to be smoothed: the folder of a run, a folder of pictures or a film, and how.

    ``overwrite``: whether what is there may be replaced.
    """

    path: Path
    window: Window
    overwrite: bool = False

    def material(self) -> Material:
        """What lies there.

        Raises:
            MediaError: there is nothing of that kind.
            RunError: it is a run without frames, or a damaged one.
        """
        if not self.path.exists():
            raise MediaError(
                f"{self.path}: does not exist; give the folder of a run, a folder of pictures or a "
                "film"
            )
        return material_of(self.path)

    def told(self, recipe: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """A recipe with a word on the smoothing."""
        how = {"buffer": self.window.length, "alpha": self.window.alpha}
        return None if recipe is None else {**recipe, "smooth": how}

    def key(self, paths: Sequence[Path], **more: Any) -> dict[str, Any]:
        """What the result depends on, by the files that it is made from."""
        return {
            "smooth": [self.window.length, self.window.alpha],
            "from": digest_of(paths),
            **more,
        }


def smooth_to_film(
    smoothing: Smoothing,
    out: Path,
    *,
    rate: Fraction | None = None,
    progress: Counted = lambda *_: None,
) -> None:
    """Write a film that is smoothed over time, with the sound of a run or film; see `produce`.

    Args:
        smoothing: what and how.
        out: the film; its ending says of which kind.
        rate: pictures per second, by default its own, or 12; a film is then resampled.
        progress: told after each picture.

    Raises:
        MediaError: something can't be read, or the film can't be written or is there.
        RunError: another process is making this film, or the run is damaged or has no frames.
    """
    codec_of(out)  # refused before anything is read
    material = smoothing.material()
    joined = Joined([material], rate=rate)
    extras = extras_of(joined, out)
    paths = [smoothing.path]
    if isinstance(material, Stills):
        paths = material.paths
        _tell_of_gaps(smoothing.path, paths)
    total = material.length(joined.rate)
    produce(
        out,
        smoothed(_pictures_of(material, joined.rate), smoothing.window),
        key=smoothing.key(paths, rate=str(joined.rate)),
        rate=joined.rate,
        total=total,
        sound=extras.sound,
        sound_from=extras.sound_from,
        recipe=smoothing.told(extras.recipe),
        overwrite=smoothing.overwrite,
        progress=lambda done: progress(done, total),
    )


def smooth_to_folder(
    smoothing: Smoothing, out: Path, *, progress: Counted = lambda *_: None
) -> None:
    """Write pictures that are smoothed over time, under their names, with their recipes.

    Those of a film are called by its name and their number; see `produce_pictures`.

    Args:
        smoothing: what and how.
        out: the folder.
        progress: told after each picture.

    Raises:
        MediaError: a picture can't be read or has another size, or the folder can't be written or
            holds something else.
        RunError: another process writes to it, or the run is damaged or has no frames.
    """
    material = smoothing.material()
    rate = material.rate or RATE
    if isinstance(material, Stills):
        paths = material.paths
        if any(out.resolve() == path.parent.resolve() for path in paths):
            raise MediaError(f"{out}: holds the pictures themselves; choose another folder")
        _tell_of_gaps(smoothing.path, paths)
        source, names = _pictures_in(paths, material.size), [path.name for path in paths]

        def recipe(number: int) -> dict[str, Any] | None:
            return smoothing.told(recipe_in(paths[number]))
    else:
        paths = [smoothing.path]
        count = material.length(rate)
        source = _pictures_of(material, rate)
        names = [f"{smoothing.path.stem}_{number}.png" for number in range(1, count + 1)]

        def recipe(number: int) -> dict[str, Any] | None:
            told = smoothing.told(material.extras.recipe)
            return told and {**told, "frame": number + 1}

    produce_pictures(
        out,
        smoothed(source, smoothing.window),
        names,
        key=smoothing.key(paths),
        recipe=recipe,
        overwrite=smoothing.overwrite,
        progress=lambda done: progress(done, len(names)),
    )


def _pictures_of(material: Material, rate: Fraction) -> Source:
    """The pictures of a run, folder or film at a rate, without those that are damaged."""

    def pictures(start: int) -> Iterator[Tensor]:
        readable = (image for image in material.pictures(rate) if image is not None)
        for number, image in enumerate(readable):
            _refuse_other_size(image, material.size, f"{material.path}: picture {number + 1}")
            if number >= start:
                yield image

    return pictures


def _pictures_in(paths: Sequence[Path], size: tuple[int, int]) -> Source:
    """The pictures in files, each of which has to be readable."""

    def pictures(start: int) -> Iterator[Tensor]:
        for path in paths[start:]:
            image = load_image(path)
            _refuse_other_size(image, size, str(path))
            yield image

    return pictures


def _refuse_other_size(image: Tensor, size: tuple[int, int], place: str) -> None:
    if (image.shape[-1], image.shape[-2]) != size:
        raise MediaError(
            f"{place}: is {image.shape[-1]} × {image.shape[-2]}, but the first is {size[0]} × "
            f"{size[1]}; pictures that follow each other have one size"
        )


def _tell_of_gaps(path: Path, paths: Sequence[Path]) -> None:
    if missing := missing_numbers(paths):
        log.warning(
            "%s: pictures are missing (%s); those around them are smoothed as neighbours",
            path, missing,
        )  # fmt: skip
