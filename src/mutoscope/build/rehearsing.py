"""What of a run can be had without its networks: its timeline, motion, pictures and sizes."""

from collections.abc import Callable
from dataclasses import dataclass

from mutoscope.build.canvases import Size, generator_path, generator_size, picture_sizes
from mutoscope.build.motions import film_size, load_depth_eye, make_motion
from mutoscope.build.parts import choose_device, make_timeline
from mutoscope.build.pictures import Pictures
from mutoscope.gan.files import read_generator
from mutoscope.paint import Motion
from mutoscope.schedule import Schedule
from mutoscope.settings import Settings
from mutoscope.vqgan.config import read_architecture
from mutoscope.vqgan_names import resolve_vqgan
from mutoscope.weights import Progress
from mutoscope.weights.pairs import locate_pair


@dataclass(frozen=True)
class Rehearsal:
    """A run that can be walked through, but not painted.

    Attributes:
        settings: those of the run.
        schedule: what happens at which step; it knows the sound.
        pictures: those that the settings name, read.
        motion: the very motion that painting would call, or None in a still.
        size: (width, height) of the picture's file.
    """

    settings: Settings
    schedule: Schedule
    pictures: Pictures
    motion: Motion | None
    size: Size


def rehearse(settings: Settings, *, progress: Callable[[str], Progress] | None = None) -> Rehearsal:
    """Make what moves the picture of ``settings``, and nothing that paints or judges it.

    Networks are loaded only where a motion needs them: for depth, and for the flow of a film.

    Args:
        settings: checked settings.
        progress: given a network's name, what is told how far its download is.

    Raises:
        MutoscopeError: something that the settings name can't be had.
    """
    device = choose_device(settings.device)
    pictures = Pictures(settings)
    schedule = make_timeline(settings)
    initial = pictures.initial_size or film_size(settings)
    if settings.image_model == "GAN":
        size = generator_size(read_generator(generator_path(settings)).shape.size)[-1]
    else:
        size = picture_sizes(settings, initial, _unit(settings))[-1]
    depth = load_depth_eye(settings, device, progress)
    motion = make_motion(settings, schedule, size, depth=depth, device=device)
    return Rehearsal(settings, schedule, pictures, motion, size)


def _unit(settings: Settings) -> int | None:
    """The factor f of the VQGAN asked for, without its weights; None for other canvases.

    One of a user's own that isn't there yet is taken for the usual 16.
    """
    if settings.image_model != "VQGAN":
        return None
    asked = resolve_vqgan(settings.vqgan_name)
    if asked.known is not None:
        return asked.known.f
    pair = locate_pair(asked, settings.models_folder)
    return 16 if pair is None else read_architecture(pair.config).f
