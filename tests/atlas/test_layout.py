"""Samples in a grid: none over another, and likes beside likes."""

import numpy as np
import pytest

from mutoscope.atlas.layout import grid_for, lay_out, spread_out


def clusters(count, *, groups=4, size=20, seed=0):
    rng = np.random.default_rng(seed)
    which = rng.permutation(np.arange(count) % groups)
    centres = rng.normal(0, 3, (groups, size))
    return which, (centres[which] + rng.normal(0, 1, (count, size))).astype(np.float32)


def neighbours_alike(cells, which):
    places = dict(zip(cells, which, strict=True))
    pairs = [
        places[x, y] == places[x + 1, y] for x, y in places if (x + 1, y) in places
    ] + [places[x, y] == places[x, y + 1] for x, y in places if (x, y + 1) in places]  # fmt: skip
    return np.mean(pairs)


def test_likes_lie_beside_likes():
    which, features = clusters(120)
    cells = lay_out(features)
    mixed = np.random.default_rng(1).permutation(which)
    assert neighbours_alike(cells, which) > 0.75  # 0.8 where four groups fill a quarter each
    assert neighbours_alike(cells, mixed) < 0.4


def test_nearness_survives_the_way_to_the_plane():
    which, features = clusters(90, groups=3)
    plane = spread_out(features)
    far = np.square(plane[:, None] - plane[None]).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    assert np.mean(which[far.argmin(axis=1)] == which) > 0.97


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 30, 101])
def test_every_sample_has_a_cell_of_its_own(count):
    _, features = clusters(count, groups=2)
    columns, rows = grid_for(count)
    cells = lay_out(features)
    assert len(set(cells)) == count <= columns * rows
    assert all(0 <= x < columns and 0 <= y < rows for x, y in cells)


def test_equal_samples_are_no_trouble_and_the_map_is_always_the_same():
    same = np.ones((12, 5), np.float32)
    assert len(set(lay_out(same))) == 12
    _, features = clusters(40)
    assert lay_out(features) == lay_out(features)
