"""Where weights are looked for, what is fetched with them, and the list of models."""

from pathlib import Path
from typing import Any

import pytest

from mutoscope import names, weights
from mutoscope.errors import WeightsError
from mutoscope.weights import places

B32 = "ViT-B/32::openai"
TIMM = "timm/vit_base_patch32_clip_224.openai"
FILE = "open_clip_model.safetensors"


def put(path: Path, content: bytes = b"weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture(autouse=True)
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_packages", list)


def test_places_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    models = tmp_path / "models"
    assert weights.locate(B32, models) is None

    monkeypatch.setattr(places, "digest_of", lambda path: path.read_text())
    archive = put(home / ".cache/clip/ViT-B-32.pt", b"not as published")
    assert weights.locate(B32, models) is None
    row = names.resolve(B32).model
    assert row is not None
    assert row.archive is not None
    archive.write_text(row.archive.sha256)
    assert weights.locate(B32, models) == archive

    cache = home / ".cache/huggingface/hub/models--openai--clip-vit-base-patch32"
    put(cache / "refs/main", b"c0ffee\n")
    cached = put(cache / "snapshots/c0ffee/model.safetensors")
    put(cache / "snapshots/older/pytorch_model.bin")
    assert weights.locate(B32, models) == cached

    binary = put(models / "clip" / TIMM.replace("/", "--") / "open_clip_pytorch_model.bin")
    assert weights.locate(B32, models) == binary
    own = put(binary.with_name(FILE))
    assert weights.locate(B32, models) == own
    assert weights.locate("ViTB32", models) == own
    assert weights.locate("ViT-B-32/laion2b_s34b_b79k", models) is None


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
def test_the_hubs_own_cache_may_be_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    below = {"HF_HUB_CACHE": "", "HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}[variable]
    repo = tmp_path / below / f"models--{TIMM.replace('/', '--')}"
    put(repo / "refs/main", b"abc")
    path = put(repo / "snapshots/abc" / FILE)
    assert weights.locate(B32, tmp_path / "models") == path


def test_a_local_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    assert weights.locate(str(path), tmp_path) is None
    with pytest.raises(WeightsError, match=r"mine\.safetensors: no such weights file"):
        weights.fetch(str(path), tmp_path)
    put(path)
    put(tmp_path / "tokenizer.json")
    assert weights.locate(str(path), tmp_path) == path
    assert weights.fetch(str(path), tmp_path) == path


def test_fetching_brings_the_vocabulary(hub: Any, tmp_path: Path) -> None:
    hub.files = {f"{TIMM}/{FILE}": b"w" * 50, f"{TIMM}/tokenizer.json": b"{}"}
    told: list[str] = []
    path = weights.fetch(B32, tmp_path, progress=lambda transfer: told.append(transfer.file))
    assert path == tmp_path / "clip" / TIMM.replace("/", "--") / FILE
    assert path.read_bytes() == b"w" * 50
    assert weights.find_vocabulary(path, tmp_path) == path.with_name("tokenizer.json")
    assert set(told) == set(hub.files)
    hub.asked.clear()
    assert weights.fetch(B32, tmp_path) == path
    assert not hub.asked


def test_the_second_source_and_a_vocabulary_in_two_files(hub: Any, tmp_path: Path) -> None:
    repo = "openai/clip-vit-base-patch32"
    hub.files = {
        f"{repo}/{name}": b"x" for name in ("pytorch_model.bin", "vocab.json", "merges.txt")
    }
    path = weights.fetch(B32, tmp_path)
    assert path.name == "pytorch_model.bin"
    assert weights.find_vocabulary(path, tmp_path) == path.with_name("vocab.json")


def test_a_repository_that_the_table_does_not_know(hub: Any, tmp_path: Path) -> None:
    repo = "someone/clip"
    hub.files = {f"{repo}/{name}": b"{}" for name in ("model.safetensors", "open_clip_config.json")}
    hub.files["openai/clip-vit-base-patch32/tokenizer.json"] = b"{}"
    path = weights.fetch(f"hf-hub:{repo}", tmp_path)
    assert path == tmp_path / "clip/someone--clip/model.safetensors"
    assert path.with_name("open_clip_config.json").is_file()
    assert weights.find_vocabulary(path, tmp_path) is not None
    with pytest.raises(WeightsError, match=r"hf-hub:no/body: the hub has none of its files"):
        weights.fetch("hf-hub:no/body", tmp_path)


def test_no_vocabulary_anywhere(hub: Any, tmp_path: Path) -> None:
    hub.files = {f"{TIMM}/{FILE}": b"w"}
    with pytest.raises(WeightsError, match="no vocabulary for its text side on the hub"):
        weights.fetch(B32, tmp_path)


def test_where_a_vocabulary_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine" / "mine.safetensors"
    assert weights.find_vocabulary(path, tmp_path) is None
    package = tmp_path / "package"
    packed = put(package / "bpe_simple_vocab_16e6.txt.gz")
    monkeypatch.setattr(places, "_packages", lambda: [package])
    assert weights.find_vocabulary(path, tmp_path) == packed
    other = put(tmp_path / "clip" / TIMM.replace("/", "--") / "vocab.json")
    assert weights.find_vocabulary(path, tmp_path) == packed  # its merges.txt is missing
    put(other.with_name("merges.txt"))
    assert weights.find_vocabulary(path, tmp_path) == other
    beside = put(path.with_name("tokenizer.json"))
    assert weights.find_vocabulary(path, tmp_path) == beside
    put(tmp_path / "clip/stranger--clip/tokenizer.json")
    beside.unlink()
    assert weights.find_vocabulary(path, tmp_path) == other  # a stranger's may be of another kind


def test_reachable_asks_for_the_model_itself(hub: Any) -> None:
    hub.files = {f"{TIMM}/{FILE}": b"w"}
    assert weights.reachable()
    assert not weights.reachable("RN50")
    assert not weights.reachable("/a/file.pt")


def test_packages_are_found_without_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    put(tmp_path / "clip/__init__.py", b"raise RuntimeError('imported')")
    vocabulary = put(tmp_path / "clip/bpe_simple_vocab_16e6.txt.gz")
    monkeypatch.syspath_prepend(tmp_path)
    assert vocabulary.parent in places._packages()
