"""Films with one thing wrong: it is named, where it is, and nothing else."""

import numpy as np
import pytest

from mutoscope.quality.faults import KINDS, MOST, faults
from mutoscope.quality.report import Quality


def named(film, **known):
    return [(fault.kind, fault.place, fault.length) for fault in faults(film, **known)]


@pytest.fixture
def grainy(pan):
    """A lively film: as it pans, each picture is grained anew, by ever other amounts."""
    rng = np.random.default_rng(3)
    return [
        array + rng.standard_normal(array.shape).astype(np.float32) * rng.uniform(0.02, 0.06)
        for array in pan(20)
    ]


def test_nothing_is_wrong_with_a_calm_film_or_a_lively_one(pan, grainy, measured):
    assert named(measured(pan(16))) == []
    assert named(measured(grainy)) == []


@pytest.mark.parametrize(("colour", "what"), [(0, "black"), (1, "white"), (0.3, "one colour")])
def test_blank_pictures(pan, measured, colour, what):
    film = pan(12)
    film[5] = np.full_like(film[5], colour)
    found = faults(measured(film))
    assert [(fault.kind, fault.place, fault.what) for fault in found] == [("blank", 5, what)]


def test_blank_pictures_in_a_row_are_one_fault(pan, measured):
    film = pan(14)
    film[6:9] = [np.zeros_like(film[0])] * 3
    assert named(measured(film)) == [("blank", 6, 3)]


def test_many_blank_pictures_do_not_make_the_others_look_still(pan, measured):
    film = pan(40)
    for place in range(2, 36, 3):
        film[place] = np.ones_like(film[0])
    assert named(measured(film)) == [("blank", place, 1) for place in range(2, 36, 3)]


def test_a_repeated_picture(pan, measured):
    film = pan(12)
    film.insert(7, film[6])
    film.insert(7, film[6])
    assert named(measured(film)) == [("repeated", 7, 2)]


def test_a_picture_as_good_as_repeated(pan, measured):
    film = pan(12)
    film.insert(7, film[6] + np.float32(0.0004))
    assert named(measured(film)) == [("repeated", 7, 1)]


def test_a_cut_is_a_jump_in_a_calm_film_and_in_a_lively_one(pan, grainy, measured):
    assert named(measured(pan(8) + pan(8, seed=4))) == [("jump", 8, 1)]
    other = [array + grainy[0] - pan(1)[0] for array in pan(8, seed=4)]
    cut = measured(grainy[:10] + other)
    assert ("jump", 10, 1) in named(cut)
    assert len(named(cut)) == 1


def test_a_jump_where_a_scene_begins_is_said_so(pan, measured):
    film = measured(pan(8) + pan(8, seed=4))
    assert faults(film)[0].what == "jump"
    assert faults(film, scenes={0, 8})[0].what == "jump, where a scene begins"


def test_a_flash_is_one_fault(pan, measured):
    film = pan(14)
    film[6] = pan(1, seed=4)[0]
    assert named(measured(film)) == [("flash", 6, 1)]


def test_a_fast_motion_is_no_jump(texture, measured):
    whole = texture()
    places = [0, 2, 4, 6, 18, 30, 32, 34, 36, 38]
    film = measured([whole[:, x : x + 120] for x in places])
    change = film.column("change")
    assert change[4] > 2 * np.nanmedian(change)
    assert named(film) == []


def test_one_picture_that_flickers(pan, measured):
    film = pan(14)
    grain = np.random.default_rng(0).standard_normal(film[0].shape).astype(np.float32)
    film[7] += np.float32(0.018) * grain
    found = faults(measured(film))
    assert [(fault.kind, fault.place) for fault in found] == [("flicker", 7), ("flicker", 8)]
    for fault in found:
        assert fault.value == pytest.approx(1.8, rel=0.1)
        assert fault.usual < 0.2


def test_a_sudden_tint(pan, measured):
    film = pan(14)
    film[7:] = [array + np.float32([0.02, 0, -0.02]) for array in film[7:]]
    kinds = {(fault.kind, fault.place) for fault in faults(measured(film))}
    assert kinds <= {("colour", 7), ("flicker", 7), ("jump", 7)}
    assert kinds


def test_the_step_over_the_seam_of_a_loop_counts(pan, measured):
    film = pan(20, step=4)
    assert named(measured(film)) == []
    assert named(measured(film, loops=True)) == [("jump", 0, 1)]


def test_the_worst_come_first_and_ten_at_most_are_named(pan, measured):
    film = pan(60)
    for place in range(4, 52, 4):
        film[place] = np.zeros_like(film[0])
    film.insert(55, film[54])
    quality = Quality.of("film", measured(film))
    assert len(quality.faults) == 13
    assert len(quality.worst) == MOST
    assert [fault.kind for fault in quality.faults] == ["blank"] * 12 + ["repeated"]
    order = [KINDS.index(fault.kind) for fault in quality.faults]
    assert order == sorted(order)


def test_a_film_of_one_picture_and_one_that_stands_still(pan, measured):
    assert named(measured(pan(1))) == []
    assert named(measured([pan(1)[0]] * 4)) == [("repeated", 1, 3)]
