"""Films that walk through the latent space of a generator, and sheets to choose their keys by."""

from mutoscope.walk.film import Filming, walk_to_film, walk_to_folder
from mutoscope.walk.keys import Keys, keys_from, numbers_of, sample
from mutoscope.walk.render import Renderer, load_renderer
from mutoscope.walk.route import STYLES, Drive, Route, Walk, plan
from mutoscope.walk.sheet import write_sheet

__all__ = [
    "STYLES",
    "Drive",
    "Filming",
    "Keys",
    "Renderer",
    "Route",
    "Walk",
    "keys_from",
    "load_renderer",
    "numbers_of",
    "plan",
    "sample",
    "walk_to_film",
    "walk_to_folder",
    "write_sheet",
]
