"""A film measured picture by picture."""

import weakref

import numpy as np
import pytest
import torch

from mutoscope.errors import MediaError
from mutoscope.quality.measure import measure


def test_columns_and_times(pan, measured):
    film = measured(pan(5), rate=2, numbers=[3, 4, 5, 6, 7])
    assert len(film) == 5
    assert film.size == (120, 80)
    assert film.numbers == (3, 4, 5, 6, 7)
    assert [film.time(k) for k in range(3)] == [0, 0.5, 1]
    assert film.opening == 2
    assert np.isnan(film.column("flicker")[0])
    assert film.steps[0] is None
    assert np.isfinite(film.column("change")[1:]).all()
    assert film.column("lightness").shape == (5,)
    assert measured(pan(2)).time(1) is None


def test_a_film_that_loops_has_a_first_step(pan, measured):
    film = measured(pan(4), loops=True)
    assert film.steps[0] == film.seam


def test_neighbours_and_the_picture_before_them(pan, measured):
    """Of the pictures a, b, a: the third is as the first."""
    a, b, *_ = pan(2, step=40)
    film = measured([a, b, a, a])
    assert film.steps[1].back == float("inf")
    assert film.steps[2].back == 0
    assert film.steps[3].change == 0
    assert film.steps[3].back == pytest.approx(film.steps[1].change)


def test_no_more_than_two_pictures_are_alive():
    alive, most = weakref.WeakSet(), []

    def film():
        for k in range(6):
            image = torch.full((1, 3, 40, 600), k / 6)  # larger than what is measured
            alive.add(image)
            most.append(len(alive))
            yield image

    done = []
    measure(film(), progress=done.append)
    assert done == [1, 2, 3, 4, 5, 6]
    assert max(most) <= 2


def test_no_picture_and_pictures_of_two_sizes_are_refused():
    with pytest.raises(MediaError, match="no picture"):
        measure([])
    sizes = [torch.zeros(1, 3, 40, 40), torch.zeros(1, 3, 40, 48)]
    with pytest.raises(MediaError, match=r"picture 2: is 48 × 40.*one size"):
        measure(sizes)


def test_one_picture_is_a_film(pan, measured):
    film = measured(pan(1))
    assert (len(film), film.seam) == (1, None)
