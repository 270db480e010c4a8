"""Tiles together make the picture, and what a tile sees is enough for it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.finish.upscale.tiles import grid, spans, tile_for, tiled


@given(st.integers(1, 400), st.integers(16, 120), st.integers(0, 40))
def test_spans_cover_a_side_once_and_see_no_farther_than_it(length, tile, overlap):
    found = spans(length, tile, overlap)
    assert [n for span in found for n in range(span.start, span.stop)] == list(range(length))
    for span in found:
        assert 0 < span.stop - span.start <= tile
        assert span.seen_from == max(0, span.start - overlap)
        assert span.seen_to == min(length, span.stop + overlap)
    sizes = [span.stop - span.start for span in found]
    assert max(sizes) - min(sizes) <= 1


class Blur:
    """Enlarges three times after two 3 × 3 convolutions with zeros beyond the edge."""

    def __init__(self):
        weights = torch.rand(3, 3, 3, 3, generator=torch.Generator().manual_seed(1)) / 9
        self.weights = weights
        self.seen = []

    def __call__(self, image):
        self.seen.append((image.shape[-1], image.shape[-2]))
        for _ in range(2):
            image = torch.nn.functional.conv2d(image, self.weights, padding=1)
        return image.repeat_interleave(3, -1).repeat_interleave(3, -2)


def test_with_enough_overlap_the_tiles_are_the_whole_picture():
    image = torch.rand(1, 3, 53, 71, generator=torch.Generator().manual_seed(2))
    whole = Blur()(image)
    told = []
    made = tiled(
        image, Blur(), 3, tile=20, overlap=2, told=lambda done, total: told.append((done, total))
    )
    torch.testing.assert_close(made, whole)
    assert told == [(n, 12) for n in range(1, 13)]
    assert len(list(grid((71, 53), 20, 2))) == 12
    seam = tiled(image, Blur(), 3, tile=20, overlap=1)
    assert (seam - whole).abs().max() > 0.01


@pytest.mark.parametrize("tile", [0, 71])
def test_what_fits_into_one_tile_is_not_cut(tile):
    blur = Blur()
    tiled(torch.rand(1, 3, 53, 71), blur, 3, tile=tile, overlap=2)
    assert blur.seen == [(71, 53)]


def test_a_tile_takes_no_more_memory_than_it_may():
    tile = tile_for(10_000, 32, budget=10_000 * 300**2)
    assert tile == 300 - 64
    assert tile_for(10_000, 64, budget=1) == 64
