"""Processing of what lies on the disk: drawings, folders of them, runs, and films."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mutoscope.colours import PicturePalette, parse_palette
from mutoscope.errors import MediaError, SettingsError
from mutoscope.finish.fill import Shapes, painted, regions_of
from mutoscope.finish.numbered import produce_pictures
from mutoscope.finish.origin import Counted, digest_of, recipe_in, refuse_picture
from mutoscope.finish.process import Grey, Tone, to_grey
from mutoscope.finish.produce import produce
from mutoscope.finish.region_colours import By, Chooser, PaletteColours, PictureColours, Steady
from mutoscope.frames.codecs import codec_of
from mutoscope.images import Pixels, from_bytes, load_image, resize, save_image, to_bytes
from mutoscope.run.joining import RATE, Joined, extras_of
from mutoscope.run.material import Material, Stills, material_of
from mutoscope.terms.attraction import main_colours

log = logging.getLogger("mutoscope")

_SIZES = 4  # of one picture under drawings, kept at a time


@dataclass(frozen=True)
class Filling:
    r"""How regions are coloured.

    Attributes:
        colours: A palette, a picture's path with a number of its main colours behind ``\``, or a
            picture's path alone, whose colours come from where a region lies.
        shapes: What counts as a region.
        by: What decides, with a palette.
        seed: Another one draws other lots.
        fade: Over how many frames of a film a colour changes.
        each: Whether each picture is coloured by itself, not as a frame of a film.
        loop: Whether the film plays round, so that its first frame comes after its last.

    Raises:
        SettingsError: ``each`` and ``loop`` contradict one another.
    """

    colours: str
    shapes: Shapes = field(default_factory=Shapes)
    by: By = By.CHANCE
    seed: int = 0
    fade: int = 8
    each: bool = False
    loop: bool = False

    def __post_init__(self) -> None:
        if self.each and self.loop:
            raise SettingsError(
                "--loop: is for films, and with --each every picture is coloured by itself; leave "
                "out one of them"
            )

    @property
    def picture(self) -> Path | None:
        """The picture whose file the colours depend on, if that lies on the disk."""
        palette = parse_palette(self.colours, place="--fill")
        if not isinstance(palette, PicturePalette) or "://" in palette.source:
            return None
        return Path(palette.source)

    def chooser(self) -> Chooser:
        """What gives colours to regions.

        Raises:
            SettingsError: The colours can't be understood, or ``by`` doesn't go with them.
            MediaError: The picture can't be read.
        """
        palette = parse_palette(self.colours, place="--fill")
        if not isinstance(palette, PicturePalette):
            return PaletteColours(palette, self.by, self.seed)
        image = load_image(palette.source)
        if palette.source != self.colours.strip().removeprefix("@").strip():
            rows: list[list[float]] = main_colours(image, palette.count).tolist()
            colours = tuple((red, green, blue) for red, green, blue in rows)
            return PaletteColours(colours, self.by, self.seed)
        if self.by is not By.CHANCE:
            raise SettingsError(
                f"--by: {self.by} is for palettes, and {palette.source} gives each region the "
                f"colour it has there; for its main colours write '{palette.source}\\8'"
            )

        @lru_cache(_SIZES)
        def fitted(size: tuple[int, int]) -> Pixels:
            return to_bytes(covering(image, size))

        return PictureColours(fitted)


@dataclass(frozen=True)
class Processing:
    """What is to be processed, and how.

    Attributes:
        path: A picture, a folder of pictures, the folder of a run, or a film.
        tone: What becomes of the greys, before any filling.
        filling: How regions are coloured, if they are.
        overwrite: Whether what is there may be replaced.
    """

    path: Path
    tone: Tone = field(default_factory=Tone)
    filling: Filling | None = None
    overwrite: bool = False

    def frames(self, source: Callable[[], Iterator[Tensor]]) -> Callable[[int], Iterator[Tensor]]:
        """The processed pictures from a number on, wherever one starts the same.

        Colours that are steady depend on the frames before: those are looked at again, but not
        painted.
        """
        filling = self.filling
        if filling is None:
            return lambda start: (
                from_bytes(_three(grey)) for _, grey in self._greys(source, start)
            )
        chooser, shapes = filling.chooser(), filling.shapes

        def alone(start: int) -> Iterator[Tensor]:
            for _, grey in self._greys(source, start):
                regions = regions_of(grey, shapes)
                yield from_bytes(painted(grey, regions, chooser(regions), shapes))

        def as_film(start: int) -> Iterator[Tensor]:
            steady = Steady(chooser, filling.fade)
            if filling.loop:  # begin with what the film leaves at its end
                for _, grey in self._greys(source, 0):
                    _, steady = steady.after(regions_of(grey, shapes))
            for number, grey in self._greys(source, 0):
                regions = regions_of(grey, shapes)
                colours, steady = steady.after(regions)
                if number >= start:
                    yield from_bytes(painted(grey, regions, colours, shapes))

        return alone if filling.each else as_film

    def _greys(
        self, source: Callable[[], Iterator[Tensor]], start: int
    ) -> Iterator[tuple[int, Grey]]:
        """The drawings from a number on, each (H, W), with their numbers."""
        for number, image in enumerate(source()):
            if number >= start:
                yield number, self.tone(to_grey(to_bytes(image)))

    def told(self, recipe: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """A recipe with a word on the processing."""
        return None if recipe is None else {**recipe, "process": self._how()}

    def key(self, paths: Sequence[Path], **more: Any) -> dict[str, Any]:
        """What the result depends on, by the files that it is made from."""
        picture = self.filling.picture if self.filling else None
        under = [] if picture is None else [picture]
        return {"process": self._how(), "from": digest_of([*paths, *under]), **more}

    def _how(self) -> dict[str, Any]:
        how: dict[str, Any] = {k: v for k, v in asdict(self.tone).items() if v not in (None, False)}
        if self.filling is not None:
            how["fill"] = asdict(self.filling)
        return how


def process_picture(processing: Processing, out: Path) -> None:
    """Write one picture processed, with its recipe.

    Raises:
        MediaError: It can't be read, or the result can't be written or is there.
        SettingsError: The colours can't be understood.
    """
    refuse_picture(out, overwrite=processing.overwrite)
    image = load_image(processing.path)
    (made,) = processing.frames(lambda: iter([image]))(0)
    save_image(made, out, recipe=processing.told(recipe_in(processing.path)))


def process_to_film(
    processing: Processing,
    out: Path,
    *,
    rate: Fraction | None = None,
    progress: Counted = lambda *_: None,
) -> None:
    """Write a processed film, with the sound of a run or film; see `produce`.

    Args:
        processing: What and how.
        out: The film; its ending says of which kind.
        rate: Pictures per second, by default its own, or 12; a film is then resampled.
        progress: Told after each picture.

    Raises:
        MediaError: Something can't be read, or the film can't be written or is there.
        RunError: Another process is making this film, or the run is damaged or has no frames.
        SettingsError: The colours can't be understood.
    """
    codec_of(out)  # refused before anything is read
    _refuse_itself(processing.path, out)
    material = material_of(processing.path)
    joined = Joined([material], rate=rate)
    extras = extras_of(joined, out)
    paths = material.paths if isinstance(material, Stills) else [processing.path]
    total = material.length(joined.rate)
    produce(
        out,
        processing.frames(lambda: iter(joined)),
        key=processing.key(paths, rate=str(joined.rate)),
        rate=joined.rate,
        total=total,
        sound=extras.sound,
        sound_from=extras.sound_from,
        recipe=processing.told(extras.recipe),
        overwrite=processing.overwrite,
        progress=lambda done: progress(done, total),
    )


def process_to_folder(
    processing: Processing, out: Path, *, progress: Counted = lambda *_: None
) -> None:
    """Write processed pictures under their names, with their recipes; see `produce_pictures`.

    Those of a film are called by its name and their number. Pictures of a folder may differ in
    size.

    Args:
        processing: What and how.
        out: The folder.
        progress: Told after each picture.

    Raises:
        MediaError: A picture can't be read, or the folder can't be written or holds something
            else.
        RunError: Another process writes to it, or the run is damaged or has no frames.
        SettingsError: The colours can't be understood.
    """
    material = material_of(processing.path)
    paths = [processing.path]
    if isinstance(material, Stills):
        paths = material.paths
        if any(out.resolve() == path.parent.resolve() for path in paths):
            raise MediaError(f"{out}: holds the pictures themselves; choose another folder")
        names = [path.name for path in paths]
    else:
        count = material.length(material.rate or RATE)
        names = [f"{processing.path.stem}_{number}.png" for number in range(1, count + 1)]
    produce_pictures(
        out,
        processing.frames(_source(material)),
        names,
        key=processing.key(paths),
        recipe=_recipes(processing, material),
        overwrite=processing.overwrite,
        progress=lambda done: progress(done, len(names)),
    )


def covering(image: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture scaled to cover all of `size`, undistorted, what stands over cut off evenly."""
    width, height = size
    scale = max(width / image.shape[-1], height / image.shape[-2])
    inside = (
        max(width, round(image.shape[-1] * scale)),
        max(height, round(image.shape[-2] * scale)),
    )
    large = resize(image, inside)
    left, top = (inside[0] - width) // 2, (inside[1] - height) // 2
    return large[..., top : top + height, left : left + width]


def _source(material: Material) -> Callable[[], Iterator[Tensor]]:
    """The pictures of what lies there, one for each name."""
    if isinstance(material, Stills):
        paths = material.paths
        return lambda: (load_image(path) for path in paths)  # one that is damaged is an error
    shown = material.pictures
    rate = material.rate or RATE
    return lambda: (image for image in shown(rate) if image is not None)


def _recipes(processing: Processing, material: Material) -> Callable[[int], dict[str, Any] | None]:
    """What each picture, counted from 0, is to say about its making."""
    if isinstance(material, Stills):
        paths = material.paths
        return lambda number: processing.told(recipe_in(paths[number]))

    def of_film(number: int) -> dict[str, Any] | None:
        told = processing.told(material.extras.recipe)
        return told and {**told, "frame": number + 1}

    return of_film


def _three(grey: Grey) -> Pixels:
    """Grey as the three channels of a picture."""
    return np.repeat(grey[..., None], 3, axis=2)


def _refuse_itself(source: Path, out: Path) -> None:
    if out.exists() and source.exists() and out.samefile(source):
        raise MediaError(f"{out}: is the film itself; choose another name")
