"""Directions in closed form."""

import pytest
import torch

from mutoscope.atlas.directions import (
    draw_strips,
    find_directions,
    layer_ranges,
    principal,
    sefa,
)


def test_sefa_directions_are_the_eigenvectors_of_the_weights(renderer):
    ranges = layer_ranges(renderer.generator)
    assert set(ranges) == {"coarse", "middle", "fine"}
    # An affine layer for each convolution and each image: two at 4 × 4, three above it.
    assert sum(map(len, ranges.values())) == 2 + 3 * (len(renderer.generator.shape.resolutions) - 1)
    for layers in ranges.values():
        found = sefa(renderer.generator, layers)
        stacked = torch.cat(layers)
        product = stacked.T @ stacked
        sizes = torch.einsum("iw,wv,iv->i", found, product, found)
        assert torch.allclose(product @ found.T, found.T * sizes, atol=1e-6 * float(sizes[0]))
        assert torch.allclose(found @ found.T, torch.eye(len(found), dtype=torch.float64))
        assert bool((sizes.diff() <= 1e-9).all())
        other = torch.nn.functional.normalize(torch.ones(16, dtype=torch.float64), dim=0)
        assert (stacked @ other).norm() < (stacked @ found[0]).norm()


def test_principal_components_are_found_where_they_were_put():
    rng = torch.Generator().manual_seed(0)
    styles = torch.randn(4000, 6, generator=rng, dtype=torch.float64)
    styles[:, 2] *= 9
    styles[:, 4] *= 4
    found = principal(styles)
    assert abs(float(found[0, 2])) > 0.999
    assert abs(float(found[1, 4])) > 0.99


def test_the_directions_of_a_generator_have_names_and_steps(renderer):
    found = find_directions(renderer)
    assert found.names[:8] == tuple(f"sefa-{n}" for n in range(1, 9))
    assert {"sefa-coarse-1", "sefa-middle-4", "sefa-fine-2", "pca-8"} <= set(found.names)
    styles = renderer.map(torch.randn(4096, 16, generator=torch.Generator().manual_seed(5)))
    along = (styles @ found.vectors.T).std(dim=0)
    assert torch.allclose(along, found.spread, rtol=0.1)
    again = find_directions(renderer)
    assert torch.equal(again.vectors, found.vectors)
    assert found.step("pca-1").norm() == pytest.approx(
        float(found.spread[found.names.index("pca-1")])
    )


def test_the_first_direction_changes_pictures_more_than_random_ones(renderer):
    rng = torch.Generator().manual_seed(3)
    planted = torch.nn.functional.normalize(torch.randn(16, generator=rng), dim=0)
    for name, weight in renderer.generator.named_parameters():
        if name.endswith("affine.weight"):  # the styles listen to one direction above all
            weight += 4 * torch.randn(len(weight), 1, generator=rng) * planted
    found = find_directions(renderer)
    assert abs(float(found.vectors[0] @ planted)) > 0.95
    others = torch.nn.functional.normalize(torch.randn(16, 16, generator=rng), dim=1)
    styles = renderer.map(torch.randn(8, 16, generator=rng))

    def change(direction):
        either = torch.cat([styles - 0.5 * direction, styles + 0.5 * direction])
        before, after = renderer.images(either, "w", torch.ones(16)).chunk(2)
        return float((after - before).square().mean())

    assert change(found.vectors[0]) > 2 * max(change(other) for other in others) / 1.5
    strips = draw_strips(renderer, found, truncation=0.7)
    assert len(strips) == len(found.names)
    changes = [strip.change for strip in strips]
    assert changes == sorted(changes, reverse=True)
    first = strips[0].pictures
    assert first.shape == (7, 1, 32, 32)
    assert (first[0] - first[6]).abs().mean() > (first[2] - first[4]).abs().mean() > 0
