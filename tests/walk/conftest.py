"""A generator so small that it draws in a millisecond."""

import pytest
import torch

from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.walk import load_renderer


def small_generator(channels=1, seed=0):
    rng = torch.Generator().manual_seed(seed)
    shape = Shape(size=32, channels=channels, z=16, w=16, cbase=256, cmax=16, mapping_layers=2)
    made = Generator(shape, rng)
    for _ in range(200):
        made.track(made.map(torch.randn(16, 16, generator=rng)))
    return made


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder as a training leaves it: random weights, 32 × 32, grey."""
    folder = tmp_path_factory.mktemp("trained")
    write_generator(folder / "generator.safetensors", small_generator())
    return folder


@pytest.fixture
def renderer(trained, single_thread):
    """It, ready to draw, three pictures at once."""
    return load_renderer(trained, torch.device("cpu"), batch=3)
