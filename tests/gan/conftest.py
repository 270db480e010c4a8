"""Networks so small that they take milliseconds."""

import pytest
import torch

from mutoscope.gan import Discriminator, Generator, Shape


@pytest.fixture
def rng():
    """A source of random numbers of the test's own."""
    return torch.Generator().manual_seed(7)


@pytest.fixture
def shape():
    """Makes shapes of few channels."""

    def make(size=32, **changes):
        numbers = {"channels": 1, "z": 16, "w": 12, "cbase": 256, "cmax": 8, "mapping_layers": 2}
        numbers["cbase"] = max(256, 2 * size)
        return Shape(size=size, **{**numbers, **changes})

    return make


@pytest.fixture
def networks(shape, rng):
    """Makes a generator and a discriminator."""

    def make(size=32, **changes):
        built = shape(size, **changes)
        return Generator(built, rng), Discriminator(built, rng)

    return make
