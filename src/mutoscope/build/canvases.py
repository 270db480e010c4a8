"""The canvas that the settings ask for, as it is before the first step."""

import logging
from collections.abc import Callable, MutableMapping
from pathlib import Path

import torch

from mutoscope.build.pictures import Pictures
from mutoscope.canvas.base import Canvas
from mutoscope.canvas.fourier import FourierCanvas
from mutoscope.canvas.gan import GanCanvas
from mutoscope.canvas.noise import NOISES
from mutoscope.canvas.palette import Palette
from mutoscope.canvas.pixels import Pixels
from mutoscope.canvas.squares import Squares
from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.gan.files import file_digest, generator_file, read_generator, read_origin
from mutoscope.gan.generator import Generator
from mutoscope.gan.origin import lineage
from mutoscope.settings import Settings
from mutoscope.vqgan import VQGAN, load_vqgan
from mutoscope.weights import Progress, fetch_pair

log = logging.getLogger("mutoscope")

Shelf = MutableMapping[tuple[str, str], torch.nn.Module]
"""Networks that were loaded, by folder and name, for builds that share them."""

Size = tuple[int, int]
LEAST = 32  # the shorter side of the smallest size that a still begins in, in pixels


Decoder = VQGAN | Generator


def load_decoder(
    settings: Settings, progress: Callable[[str], Progress] | None, shelf: Shelf | None
) -> Decoder | None:
    """The network of a VQGAN or GAN canvas, fetched if need be; None for the others.

    It is taken from ``shelf`` where it lies there, and else put there.

    Raises:
        WeightsError: it can't be had, or is none.
    """
    if settings.image_model == "GAN":
        return _load_generator(settings, shelf)
    if settings.image_model != "VQGAN":
        return None
    name = settings.vqgan_name
    folder = settings.models_folder
    place = (str(folder), f"VQGAN {name}")
    if shelf is not None and isinstance(lying := shelf.get(place), VQGAN):
        return lying
    pair = fetch_pair(name, folder, progress=progress(name) if progress else None)
    decoder = load_vqgan(pair.config, pair.checkpoint)
    if shelf is not None:
        shelf[place] = decoder
    return decoder


def _load_generator(settings: Settings, shelf: Shelf | None) -> Generator:
    path = generator_path(settings)
    place = (str(path), "GAN")
    if shelf is not None and isinstance(lying := shelf.get(place), Generator):
        return lying
    generator = read_generator(path).eval().requires_grad_(False)
    # Now: a training that goes on may replace the file while this one is at work.
    generator.lineage = lineage(file_digest(path), read_origin(path))
    if shelf is not None:
        shelf[place] = generator
    return generator


def generator_path(settings: Settings) -> Path:
    """The file of the generator that ``gan_model`` names: itself, or the one in its folder."""
    return generator_file(Path(settings.resolve(settings.gan_model)))


def make_canvas(
    settings: Settings,
    pictures: Pictures | None,
    size: Size,
    *,
    generator: torch.Generator,
    decoder: Decoder | None = None,
) -> Canvas:
    """The canvas for a picture of ``size``: noise, or the init image, with its palette.

    Without ``pictures`` it is one that only shows how much it takes to draw.
    """
    start = pictures.initial if pictures is not None else None
    if start is None and settings.init_noise != "none":
        start = NOISES[settings.init_noise](size, generator=generator)
    canvas: Canvas
    if isinstance(decoder, Generator):
        canvas = GanCanvas(decoder, generator=generator, truncation=settings.gan_truncation)
    elif decoder is not None:
        canvas = _vqgan(settings, size, generator, decoder)
    else:
        canvas = CANVASES[settings.image_model](settings, size, generator)
    if isinstance(canvas, Palette) and settings.target_palette and pictures is not None:
        canvas.match(pictures.image(settings.target_palette))
    if start is not None:
        canvas.encode(start)
    if isinstance(canvas, Palette) and settings.lock_palette:
        canvas.lock()
    return canvas


def picture_sizes(settings: Settings, initial: Size | None, f: int | None) -> list[Size]:
    """The picture's size, in pixels of the file, in each stage; the last is that of the file.

    ``f``: how many pixels a side each code of a VQGAN draws, None without one.
    """
    width, height = (side * settings.pixel_size for side in settings.size(initial))
    unit = f if f is not None else settings.pixel_size
    last = (_rounded(width, unit), _rounded(height, unit))
    if last != (width, height):
        log.info(
            "a VQGAN of f = %d draws in squares of that many pixels: the picture is %d x %d "
            "instead of %d x %d",
            *(unit, *last, width, height),
        )
    # A size that would be too small to show anything is the next larger one instead.
    smallest = min(1.0, LEAST / min(last))
    shares = [max(smallest, 0.5**halvings) for halvings in range(settings.sizes - 1, 0, -1)]
    return [*((_rounded(share * w, unit), _rounded(share * h, unit))
              for w, h in [last] for share in shares), last]  # fmt: skip


def generator_size(side: int) -> list[Size]:
    """The sizes in which a generator draws: its own."""
    log.info("the picture is %d x %d, as the generator draws it; mutoscope upscale enlarges", *(
        side, side,
    ))  # fmt: skip
    return [(side, side)]


def _rounded(side: float, unit: int) -> int:
    """The whole number of ``unit`` that is nearest to ``side``, one at least."""
    return max(1, int(side / unit + 0.5)) * unit


def squares(settings: Settings, size: Size) -> Size:
    """A size in drawn pixels."""
    return size[0] // settings.pixel_size, size[1] // settings.pixel_size


def _pixels(settings: Settings, size: Size, generator: torch.Generator) -> Canvas:
    return Pixels(squares(settings, size), generator=generator, pixel_size=settings.pixel_size)


def _palette(settings: Settings, size: Size, generator: torch.Generator) -> Canvas:
    return Palette(
        squares(settings, size),
        generator=generator,
        pixel_size=settings.pixel_size,
        palette_size=settings.palette_size,
        palettes=settings.palettes,
        gamma=settings.gamma,
        random_palette=settings.random_initial_palette,
    )


def _fourier(settings: Settings, size: Size, generator: torch.Generator) -> Canvas:
    # Larger canvases, which go on from a picture, are open at once.
    opening = round(settings.coarse_to_fine * beginning(settings) / settings.sizes)
    canvas = FourierCanvas(
        squares(settings, size), generator=generator, opening=opening, tile=tiled(settings)
    )
    return canvas if settings.pixel_size == 1 else Squares(canvas, settings.pixel_size)


def _vqgan(settings: Settings, size: Size, generator: torch.Generator, model: VQGAN) -> Canvas:
    model.wrap = tiled(settings)
    return VqganCanvas(size, model=model, generator=generator, clamp_codes=settings.clamp_latent)


def beginning(settings: Settings) -> int:
    """The steps of the first scene, or those before a film's first move."""
    still = settings.animation_mode == "off"
    return settings.steps_per_scene if still else settings.pre_animation_steps


def tiled(settings: Settings) -> tuple[bool, bool]:
    """Along which axes, x first, the picture is to repeat without a seam."""
    return settings.tile in ("x", "both"), settings.tile in ("y", "both")


# From a name in the settings to what draws without a network.
CANVASES: dict[str, Callable[[Settings, Size, torch.Generator], Canvas]] = {
    "Unlimited Palette": _pixels,
    "Limited Palette": _palette,
    "Fourier": _fourier,
}
