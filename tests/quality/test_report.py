"""The report as data, and what it says of a film."""

import json
import math

import numpy as np
import pytest

from mutoscope.quality.report import FORMAT, Quality
from mutoscope.quality.table import table
from mutoscope.quality.wishes import Wish


def wish(**changes):
    known = {
        "scene": 1, "label": "a fox", "away": False, "places": (0, 1, 3),
        "distances": (0.6, 0.5, 0.4), "whole": True, "begin": 0.6, "end": 0.4, "best": 0.4,
        "worse": False,
    }  # fmt: skip
    return Wish(**{**known, **changes})


@pytest.fixture
def judged(measured):
    """The report of a film of arrays."""

    def judge(film, *, wishes=(), scenes=None, **known):
        return Quality.of("film", measured(film, **known), wishes=wishes, scenes=scenes)

    return judge


def circle(texture, count):
    """A camera that goes there and back, always at the same pace: its end leads to its start."""
    half = count // 2
    places = [2 * k for k in [*range(half), *range(half, 0, -1)]]
    return [texture()[:, x : x + 120].copy() for x in places]


# ── the seam ──


def test_a_perfect_loop_has_a_seam_of_one(texture, judged):
    quality = judged(circle(texture, 16), loops=True)
    assert quality.seam == pytest.approx(1, rel=0.1)
    assert quality.findings() == []
    assert quality.film.seam.flicker < 0.3


def test_an_open_film_has_a_seam_of_many_steps(pan, judged):
    quality = judged(pan(30), loops=True)
    assert quality.seam > 3
    assert any("seam shows" in finding for finding in quality.findings())
    # It is no fault of a film that is not to be played round.
    assert not any("seam" in finding for finding in judged(pan(30)).findings())


# ── colours ──


def test_colours_that_stay_do_not_drift(pan, judged):
    quality = judged(pan(12, step=1), rate=4)
    assert quality.last(quality.drift()) < 2
    assert quality.last(quality.ratio("contrast")) == pytest.approx(1, abs=0.1)


def test_a_film_that_gets_lighter_drifts_by_so_much(judged):
    """Greys from 0.3 to 0.6 of OKLab's lightness, in even steps."""
    film = []
    for lightness in np.linspace(0.3, 0.6, 12):
        linear = lightness**3
        grey = 1.055 * linear ** (1 / 2.4) - 0.055
        ground = np.full((40, 60, 3), grey, np.float32)
        ground[::2] += np.float32(0.02)
        ground[1::2] -= np.float32(0.02)
        film.append(ground)
    quality = judged(film, rate=1)
    assert quality.drift()[[0, -1]] == pytest.approx([0, 30], abs=0.5)
    assert any("strays by 30" in finding for finding in quality.findings())
    # Other scenes may have other colours.
    many = judged(film, rate=1, scenes={0: 0, 1: 6})
    assert not any("strays" in finding for finding in many.findings())


def test_contrast_that_is_lost_is_a_finding(pan, judged):
    film = [0.5 + (pan(1)[0] - 0.5) * (1 - 0.05 * k) for k in range(16)]
    quality = judged(film, rate=4)
    # The mean of the last four over that of the first four.
    assert quality.last(quality.ratio("contrast")) == pytest.approx(0.325 / 0.925, abs=0.03)
    told = quality.findings()
    assert any("contrast falls to 0.3" in finding for finding in told)
    assert any("colourfulness falls" in finding for finding in told)


def test_a_film_that_burns_out_is_a_finding(pan, judged):
    film = [array + np.float32(0.05 * k) for k, array in enumerate(pan(16))]
    told = judged(film, rate=4).findings()
    assert any("% of it is white in the end, 0 % in the first second" in one for one in told)


def test_grey_films_have_no_colourfulness_to_lose(judged):
    rng = np.random.default_rng(0)
    film = [np.repeat(rng.random((40, 60, 1)), 3, axis=2) for _ in range(4)]
    assert judged(film).ratio("colourfulness") == pytest.approx(1)


# ── flicker ──


def test_the_flicker_of_a_film_is_that_of_its_noise(pan, judged):
    rng = np.random.default_rng(0)
    sigma = 0.02
    film = [array + sigma * rng.standard_normal(array.shape) for array in pan(8)]
    quality = judged(film)
    assert quality.flicker == pytest.approx(100 * sigma * 2**0.5, rel=0.05)
    assert quality.findings() == []
    boiling = [array + 0.05 * rng.standard_normal(array.shape) for array in pan(8)]
    assert any(one.startswith("it flickers: ") for one in judged(boiling).findings())


# ── prompts, and all of it as data ──


def test_a_prompt_that_was_better_met_before_is_a_finding(pan, judged):
    quality = judged(pan(4), wishes=[wish(), wish(label="a boat", worse=True)])
    assert quality.findings() == ["scene 1, 'a boat': was better met before the scene's end"]


def test_the_report_is_plain_json(pan, judged):
    film = pan(8, step=3)
    film[4] = np.zeros_like(film[4])
    quality = judged(film, rate=4, numbers=range(3, 11), wishes=[wish()], scenes={0: 0, 1: 5})
    told = json.loads(json.dumps(quality.to_dict(), allow_nan=False))
    assert (told["format"], told["frames"], told["rate"]) == (FORMAT, 8, 4)
    assert told["counts"]["blank"] == 1
    assert told["worst"][0] == {
        "frame": 7, "t": 1.0, "length": 1, "kind": "blank", "what": "black", "value": 100,
        "usual": None,
    }  # fmt: skip
    assert told["scenes"] == [{"scene": 1, "frame": 3, "t": 0}, {"scene": 2, "frame": 8, "t": 1.25}]
    (prompt,) = told["prompts"]
    assert prompt["agreement"]["begin"] == pytest.approx(math.cos(math.sqrt(1.2)), abs=1e-4)
    rows = told["timeline"]
    assert [row["frame"] for row in rows] == list(range(3, 11))
    assert rows[0]["flicker"] is None
    assert [row["prompts"] for row in rows[:4]] == [
        {"a fox": 0.6}, {"a fox": 0.5}, {}, {"a fox": 0.4}
    ]  # fmt: skip
    assert rows[4]["black"] == 1


def test_a_film_of_one_picture_and_one_that_stands_still_have_a_report(pan, judged):
    one = judged(pan(1)).to_dict()
    assert (one["flicker"]["median"], one["seam"]["ratio"], one["worst"]) == (None, None, [])
    still = judged([pan(1)[0]] * 5, loops=True)
    assert still.to_dict()["flicker"]["median"] == 0
    assert still.seam == 1
    assert still.findings() == ["nothing moves: every frame is like the one before it"]


def test_the_table_fits_on_a_screen(pan, judged):
    film = pan(40)
    for place in range(2, 36, 3):
        film[place] = np.ones_like(film[0])
    wishes = [wish(scene=k, label="a very long sentence about a red fox in the snow")
              for k in range(1, 30)]  # fmt: skip
    lines = table(judged(film, rate=12, wishes=[wish(away=True, whole=False), *wishes]))
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("scene 1  a fox (away)") and "masked" in line for line in lines)
    assert sum(line.startswith("  frame ") and line.endswith("white") for line in lines) == 10
    assert lines[-1] == "  and 2 more"
