"""The fast towers against plain ones: strided convolution, every token, nothing folded."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mutoscope.errors import WeightsError
from mutoscope.perceptors.clip_text import TextTransformer
from mutoscope.perceptors.clip_vision import ModifiedResNet, VisionTransformer
from mutoscope.perceptors.clip_weights import Traits

State = dict[str, Tensor]
HERE = Path("small.safetensors")
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)


def weights_only(state: State) -> State:
    """Without the batch norms' counters, which reading a checkpoint drops."""
    return {key: value for key, value in state.items() if value.is_floating_point()}


def normalised(batch: Tensor) -> Tensor:
    return (batch - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def layer_norm(state: State, name: str, x: Tensor) -> Tensor:
    mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / (var + 1e-5).sqrt() * state[f"{name}.weight"] + state[f"{name}.bias"]


def attention(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    n, width = query.shape[0], query.shape[-1]
    split = [t.view(n, -1, heads, width // heads).transpose(1, 2) for t in (query, key, value)]
    scores = split[0] @ split[1].transpose(-1, -2) / (width // heads) ** 0.5
    return (scores.softmax(-1) @ split[2]).transpose(1, 2).reshape(n, -1, width)


def plain_transformer(state: State, x: Tensor, heads: int, activation: str) -> Tensor:
    weight = state["visual.conv1.weight"]
    x = functional.conv2d(normalised(x), weight, stride=weight.shape[-1]).flatten(2).transpose(1, 2)
    first = state["visual.class_embedding"].expand(x.shape[0], 1, -1)
    x = torch.cat([first, x], 1) + state["visual.positional_embedding"]
    x = layer_norm(state, "visual.ln_pre", x)
    for index in range(3):
        name = f"visual.transformer.resblocks.{index}"
        y = layer_norm(state, f"{name}.ln_1", x)
        qkv = y @ state[f"{name}.attn.in_proj_weight"].T + state[f"{name}.attn.in_proj_bias"]
        seen = attention(*qkv.chunk(3, -1), heads)
        x = x + seen @ state[f"{name}.attn.out_proj.weight"].T + state[f"{name}.attn.out_proj.bias"]
        y = layer_norm(state, f"{name}.ln_2", x)
        y = y @ state[f"{name}.mlp.c_fc.weight"].T + state[f"{name}.mlp.c_fc.bias"]
        y = y * torch.sigmoid(1.702 * y) if activation == "quickgelu" else functional.gelu(y)
        x = x + y @ state[f"{name}.mlp.c_proj.weight"].T + state[f"{name}.mlp.c_proj.bias"]
    return layer_norm(state, "visual.ln_post", x)[:, 0] @ state["visual.proj"]


def plain_resnet(state: State, x: Tensor) -> Tensor:
    def convolved(x: Tensor, name: str, norm: str, stride: int = 1) -> Tensor:
        weight = state[f"visual.{name}.weight"]
        x = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        parts = [f"visual.{norm}.{p}" for p in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *(state[part] for part in parts))

    x = normalised(x)
    for index, stride in ((1, 2), (2, 1), (3, 1)):
        x = convolved(x, f"conv{index}", f"bn{index}", stride).relu()
    x = functional.avg_pool2d(x, 2)
    for layer, count in enumerate((2, 1, 2, 1), 1):
        for index in range(count):
            name, stride = f"layer{layer}.{index}", 2 if layer > 1 and index == 0 else 1
            y = convolved(x, f"{name}.conv1", f"{name}.bn1").relu()
            y = convolved(y, f"{name}.conv2", f"{name}.bn2").relu()
            y = convolved(functional.avg_pool2d(y, stride), *(f"{name}.conv3", f"{name}.bn3"))
            if index == 0:
                x = functional.avg_pool2d(x, stride)
                x = convolved(x, f"{name}.downsample.0", f"{name}.downsample.1")
            x = (x + y).relu()
    pool = "visual.attnpool"
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([x.mean(1, keepdim=True), x], 1) + state[f"{pool}.positional_embedding"]
    query, key, value = (
        x @ state[f"{pool}.{p}_proj.weight"].T + state[f"{pool}.{p}_proj.bias"] for p in "qkv"
    )
    x = attention(query, key, value, x.shape[-1] // 64)[:, 0]
    return x @ state[f"{pool}.c_proj.weight"].T + state[f"{pool}.c_proj.bias"]


def both(tower: Any, plain: Any, side: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Output and gradient of each, the gradient that of one fixed direction."""
    generator = torch.Generator().manual_seed(5)
    pictures = torch.rand(3, 3, side, side, generator=generator)
    results = []
    for network in (tower, plain):
        leaf = pictures.clone().requires_grad_()
        out = network(leaf)
        (out @ torch.linspace(-1, 1, out.shape[1])).sum().backward()
        results += [out.detach(), leaf.grad]
    return tuple(results)


@pytest.mark.parametrize("activation", ["quickgelu", "gelu"])
def test_transformer_equals_the_plain_one(make: SimpleNamespace, activation: Any) -> None:
    state = make.transformer_eye()
    tower = VisionTransformer(state, Traits(activation, MEAN, STD), HERE)
    assert (tower.size, tower.width) == (24, 16)
    have, slope, want, steep = both(tower, lambda x: plain_transformer(state, x, 2, activation), 24)
    torch.testing.assert_close(have, want, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(slope, steep, atol=1e-5, rtol=1e-4)


def test_activations_differ(make: SimpleNamespace) -> None:
    state, picture = make.transformer_eye(), torch.full((1, 3, 24, 24), 0.5)
    quick = VisionTransformer(state, Traits("quickgelu"), HERE)(picture)
    assert (quick - VisionTransformer(state, Traits("gelu"), HERE)(picture)).abs().max() > 1e-3


def test_resnet_equals_the_plain_one(make: SimpleNamespace) -> None:
    state = weights_only(make.resnet_eye())
    tower = ModifiedResNet(state, Traits("quickgelu", MEAN, STD), HERE)
    assert (tower.size, tower.width) == (64, 16)
    have, slope, want, steep = both(tower, lambda x: plain_resnet(state, x), 64)
    torch.testing.assert_close(have, want, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(slope, steep, atol=1e-5, rtol=1e-4)


def test_heads_can_be_told(make: SimpleNamespace) -> None:
    state = make.transformer_eye()
    tower = VisionTransformer(state, Traits("gelu", MEAN, STD, vision_heads=4), HERE)
    picture = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    want = plain_transformer(state, picture, 4, "gelu")
    torch.testing.assert_close(tower(picture), want, atol=1e-5, rtol=1e-5)
    with pytest.raises(WeightsError, match=r"128 can't be divided among 5 heads"):
        VisionTransformer(state, Traits("gelu", vision_heads=5), HERE)


@pytest.mark.parametrize("heads", [-2, -128])
def test_heads_fewer_than_one_are_refused(make: SimpleNamespace, heads: int) -> None:
    traits = Traits("gelu", vision_heads=heads, text_heads=heads)
    with pytest.raises(WeightsError, match=f"among {heads} heads"):
        VisionTransformer(make.transformer_eye(), traits, HERE)
    with pytest.raises(WeightsError, match=f"among {heads} heads"):
        TextTransformer(make.ear(), traits, HERE)


def test_a_tower_narrower_than_a_head_has_one(make: SimpleNamespace) -> None:
    tower = VisionTransformer(make.transformer_eye(width=32), Traits("gelu"), HERE)
    assert tower.blocks[0].heads == 1


def test_sizes_of_nought_are_refused(make: SimpleNamespace) -> None:
    with pytest.raises(WeightsError, match=r"none of them 0, and there is \(128, 3, 0, 0\)"):
        VisionTransformer(make.transformer_eye(patch=1) | {
            "visual.conv1.weight": torch.zeros(128, 3, 0, 0)}, Traits("gelu"), HERE)  # fmt: skip
    with pytest.raises(WeightsError, match="not a whole CLIP model"):
        TextTransformer(
            make.ear() | {"positional_embedding": torch.zeros(0, 64)}, Traits("gelu"), HERE
        )


def test_wide_models_have_wider_heads(make: SimpleNamespace) -> None:
    tower = VisionTransformer(make.transformer_eye(1280, 4, 2, 8), Traits("gelu"), HERE)
    assert tower.blocks[0].heads == 16


def test_every_weight_is_frozen(make: SimpleNamespace) -> None:
    for tower in (
        VisionTransformer(make.transformer_eye(), Traits("gelu"), HERE),
        ModifiedResNet(weights_only(make.resnet_eye()), Traits("gelu"), HERE),
    ):
        assert list(tower.parameters())
        assert not any(parameter.requires_grad for parameter in tower.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("visual.ln_post.bias"), r"lacks visual\.ln_post\.bias;"),
        (
            lambda s: [s.pop(k) for k in list(s) if ".resblocks.1." in k],
            r"lacks visual\.transformer\.resblocks\.1\..* and 9 more",
        ),
        (lambda s: s.update({"visual.x": torch.ones(1)}), r"has unknown visual\.x;"),
        (
            lambda s: s.update({"visual.class_embedding": torch.ones(5)}),
            r"mis-shaped visual\.class_embedding \(5,\) instead of \(128,\)",
        ),
        (lambda s: s.pop("visual.conv1.weight"), r"conv1\.weight should have 4 dimensions"),
        (
            lambda s: s.update({"visual.positional_embedding": torch.ones(8, 128)}),
            r"\(8, 128\) instead of \(5, 128\)",
        ),
    ],
)
def test_a_checkpoint_of_another_shape_is_refused(
    make: SimpleNamespace, change: Any, message: str
) -> None:
    state = make.transformer_eye()
    change(state)
    with pytest.raises(WeightsError, match=message) as caught:
        VisionTransformer(state, Traits("gelu"), HERE)
    assert "small.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
