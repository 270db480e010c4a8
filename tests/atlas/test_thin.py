"""What tiles cover, and what lies outside of it."""

import numpy as np
import torch

from mutoscope.atlas.drawn import open_drawings
from mutoscope.atlas.likeness import Likeness
from mutoscope.atlas.thin import Covered, find_thin


def test_noise_is_marked_and_tiles_are_not(run, renderer):
    drawings = open_drawings(run, renderer.generator.shape, count=600)
    likeness = Likeness(drawings.pictures[:500], None)
    noise = torch.rand(40, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    fresh = drawings.pictures[500:]
    of_noise = find_thin(likeness.features, likeness(noise))
    of_tiles = find_thin(likeness.features, likeness(fresh))
    assert all(of_noise.outside)
    assert np.mean(of_tiles.outside) < 0.15
    assert "40 of 40 samples (100%)" in of_noise.sentence()
    assert "hardly been shown" in of_noise.sentence()
    assert "hardly been shown" not in of_tiles.sentence()


def test_balls_reach_to_the_third_nearest_tile_and_the_larger_half_is_left_out():
    tiles = np.random.default_rng(0).normal(0, 1, (300, 6)).astype(np.float32)
    covered = Covered.by(tiles)
    apart = np.sqrt(np.square(tiles[:, None] - tiles[None]).sum(2))
    third = np.sort(apart, axis=1)[:, 3]
    small = third <= np.median(third)
    assert np.allclose(np.sqrt(covered.reach), third[small], rtol=1e-3)
    assert covered.thinness(tiles[small]).max() < 0.01
    near, far = (covered.thinness(np.full((1, 6), at, np.float32)) for at in (10, 50))
    assert 1 < near < far
    rim = tiles[small][:1] + np.eye(6, dtype=np.float32)[:1] * third[small][0]
    assert covered.thinness(rim) <= 1.001


def test_tiles_that_are_there_many_times_cover_as_much_as_once():
    tiles = np.random.default_rng(0).normal(0, 1, (200, 4)).astype(np.float32)
    samples = np.random.default_rng(1).normal(0, 1, (50, 4)).astype(np.float32)
    once, often = find_thin(tiles, samples), find_thin(np.repeat(tiles, 9, axis=0), samples)
    assert np.array_equal(once.thinness, often.thinness)
    assert find_thin(tiles[:30], samples) is None
