"""Small CLIP checkpoints and vocabularies, made on the spot in the published formats."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

State = dict[str, Tensor]
MERGES = [("t", "h"), ("th", "e</w>"), ("f", "o"), ("fo", "x</w>"), ("r", "e"), ("re", "d</w>")]


def letters() -> list[str]:
    """The byte-level alphabet: what can be printed stands for itself."""
    printable = [byte for byte in range(256) if chr(byte).isprintable() and byte not in (32, 173)]
    rest = [chr(256 + index) for index in range(256 - len(printable))]
    return [chr(byte) for byte in printable] + rest


def vocabulary() -> dict[str, int]:
    pieces = [*letters(), *(letter + "</w>" for letter in letters())]
    pieces += [first + second for first, second in MERGES]
    return {p: n for n, p in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}


def write_json(folder: Path, *, pairs: bool = False) -> Path:
    merges = [list(merge) if pairs else " ".join(merge) for merge in MERGES]
    model = {"type": "BPE", "vocab": vocabulary(), "merges": merges}
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({"version": "1.0", "model": model}), encoding="utf-8")
    return path


def write_pair(folder: Path) -> Path:
    lines = ["#version: 0.2", *(" ".join(merge) for merge in MERGES), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    path = folder / "vocab.json"
    path.write_text(json.dumps(vocabulary()), encoding="utf-8")
    return path


def write_gzip(folder: Path) -> Path:
    # The published file has many more merges than its models use.
    lines = ['"bpe_simple_vocab_16e6.txt#version: 0.2"', *(" ".join(m) for m in MERGES)]
    path = folder / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join([*lines, "un used", "al so</w>"]))
    return path


def _blocks(state: State, prefix: str, width: int, count: int, draw: Callable[..., Tensor]) -> None:
    for index in range(count):
        name = f"{prefix}.resblocks.{index}"
        for norm in ("ln_1", "ln_2"):
            state[f"{name}.{norm}.weight"] = 1 + 0.2 * draw(width)
            state[f"{name}.{norm}.bias"] = 0.2 * draw(width)
        state[f"{name}.attn.in_proj_weight"] = 2 * draw(3 * width, width) / width**0.5
        state[f"{name}.attn.in_proj_bias"] = 0.2 * draw(3 * width)
        state[f"{name}.attn.out_proj.weight"] = draw(width, width) / width**0.5
        state[f"{name}.attn.out_proj.bias"] = 0.2 * draw(width)
        state[f"{name}.mlp.c_fc.weight"] = 2 * draw(4 * width, width) / width**0.5
        state[f"{name}.mlp.c_fc.bias"] = 0.2 * draw(4 * width)
        state[f"{name}.mlp.c_proj.weight"] = draw(width, 4 * width) / (4 * width) ** 0.5
        state[f"{name}.mlp.c_proj.bias"] = 0.2 * draw(width)


def _draw() -> Callable[..., Tensor]:
    generator = torch.Generator().manual_seed(3)
    return lambda *shape: torch.randn(*shape, generator=generator)


def transformer_eye(width: int = 128, patch: int = 8, grid: int = 3, out: int = 16) -> State:
    draw, state = _draw(), {}
    state["visual.conv1.weight"] = draw(width, 3, patch, patch) / (3 * patch * patch) ** 0.5
    state["visual.class_embedding"] = draw(width)
    state["visual.positional_embedding"] = draw(grid * grid + 1, width)
    state["visual.proj"] = draw(width, out) / width**0.5
    for norm in ("ln_pre", "ln_post"):
        state[f"visual.{norm}.weight"] = 1 + 0.2 * draw(width)
        state[f"visual.{norm}.bias"] = 0.2 * draw(width)
    _blocks(state, "visual.transformer", width, 3, draw)
    return state


def resnet_eye(half: int = 4, grid: int = 2, out: int = 16) -> State:
    draw, state = _draw(), {}

    def convolution(name: str, norm: str, into: int, of: int, side: int) -> None:
        state[f"visual.{name}.weight"] = draw(into, of, side, side) * (2 / (of * side**2)) ** 0.5
        state[f"visual.{norm}.weight"] = 1 + 0.2 * draw(into)
        state[f"visual.{norm}.bias"] = 0.2 * draw(into)
        state[f"visual.{norm}.running_mean"] = 0.2 * draw(into)
        state[f"visual.{norm}.running_var"] = 0.5 + draw(into).abs()
        state[f"visual.{norm}.num_batches_tracked"] = torch.tensor(9)

    convolution("conv1", "bn1", half, 3, 3)
    convolution("conv2", "bn2", half, half, 3)
    convolution("conv3", "bn3", 2 * half, half, 3)
    came = 2 * half
    for layer, count in enumerate((2, 1, 2, 1), 1):
        width = 2 * half * 2 ** (layer - 1)
        for index in range(count):
            name = f"layer{layer}.{index}"
            convolution(f"{name}.conv1", f"{name}.bn1", width, came, 1)
            convolution(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            convolution(f"{name}.conv3", f"{name}.bn3", 4 * width, width, 1)
            if index == 0:
                convolution(f"{name}.downsample.0", f"{name}.downsample.1", 4 * width, came, 1)
            came = 4 * width
    state["visual.attnpool.positional_embedding"] = draw(grid * grid + 1, came) / came**0.5
    for part in "qkvc":
        into = out if part == "c" else came
        state[f"visual.attnpool.{part}_proj.weight"] = draw(into, came) / came**0.5
        state[f"visual.attnpool.{part}_proj.bias"] = 0.2 * draw(into)
    return state


def ear(width: int = 64, out: int = 16, context: int = 12) -> State:
    draw, state = _draw(), {}
    state["token_embedding.weight"] = draw(len(vocabulary()), width)
    state["positional_embedding"] = draw(context, width)
    state["ln_final.weight"], state["ln_final.bias"] = 1 + 0.2 * draw(width), 0.2 * draw(width)
    state["text_projection"] = draw(width, out) / width**0.5
    _blocks(state, "transformer", width, 2, draw)
    return state


@pytest.fixture
def make() -> SimpleNamespace:
    """Makers of checkpoints and vocabularies."""
    return SimpleNamespace(
        transformer_eye=transformer_eye,
        resnet_eye=resnet_eye,
        ear=ear,
        json=write_json,
        pair=write_pair,
        gzip=write_gzip,
        vocabulary=vocabulary,
        merges=MERGES,
    )


@pytest.fixture
def clip_state() -> State:
    """A whole small CLIP under OpenAI's names, with the entries that its releases carry along."""
    extras = {"logit_scale": torch.tensor(4.6), "input_resolution": torch.tensor(24)}
    return {**transformer_eye(), **ear(), **extras}
