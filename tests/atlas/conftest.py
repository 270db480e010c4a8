"""A generator with random weights, and the pages that it might have learned from."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.train_gan.material import look_for
from mutoscope.train_gan.recipe import Recipe, Settings
from mutoscope.walk import load_renderer


@pytest.fixture
def renderer(small_generator, tmp_path, single_thread):
    """It, in a folder of its own, ready to draw."""
    folder = tmp_path / "run"
    shutil.copytree(small_generator, folder)
    return load_renderer(folder, torch.device("cpu"))


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A folder with three pages of crooked lines, no two alike, at 75 dpi."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "pages"
    folder.mkdir()
    for number in range(3):
        rng = np.random.default_rng(number)
        paper = np.full((400, 320), 255, np.uint8)
        for _ in range(60):
            x, y = rng.uniform(0, 320), rng.uniform(0, 400)
            turns = np.cumsum(rng.normal(0, 0.5, 25)) + rng.uniform(0, 6)
            line = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1) * 5, 0)
            line += [x, y]
            cv2.polylines(paper, [np.rint(line).astype(np.int32)], False, 0, 2, cv2.LINE_AA)
        Image.fromarray(paper).save(folder / f"0{number + 1}.png", dpi=(75, 75))
    return folder


@pytest.fixture
def run(renderer, pages):
    """The folder of a training on those pages."""
    settings = replace(Settings(), size=32, channels=1, z=16, w=16, cbase=256, cmax=16)
    recipe = Recipe(str(pages), look_for(pages, "scans").mark, "smoke", settings)
    folder = renderer.path.parent
    told = json.loads(recipe.to_json())
    (folder / "settings.json").write_text(json.dumps(told | {"data": "scans"}))
    return folder
