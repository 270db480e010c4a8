"""From a name to a perceptor, and what auto comes to."""

import logging
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mutoscope import weights
from mutoscope.errors import ExtraError, WeightsError
from mutoscope.perceptors.clip import Clip
from mutoscope.perceptors.load import choose_auto, load_perceptor
from mutoscope.perceptors.tiny import Tiny
from mutoscope.weights import places

B32 = "ViT-B/32::openai"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No caches, no packages, no network."""
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(places, "_packages", list)


@pytest.fixture
def cached(tmp_path: Path, clip_state: dict[str, Tensor], make: SimpleNamespace) -> Path:
    folder = tmp_path / "clip/timm--vit_base_patch32_clip_224.openai"
    folder.mkdir(parents=True)
    save_file(clip_state, folder / "open_clip_model.safetensors")
    make.json(folder)
    return folder / "open_clip_model.safetensors"


def test_tiny(tmp_path: Path) -> None:
    begun = time.process_time()
    tiny = load_perceptor("tiny", models_parent_dir=tmp_path)
    assert time.process_time() - begun < 1
    assert isinstance(tiny, Tiny)


def test_a_cached_model_needs_no_network(tmp_path: Path, cached: Path) -> None:
    for fetch in (True, False):
        clip = load_perceptor("ViTB32", models_parent_dir=tmp_path, fetch=fetch)
        assert isinstance(clip, Clip)
        assert clip.name == B32
        assert clip.embed_text(["the fox"]).shape == (1, 16)


def test_a_published_model_has_its_own_activation(tmp_path: Path, cached: Path) -> None:
    """The same file by path is GELU unless told; by the name of OpenAI's model it is QuickGELU."""
    grey = torch.full((1, 3, 24, 24), 0.5)
    by_name = load_perceptor(B32, models_parent_dir=tmp_path).embed_image(grey)
    quick = load_perceptor(f"{cached}::quickgelu", models_parent_dir=tmp_path).embed_image(grey)
    plain = load_perceptor(str(cached), models_parent_dir=tmp_path).embed_image(grey)
    assert torch.equal(by_name, quick)
    assert not torch.allclose(by_name, plain, atol=1e-4)


def test_without_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=rf"{B32}: its weights are not on this machine"):
        load_perceptor(B32, models_parent_dir=tmp_path, fetch=False)
    with pytest.raises(WeightsError, match=r"can't be fetched"):
        load_perceptor(B32, models_parent_dir=tmp_path)
    with pytest.raises(WeightsError, match=r"none\.pt: no such weights file"):
        load_perceptor(str(tmp_path / "none.pt"), models_parent_dir=tmp_path)


def test_without_a_vocabulary(tmp_path: Path, cached: Path) -> None:
    cached.with_name("tokenizer.json").unlink()
    with pytest.raises(WeightsError, match=r"no vocabulary for its text side; put the tokenizer"):
        load_perceptor(B32, models_parent_dir=tmp_path, fetch=False)
    choice = choose_auto(tmp_path, fetch=False)
    assert choice.name == "labels"


def test_auto_takes_what_is_cached(
    tmp_path: Path, cached: Path, caplog: pytest.LogCaptureFixture
) -> None:
    choice = choose_auto(tmp_path)
    assert choice.name == B32
    assert str(cached) in choice.why
    with caplog.at_level(logging.INFO, "mutoscope"):
        assert load_perceptor("auto", models_parent_dir=tmp_path).name == B32
    assert choice.why in caplog.messages


def test_auto_takes_what_can_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "reachable", lambda *_, **__: True)
    choice = choose_auto(tmp_path)
    assert choice.name == B32
    assert "fetches it once" in choice.why
    assert choose_auto(tmp_path, fetch=False).name == "labels"


def test_auto_falls_back_on_the_embedded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = choose_auto(tmp_path)
    assert choice.name == "labels"
    assert "could not be reached" in choice.why
    assert "not styles, artists or relations" in choice.why
    assert "\n" not in choice.why
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set" in choose_auto(tmp_path).why


def test_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake: Any = ModuleType("mutoscope.perceptors.labels")
    fake.Labels = lambda: Tiny(16)
    monkeypatch.setitem(sys.modules, "mutoscope.perceptors.labels", fake)
    assert load_perceptor("labels", models_parent_dir=tmp_path).size == 16
    assert load_perceptor("auto", models_parent_dir=tmp_path).size == 16


def test_open_clip_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ExtraError, match=r"mutoscope\[open-clip\]"):
        load_perceptor("open_clip:CoCa/laion", models_parent_dir=tmp_path)


def test_auto_survives_a_broken_file(
    tmp_path: Path, cached: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake: Any = ModuleType("mutoscope.perceptors.labels")
    fake.Labels = lambda: Tiny(16)
    monkeypatch.setitem(sys.modules, "mutoscope.perceptors.labels", fake)
    cached.write_bytes(cached.read_bytes()[:1000])
    assert load_perceptor("auto", models_parent_dir=tmp_path).size == 16
    assert "embedded labels after all" in caplog.text
    with pytest.raises(WeightsError, match="damaged"):
        load_perceptor(B32, models_parent_dir=tmp_path)
