"""Depth Anything: what is done around the network, and the real class with small random weights."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mutoscope.depth import FAR, NEAR
from mutoscope.depth.anything import Anything, Variant, fitting, load_anything
from mutoscope.errors import ExtraError, WeightsError

TINY = Variant(
    "nobody/nothing",
    width=32,
    heads=2,
    layers=4,
    taps=(1, 2, 3, 4),
    neck=(8, 8, 8, 8),
    fusion=8,
    bytes=0,
    licence="none",
)


class Brightness(nn.Module):
    """Answers with ``scale`` times the brightness it sees, and keeps what it was shown."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.shown: list[Tensor] = []

    def forward(self, pixels: Tensor) -> SimpleNamespace:
        self.shown.append(pixels)
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        seen = pixels * std.view(1, 3, 1, 1) + mean.view(1, 3, 1, 1)
        return SimpleNamespace(predicted_depth=self.scale * seen.mean(1))


@pytest.mark.parametrize(
    ("size", "fit"),
    [((518, 518), (518, 518)), ((512, 512), (518, 518)), ((16, 16), (518, 518))],
)
def test_squares_are_looked_at_as_it_was_trained(size: tuple[int, int], fit: Any) -> None:
    assert fitting(size) == fit


@pytest.mark.parametrize("size", [(1920, 1080), (300, 451), (4000, 500), (1, 5000), (7, 3)])
def test_other_shapes_keep_theirs_and_cost_no_more(size: tuple[int, int]) -> None:
    width, height = fitting(size)
    assert width % 14 == height % 14 == 0
    assert min(width, height) >= 14
    assert width * height <= 518**2 * 1.05
    if max(size) < 10 * min(size):
        assert width / height == pytest.approx(size[0] / size[1], rel=0.06)


def test_what_the_network_is_shown() -> None:
    network = Brightness()
    far = Anything(network, name="x").estimate(torch.rand(1, 3, 40, 90))
    assert far.shape == (1, 1, 40, 90)
    (shown,) = network.shown
    assert shown.shape[-2:] == fitting((90, 40))[::-1]
    assert -2.2 < shown.min() < shown.max() < 2.7
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_distance_is_the_inverse_of_what_it_answers_in_whatever_scale(scale: float) -> None:
    image = torch.zeros(1, 3, 64, 64)  # the sky: black, 0
    image[:, :, 16:] = 0.4
    image[:, :, 40:] = 0.8  # the nearest
    far = Anything(Brightness(scale), name="x").estimate(image)[0, 0, :, 32]
    assert float(far[4]) == pytest.approx(FAR, rel=0.01)
    assert float(far[28]) == pytest.approx(1 / (0.1 + 0.5 * 0.9), rel=0.02)
    assert float(far[56]) == pytest.approx(NEAR, rel=0.04)


def test_a_few_wrong_pixels_move_nothing_else() -> None:
    image = torch.full((1, 3, 74, 74), 0.5)
    image[..., :37] = 0.25
    spoilt = image.clone()
    spoilt[..., 70:74, 70:74] = 1
    eye = Anything(Brightness(), name="x")
    apart = (eye.estimate(image) - eye.estimate(spoilt)).abs()
    assert apart[..., :60].max() < 0.05  # by the brightest pixel it would be 1.4


def test_a_picture_of_sky_alone_is_far_everywhere() -> None:
    far = Anything(Brightness(), name="x").estimate(torch.zeros(1, 3, 20, 20))
    torch.testing.assert_close(far, torch.full_like(far, FAR), rtol=1e-3, atol=0)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ExtraError, match=r"pip install 'mutoscope\[depth\]'"):
        load_anything(tmp_path / "model.safetensors", TINY, name="x")


def test_with_a_torchvision_of_another_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("operator torchvision::nms does not exist\nand more")

    monkeypatch.setitem(sys.modules, "transformers", Broken("transformers"))
    with pytest.raises(ExtraError, match=r"nms does not exist\); install the torchvision"):
        load_anything(tmp_path / "model.safetensors", TINY, name="x")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small random weights as transformers writes them."""
    transformers = pytest.importorskip("transformers")
    config = transformers.DepthAnythingConfig(
        backbone_config=transformers.Dinov2Config(
            hidden_size=32,
            num_attention_heads=2,
            num_hidden_layers=4,
            image_size=518,
            patch_size=14,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
        ),
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = transformers.DepthAnythingForDepthEstimation(config)
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.2)
    folder = tmp_path_factory.mktemp("weights")
    network.save_pretrained(folder)
    (folder / "config.json").unlink()  # which is not needed
    return folder / "model.safetensors"


@pytest.mark.slow
@pytest.mark.extra
def test_the_real_network_with_random_weights(weights: Path) -> None:
    eye = load_anything(weights, TINY, name="tiny")
    image = torch.rand(1, 3, 60, 80, generator=torch.Generator().manual_seed(1))
    far = eye.estimate(image)
    assert far.shape == (1, 1, 60, 80)
    assert ((far >= NEAR) & (far <= FAR)).all()
    assert far.std() > 0.01
    assert torch.equal(load_anything(weights, TINY, name="tiny").estimate(image), far)


@pytest.mark.slow
@pytest.mark.extra
def test_all_its_weights_are_those_of_the_file(weights: Path) -> None:
    eye = load_anything(weights, TINY, name="tiny")
    held = sorted(float(parameter.double().sum()) for parameter in eye.parameters())
    filed = sorted(float(tensor.double().sum()) for tensor in load_file(weights).values())
    assert held == pytest.approx(filed, abs=1e-9)


@pytest.mark.slow
@pytest.mark.extra
def test_damaged_and_foreign_weights(weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"<!doctype html><html>Please log in</html>" * 9)
    with pytest.raises(WeightsError, match=r"no whole weights of tiny .*depth_model=relief"):
        load_anything(file, TINY, name="tiny")
    tensors = load_file(weights)
    lost = sorted(tensors)[5]
    save_file({k: v for k, v in tensors.items() if k != lost}, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"missing tensors: 1"):
        load_anything(file, TINY, name="tiny")
    save_file({**tensors, "more": torch.ones(1)}, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"unexpected tensors: 1, such as more"):
        load_anything(file, TINY, name="tiny")
    wider = Variant(**{**vars(TINY), "width": 64})
    with pytest.raises(WeightsError, match="no whole weights"):
        load_anything(weights, wider, name="tiny")
