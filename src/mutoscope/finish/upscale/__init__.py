"""Pictures, folders and films made larger, by Real-ESRGAN or a checkpoint of one's own."""

from mutoscope.finish.upscale.jobs import upscale_film, upscale_folder, upscale_picture
from mutoscope.finish.upscale.models import EMBEDDED, FOR_FILMS, FOR_PICTURES
from mutoscope.finish.upscale.upscaler import Upscaler, load_upscaler

__all__ = [
    "EMBEDDED",
    "FOR_FILMS",
    "FOR_PICTURES",
    "Upscaler",
    "load_upscaler",
    "upscale_film",
    "upscale_folder",
    "upscale_picture",
]
