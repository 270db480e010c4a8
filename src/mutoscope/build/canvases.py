"""The canvas that the settings ask for, as it is before the first step."""

from collections.abc import Callable

import torch

from mutoscope.build.pictures import Pictures
from mutoscope.canvas.base import Canvas
from mutoscope.canvas.fourier import FourierCanvas
from mutoscope.canvas.palette import Palette
from mutoscope.canvas.pixels import Pixels
from mutoscope.canvas.squares import Squares
from mutoscope.settings import Settings

Make = Callable[[Settings, tuple[int, int], torch.Generator], Canvas]


def make_canvas(settings: Settings, pictures: Pictures, *, generator: torch.Generator) -> Canvas:
    """The canvas: noise, or the init image where there is one, with its palette."""
    initial = pictures.initial
    size = settings.size((initial.shape[-1], initial.shape[-2]) if initial is not None else None)
    canvas = CANVASES[settings.image_model](settings, size, generator)
    if isinstance(canvas, Palette):
        if settings.target_palette:
            canvas.match(pictures.image(settings.target_palette))
        if initial is not None:
            canvas.encode(initial)
        if settings.lock_palette:
            canvas.lock()
    elif initial is not None:
        canvas.encode(initial)
    return canvas


def _pixels(settings: Settings, size: tuple[int, int], generator: torch.Generator) -> Canvas:
    return Pixels(size, generator=generator, pixel_size=settings.pixel_size)


def _palette(settings: Settings, size: tuple[int, int], generator: torch.Generator) -> Canvas:
    return Palette(
        size,
        generator=generator,
        pixel_size=settings.pixel_size,
        palette_size=settings.palette_size,
        palettes=settings.palettes,
        gamma=settings.gamma,
        random_palette=settings.random_initial_palette,
    )


def _fourier(settings: Settings, size: tuple[int, int], generator: torch.Generator) -> Canvas:
    still = settings.animation_mode == "off"
    first = settings.steps_per_scene if still else settings.pre_animation_steps
    opening = round(settings.coarse_to_fine * first)
    canvas = FourierCanvas(size, generator=generator, opening=opening)
    return canvas if settings.pixel_size == 1 else Squares(canvas, settings.pixel_size)


# From a name in the settings to what draws; the schema's names are held to these by a test.
CANVASES: dict[str, Make] = {
    "Unlimited Palette": _pixels,
    "Limited Palette": _palette,
    "Fourier": _fourier,
}
