"""The report as a picture: what is in it can be seen."""

import numpy as np
import pytest

from mutoscope.quality import plot as module
from mutoscope.quality.plot import plot
from mutoscope.quality.report import Quality
from mutoscope.quality.wishes import Wish

RED = (200, 30, 40)


def pixels_of(image, colour):
    """How many pixels have a colour."""
    target = np.array(colour, np.float32) / 255
    found = np.abs(image[0].permute(1, 2, 0).numpy() - target).max(-1) < 0.02
    return int(found.sum())


def wish(scene=1, **changes):
    known = {
        "scene": scene, "label": "a fox", "away": False, "places": tuple(range(8)),
        "distances": tuple(np.linspace(0.9, 0.5, 8)), "whole": True, "begin": 0.9, "end": 0.5,
        "best": 0.5, "worse": False,
    }  # fmt: skip
    return Wish(**{**known, **changes})


def test_a_film_that_is_all_right_has_no_red_on_its_plot(pan, measured):
    image = plot(Quality.of("film", measured(pan(12), rate=4)))
    assert image.shape[-1] == module.WIDTH
    assert pixels_of(image, RED) == 0
    assert pixels_of(image, module._COLOURS[0]) > 300  # its flicker


def test_the_worst_frames_are_marked_where_they_are(pan, measured):
    film = pan(12)
    film[9] = np.zeros_like(film[0])
    image = plot(Quality.of("film", measured(film, rate=4)))
    assert pixels_of(image, RED) > 30
    band = np.abs(image[0].permute(1, 2, 0).numpy() - np.array(module._BAND) / 255).max(-1) < 0.02
    across = np.flatnonzero(band.sum(0) > 100)
    span = module.WIDTH - module._RIGHT - module._LEFT
    assert across.min() == pytest.approx(module._LEFT + 9 / 12 * span, abs=2)
    assert across.max() == pytest.approx(module._LEFT + 10 / 12 * span, abs=2)


def test_prompts_have_a_panel_of_their_own(pan, measured):
    film = measured(pan(8), rate=4)
    bare, full = plot(Quality.of("film", film)), plot(Quality.of("film", film, wishes=[wish()]))
    assert full.shape[-2] > bare.shape[-2]


@pytest.mark.parametrize("count", [1, 2, 90])
def test_films_of_any_length_are_plotted(pan, measured, count):
    film = (pan(8) * 12)[:count]
    image = plot(Quality.of("a name that is long " * 20, measured(film)))
    assert bool((image >= 0).all() and (image <= 1).all())


def test_many_prompts_masked_or_not_are_plotted(pan, measured):
    wishes = [wish(k, label=f"prompt {k}", whole=k % 2 == 0) for k in range(1, 14)]
    wishes.append(wish(14, places=(3,), distances=(0.4,)))
    film = measured(pan(8), rate=4)
    image = plot(Quality.of("film", film, wishes=wishes, scenes={0: 0, 1: 4}))
    assert pixels_of(image, module._COLOURS[5]) > 30
