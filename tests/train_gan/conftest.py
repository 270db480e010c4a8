"""Networks and drawings so small that a training takes moments."""

import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.train_gan.course import Course
from mutoscope.train_gan.players import Players
from mutoscope.train_gan.presets import PRESETS
from mutoscope.train_gan.quality import Reference
from mutoscope.train_gan.recipe import Recipe
from mutoscope.train_gan.training import train

TOY = {
    "z": 8, "w": 8, "cbase": 64, "cmax": 4, "batch": 4, "images": 48, "tick": 16, "compared": 8,
    "augment_images": 64, "path_every": 2, "path_weight": 2.0, "penalty_every": 3,
    "gamma": "auto",
}  # fmt: skip


class Bars:
    """Drawings by number, each a dark upright bar: a stand-in for scans."""

    size = 32

    def batch(self, first, count):
        tiles = torch.ones(count, 1, self.size, self.size)
        for row, number in enumerate(range(first, first + count)):
            left = 3 + 7 * number % 23
            tiles[row, :, :, left : left + 3] = 0.05
        return tiles


@pytest.fixture
def bars():
    return Bars()


@pytest.fixture
def toy_settings():
    """Makes the settings of a toy; keys may be changed."""

    def made(**values):
        return PRESETS["smoke"].settings.with_values(TOY | values).settled()

    return made


@pytest.fixture
def teach(bars, toy_settings):
    """Trains a toy on bars; gives players and ticks."""

    def run(resume=None, watch=None, players=None, **values):
        settings = toy_settings(**values)
        players = players or Players.start(settings, torch.device("cpu"))
        reference = Reference.of(bars.batch(2**40, 16), None)
        course = Course.of(Recipe("x", "y", "smoke", settings))
        shown = torch.randn(4, settings.z, generator=torch.Generator().manual_seed(0))
        return players, list(
            train(
                players, lambda step: bars.batch(step * settings.batch, settings.batch), reference,
                course=course, shown=shown, resume=resume, watch=watch,
            )
        )  # fmt: skip

    return run


@pytest.fixture
def tiles(tmp_path):
    """A folder of square tiles with lines on them."""
    folder = tmp_path / "tiles"
    folder.mkdir()
    for index in range(6):
        pixels = np.full((40, 40), 255, np.uint8)
        pixels[:, 4 + 5 * index : 7 + 5 * index] = 10
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder
