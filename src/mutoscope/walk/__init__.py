"""Films that walk through the latent space of a generator, and sheets to choose their keys by."""

from mutoscope.walk.film import Filming, walk_to_film, walk_to_folder
from mutoscope.walk.keys import Keys, keys_from, numbers_of, sample
from mutoscope.walk.planning import Leading, Walk, plan
from mutoscope.walk.render import Renderer, load_renderer
from mutoscope.walk.route import STYLES, Drive, Route
from mutoscope.walk.sheet import write_sheet
from mutoscope.walk.toward import Toward

__all__ = [
    "STYLES",
    "Drive",
    "Filming",
    "Keys",
    "Leading",
    "Renderer",
    "Route",
    "Toward",
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
