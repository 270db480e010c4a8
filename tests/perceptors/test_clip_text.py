"""The text tower against a plain one that pads to the whole context and masks by hand."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from mutoscope.errors import WeightsError
from mutoscope.perceptors.clip_text import TextTransformer
from mutoscope.perceptors.clip_weights import Traits

HERE = Path("small.safetensors")


def layer_norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / (var + 1e-5).sqrt() * state[f"{name}.weight"] + state[f"{name}.bias"]


def plain(state: dict[str, Tensor], row: list[int]) -> Tensor:
    context = state["positional_embedding"].shape[0]
    x = state["token_embedding.weight"][row + [0] * (context - len(row))]
    x = x + state["positional_embedding"]
    mask = torch.full((context, context), float("-inf")).triu(1)
    for index in range(2):
        name = f"transformer.resblocks.{index}"
        y = layer_norm(state, f"{name}.ln_1", x)
        qkv = y @ state[f"{name}.attn.in_proj_weight"].T + state[f"{name}.attn.in_proj_bias"]
        query, key, value = qkv.chunk(3, -1)  # one head of 64
        seen = (query @ key.T / 8 + mask).softmax(-1) @ value
        x = x + seen @ state[f"{name}.attn.out_proj.weight"].T + state[f"{name}.attn.out_proj.bias"]
        y = layer_norm(state, f"{name}.ln_2", x)
        y = y @ state[f"{name}.mlp.c_fc.weight"].T + state[f"{name}.mlp.c_fc.bias"]
        y = y * torch.sigmoid(1.702 * y)
        x = x + y @ state[f"{name}.mlp.c_proj.weight"].T + state[f"{name}.mlp.c_proj.bias"]
    return layer_norm(state, "ln_final", x)[len(row) - 1] @ state["text_projection"]


def test_equals_the_plain_one_for_rows_of_any_length(make: SimpleNamespace) -> None:
    state = make.ear()
    tower = TextTransformer(state, Traits("quickgelu"), HERE)
    assert (tower.context, tower.width) == (12, 16)
    end = tower.vocabulary - 1
    rows = [[end - 1, 5, 9, 300, end], [end - 1, end], [end - 1, *range(40, 50), end]]
    want = torch.stack([plain(state, row) for row in rows])
    torch.testing.assert_close(tower(rows), want, atol=1e-5, rtol=1e-5)


def test_a_row_is_not_changed_by_its_neighbours(make: SimpleNamespace) -> None:
    tower = TextTransformer(make.ear(), Traits("gelu"), HERE)
    alone, beside = tower([[1, 2]]), tower([[1, 2], [1, 2, 3, 4, 5, 6]])[:1]
    torch.testing.assert_close(alone, beside, atol=1e-6, rtol=1e-6)


def test_a_picture_side_alone_is_refused(make: SimpleNamespace) -> None:
    with pytest.raises(WeightsError, match=r"small\.safetensors: not a whole CLIP model"):
        TextTransformer(make.transformer_eye(), Traits("gelu"), HERE)
    state = make.ear()
    state["text.cls_emb"] = torch.ones(3)
    with pytest.raises(WeightsError, match=r"text side .* has unknown text\.cls_emb"):
        TextTransformer(state, Traits("gelu"), HERE)
