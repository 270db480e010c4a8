"""The door to the open_clip package, with a package that stands in for it."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mutoscope.errors import ExtraError, WeightsError
from mutoscope.perceptors.open_clip import load_open_clip


class Model(nn.Module):
    """As open_clip's models look from outside, with statistics of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = nn.Identity()
        self.visual.image_size = (8, 8)
        self.visual.preprocess_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.5, 1.0)}
        self.scale = nn.Parameter(torch.ones(3))

    def encode_image(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) * self.scale

    def encode_text(self, tokens: Tensor) -> Tensor:
        return tokens.float() * self.scale


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    fake: Any = ModuleType("open_clip")
    asked = SimpleNamespace(calls=[], fails=None)

    def create_model(architecture: str, *, pretrained: str, cache_dir: str) -> Model:
        asked.calls.append((architecture, pretrained, cache_dir))
        if asked.fails is not None:
            raise asked.fails
        return Model()

    fake.list_pretrained = lambda: [("SigLIP-B", "webli"), ("SigLIP-B", "v2"), ("CoCa", "laion")]
    fake.create_model = create_model
    fake.get_tokenizer = lambda _: lambda texts: torch.tensor([[len(t), 1, 2] for t in texts])
    monkeypatch.setitem(sys.modules, "open_clip", fake)
    return asked


def test_each_model_keeps_its_own_ways(package: SimpleNamespace, tmp_path: Path) -> None:
    model = load_open_clip("SigLIP-B", "v2", name="open_clip:SigLIP-B/v2", cache=tmp_path)
    assert package.calls == [("SigLIP-B", "v2", str(tmp_path))]
    assert (model.name, model.size, model.width) == ("open_clip:SigLIP-B/v2", 8, 3)
    seen = model.embed_image(torch.ones(2, 3, 8, 8))
    torch.testing.assert_close(seen[0], torch.tensor([2.0, 1.0, 0.5]) / 5.25**0.5)
    torch.testing.assert_close(model.embed_text(["ab"])[0], torch.tensor([2.0, 1.0, 2.0]) / 3)
    assert model.embed_text([]).shape == (0, 3)
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_first_training_is_the_default(package: SimpleNamespace) -> None:
    load_open_clip("SigLIP-B", name="x")
    assert package.calls == [("SigLIP-B", "webli", None)]


def test_unknown_models_and_trainings(package: SimpleNamespace) -> None:
    with pytest.raises(WeightsError, match=r"x: .* no model 'SigLIP-L' .*did you mean 'SigLIP-B'"):
        load_open_clip("SigLIP-L", name="x")
    with pytest.raises(WeightsError, match=r"no training 'webly' .*'webli'\?; it has webli, v2"):
        load_open_clip("SigLIP-B", "webly", name="x")
    assert not package.calls


def test_a_failed_download(package: SimpleNamespace) -> None:
    package.fails = OSError("no route\nto host")
    with pytest.raises(WeightsError, match=r"x: open_clip could not load it \(no route\)"):
        load_open_clip("CoCa", name="x")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ExtraError, match=r"pip install 'mutoscope\[open-clip\]'"):
        load_open_clip("CoCa", name="x")


def test_with_a_torchvision_of_another_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "open_clip", raising=False)
    (tmp_path / "open_clip.py").write_text("raise RuntimeError('operator nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ExtraError, match=r"operator nms does not exist\); install the torchvision"):
        load_open_clip("CoCa", name="x")


def test_a_long_text_is_read_in_parts(
    package: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    model = load_open_clip("SigLIP-B", name="open_clip:SigLIP-B")

    def tokens(texts: list[str]) -> Tensor:
        """Three words at once, a number for each; what follows is cut off."""
        rows = [[len(word) for word in text.split()][:3] for text in texts]
        return torch.tensor([row + [0] * (3 - len(row)) for row in rows])

    model.tokenizer = tokens
    with caplog.at_level("INFO", logger="mutoscope"):
        long, *parts = model.embed_text(["a bb ccc dddd", "a bb ccc", "dddd", "a bb"])
    assert caplog.text.count("read one by one") == 2  # a row that is full counts as too short
    torch.testing.assert_close(
        model.embed_text(["a bb", "ccc dddd"]).mean(0)
        / (model.embed_text(["a bb", "ccc dddd"]).mean(0).norm()),
        long,
    )
    torch.testing.assert_close(parts[1], torch.tensor([1.0, 0.0, 0.0]))
