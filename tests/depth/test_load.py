"""From names to estimators, without a network and without the package that one of them needs."""

import logging
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from mutoscope.depth import DEFAULT, NAMES, load, load_depth, locate_depth
from mutoscope.depth.anything import VARIANTS
from mutoscope.errors import ExtraError, SettingsError, WeightsError


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of the hub's that is empty, and a hub that nobody may ask."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "hub"


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that seems to be transformers until it is asked for anything."""
    fake = ModuleType("transformers")
    fake.__spec__ = ModuleSpec("transformers", None)
    monkeypatch.setitem(sys.modules, "transformers", fake)


def put(folder: Path) -> Path:
    """A file where the default's weights are looked for."""
    file = folder / "depth" / "depth-anything--Depth-Anything-V2-Small-hf" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    return file


@pytest.mark.parametrize("name", ["relief", "flat"])
def test_two_need_nothing(name: str, tmp_path: Path) -> None:
    eye = load_depth(name, models_parent_dir=tmp_path)
    assert eye.name == name
    assert eye.estimate(torch.rand(1, 3, 8, 12)).shape == (1, 1, 8, 12)


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"depth_model='releif'.*flat; did you mean 'relief'"):
        load_depth("releif", models_parent_dir=tmp_path)
    assert set(NAMES) == {"auto", "relief", "flat", *VARIANTS}


def test_auto_without_weights_is_relief_and_says_how_to_see_better(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="mutoscope"):
        assert load_depth("auto", models_parent_dir=tmp_path).name == "relief"
    (line,) = caplog.messages
    assert "took relief" in line
    assert f"depth_model={DEFAULT}" in line


def test_auto_takes_the_network_where_its_weights_are(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    package: None,
) -> None:
    file = put(tmp_path)
    taken: list[Any] = []

    def stand_in(path: Path, variant: object, *, name: str) -> torch.nn.Module:
        taken.append((path, variant, name))
        return torch.nn.Identity()

    monkeypatch.setattr(load, "load_anything", stand_in)
    with caplog.at_level(logging.INFO, logger="mutoscope"):
        load_depth("auto", models_parent_dir=tmp_path)
    assert taken == [(file, VARIANTS[DEFAULT], DEFAULT)]
    (line,) = caplog.messages
    assert f"took {DEFAULT}, found in {file}" in line


def test_auto_without_the_package_is_relief(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with caplog.at_level(logging.INFO, logger="mutoscope"):
        assert load_depth("auto", models_parent_dir=tmp_path).name == "relief"
    assert "pip install 'mutoscope[depth]'" in caplog.text
    with pytest.raises(ExtraError, match=r"pip install 'mutoscope\[depth\]'"):
        load_depth(DEFAULT, models_parent_dir=tmp_path)


def test_weights_are_found_in_the_cache_of_the_hub(tmp_path: Path, no_cache: Path) -> None:
    assert locate_depth(DEFAULT, tmp_path) is None
    root = no_cache / f"models--{VARIANTS[DEFAULT].repo.replace('/', '--')}"
    snapshot = root / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    (snapshot / "model.safetensors").write_bytes(b"weights")
    assert locate_depth(DEFAULT, tmp_path) == snapshot / "model.safetensors"
    ours = put(tmp_path)
    assert locate_depth(DEFAULT, tmp_path) == ours


def test_missing_weights_are_fetched_only_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(WeightsError, match=r"base: .* fetching was not allowed.*relief"):
        load_depth("depth-anything-v2-base", models_parent_dir=tmp_path, fetch=False)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
        load_depth("depth-anything-v2-base", models_parent_dir=tmp_path)
    asked: list[Any] = []

    def fetch(repo: str, file: str, folder: Path, *, progress: object) -> Path:
        asked.append((repo, file, folder, progress))
        return folder / file

    monkeypatch.setattr(load, "fetch_file", fetch)
    monkeypatch.setattr(load, "load_anything", lambda *_, **__: torch.nn.Identity())
    with caplog.at_level(logging.INFO, logger="mutoscope"):
        load_depth("depth-anything-v2-large", models_parent_dir=tmp_path, progress=print)
    repo = "depth-anything/Depth-Anything-V2-Large-hf"
    folder = tmp_path / "depth" / "depth-anything--Depth-Anything-V2-Large-hf"
    assert asked == [(repo, "model.safetensors", folder, print)]
    assert "not for commercial use" in caplog.text
