"""Films whose faults are known, made of a cloudy texture that a camera passes over."""

import numpy as np
import pytest
import torch

from mutoscope.quality.measure import measure

SIZE = (120, 80)


def clouds(height, width, seed=0):
    """Colours whose spectrum falls off like that of photographs, (height, width, 3)."""
    rng = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    fall = np.maximum(np.hypot(down, across), 1 / max(height, width)) ** -1.5
    planes = []
    for _ in range(4):
        plane = np.fft.ifft2(fall * np.exp(2j * np.pi * rng.random((height, width)))).real
        planes.append(plane / plane.std())
    return np.stack([0.5 + 0.12 * planes[3] + 0.06 * plane for plane in planes[:3]], -1)


@pytest.fixture(scope="session")
def texture():
    """Makes a texture from a seed, as wide as a long pan needs."""
    return lambda seed=0: clouds(SIZE[1], 400, seed).astype(np.float32)


@pytest.fixture(scope="session")
def pan(texture):
    """Makes a film: a camera that goes right by whole pixels, at first over these many of them."""

    def film(count=16, *, step=2, seed=0):
        whole = texture(seed)
        return [whole[:, step * k : step * k + SIZE[0]].copy() for k in range(count)]

    return film


@pytest.fixture(scope="session")
def picture():
    """Turns an array (h, w, 3) into a picture."""
    return lambda array: torch.from_numpy(
        np.ascontiguousarray(array.transpose(2, 0, 1)[None]).astype(np.float32)
    ).clamp(0, 1)


@pytest.fixture(scope="session")
def measured(picture):
    """Measures a film of arrays."""
    return lambda film, **known: measure((picture(array) for array in film), **known)
