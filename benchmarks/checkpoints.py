"""Checkpoints with random weights, in the published shapes, names and file formats.

The time and memory of a step don't depend on what the weights are, as long as activations keep an
ordinary scale: so a benchmark needs no download. ``python benchmarks/checkpoints.py FOLDER NAME``
writes the CLIP model ``NAME`` and a vocabulary that its text side can be read with, or the VQGAN
``NAME`` and its configuration.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from mutoscope.vqgan import Architecture, new_vqgan, write_architecture

State = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    """The dimensions of a CLIP model; the eye has as many blocks, or four stages of a ResNet."""

    width: int
    layers: int | tuple[int, int, int, int]
    patch: int
    side: int
    out: int
    text_width: int
    text_layers: int
    context: int
    vocabulary: int


SHAPES = {
    "ViT-B/32": Shape(768, 12, 32, 224, 512, 512, 12, 77, 49_408),
    "RN50": Shape(64, (3, 4, 6, 3), 32, 224, 1024, 512, 12, 77, 49_408),
    "toy ViT": Shape(64, 2, 16, 32, 16, 64, 1, 12, 600),
    "toy ResNet": Shape(8, (1, 1, 1, 1), 32, 32, 16, 64, 1, 12, 600),
}


DECODERS = {
    "VQGAN f16": Architecture(
        kind="vq", embed_dim=256, n_embed=16_384, z_channels=256, ch=128, ch_mult=(1, 1, 2, 2, 4),
        num_res_blocks=2, attn_resolutions=(16,), resolution=256,
    ),
    "toy VQGAN": Architecture(
        kind="vq", embed_dim=16, n_embed=64, z_channels=16, ch=32, ch_mult=(1, 1, 2),
        num_res_blocks=1, attn_resolutions=(8,), resolution=32,
    ),
}  # fmt: skip


def file_name(name: str) -> str:
    """What the checkpoint is called; "openai" in it says that it is a QuickGELU model."""
    return f"{name.replace('/', '-').replace(' ', '-')}-openai.safetensors"


def write(folder: Path, name: str) -> Path:
    """Write the checkpoint and vocabulary of ``name`` into a folder of their own."""
    shape = SHAPES[name]
    path = folder / name.replace("/", "-") / file_name(name)
    path.parent.mkdir(parents=True)
    draw = _Draw(torch.Generator().manual_seed(0))
    resnet = isinstance(shape.layers, tuple)
    eye = _residual_eye(shape, draw) if resnet else _transformer_eye(shape, draw)
    save_file({**eye, **_ear(shape, draw), "logit_scale": torch.tensor(4.6)}, path)
    _write_vocabulary(path.with_name("tokenizer.json"), shape.vocabulary)
    return path


def write_decoder(folder: Path, name: str) -> Path:
    """Write the pair of ``name`` into ``folder``, as a training run leaves it: the ``.ckpt``."""
    generator = torch.Generator().manual_seed(0)
    model = new_vqgan(DECODERS[name], generator=generator)
    with torch.no_grad():
        model.codes.normal_(generator=generator)
    path = folder / f"{name.replace(' ', '-')}.ckpt"
    write_architecture(DECODERS[name], path.with_suffix(".yaml"))
    # What lies beside the tensors is passed over by whoever reads them.
    optimiser = {"state": {0: {"exp_avg": torch.zeros(4, 4)}}, "param_groups": [{"lr": 4.5e-6}]}
    state = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    lightning = {
        "epoch": 11,
        "global_step": 100_000,
        "pytorch-lightning_version": "1.0.8",
        "optimizer_states": [optimiser, optimiser],
        "state_dict": {**state, "loss.discriminator.main.0.weight": torch.zeros(64, 3, 4, 4)},
    }
    torch.save(lightning, path)
    return path


class _Draw:
    """Random tensors that keep the scale of what passes through them."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def __call__(self, *shape: int, scale: float = 1.0) -> Tensor:
        return scale * torch.randn(*shape, generator=self.generator)

    def matrix(self, *shape: int) -> Tensor:
        """(out, in, …), by the number of inputs."""
        return self(*shape, scale=torch.Size(shape[1:]).numel() ** -0.5)

    def norm(self, state: State, name: str, width: int) -> None:
        state[f"{name}.weight"] = 1 + self(width, scale=0.1)
        state[f"{name}.bias"] = self(width, scale=0.1)

    def linear(self, state: State, name: str, into: int, of: int, joint: str = ".") -> None:
        state[f"{name}{joint}weight"] = self.matrix(into, of)
        state[f"{name}{joint}bias"] = self(into, scale=0.1)

    def blocks(self, state: State, prefix: str, width: int, count: int) -> None:
        for index in range(count):
            name = f"{prefix}.resblocks.{index}"
            self.norm(state, f"{name}.ln_1", width)
            self.norm(state, f"{name}.ln_2", width)
            self.linear(state, f"{name}.attn.in_proj", 3 * width, width, "_")
            self.linear(state, f"{name}.attn.out_proj", width, width)
            self.linear(state, f"{name}.mlp.c_fc", 4 * width, width)
            self.linear(state, f"{name}.mlp.c_proj", width, 4 * width)


def _transformer_eye(shape: Shape, draw: _Draw) -> State:
    assert isinstance(shape.layers, int)
    width, state = shape.width, State()
    state["visual.conv1.weight"] = draw.matrix(width, 3, shape.patch, shape.patch)
    state["visual.class_embedding"] = draw(width)
    state["visual.positional_embedding"] = draw((shape.side // shape.patch) ** 2 + 1, width)
    state["visual.proj"] = draw(width, shape.out, scale=width**-0.5)
    draw.norm(state, "visual.ln_pre", width)
    draw.norm(state, "visual.ln_post", width)
    draw.blocks(state, "visual.transformer", width, shape.layers)
    return state


def _residual_eye(shape: Shape, draw: _Draw) -> State:
    assert isinstance(shape.layers, tuple)
    state = State()

    def convolution(name: str, norm: str, into: int, of: int, side: int, gain: float = 1.4) -> None:
        state[f"visual.{name}.weight"] = draw.matrix(into, of, side, side)
        draw.norm(state, f"visual.{norm}", into)
        state[f"visual.{norm}.weight"] *= gain
        state[f"visual.{norm}.running_mean"] = draw(into, scale=0.1)
        state[f"visual.{norm}.running_var"] = torch.ones(into)

    base = shape.width
    convolution("conv1", "bn1", base // 2, 3, 3)
    convolution("conv2", "bn2", base // 2, base // 2, 3)
    convolution("conv3", "bn3", base, base // 2, 3)
    came = base
    for layer, count in enumerate(shape.layers, 1):
        width = base * 2 ** (layer - 1)
        for index in range(count):
            name = f"layer{layer}.{index}"
            convolution(f"{name}.conv1", f"{name}.bn1", width, came, 1)
            convolution(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            convolution(f"{name}.conv3", f"{name}.bn3", 4 * width, width, 1, gain=0.3)
            if index == 0:
                side = f"{name}.downsample"
                convolution(f"{side}.0", f"{side}.1", 4 * width, came, 1, gain=1.0)
            came = 4 * width
    pool = "visual.attnpool"
    state[f"{pool}.positional_embedding"] = draw((shape.side // 32) ** 2 + 1, came, scale=0.1)
    for part, into in (("q", came), ("k", came), ("v", came), ("c", shape.out)):
        draw.linear(state, f"{pool}.{part}_proj", into, came)
    return state


def _ear(shape: Shape, draw: _Draw) -> State:
    width, state = shape.text_width, State()
    state["token_embedding.weight"] = draw(shape.vocabulary, width)
    state["positional_embedding"] = draw(shape.context, width)
    state["text_projection"] = draw(width, shape.out, scale=width**-0.5)
    draw.norm(state, "ln_final", width)
    draw.blocks(state, "transformer", width, shape.text_layers)
    return state


def _write_vocabulary(path: Path, size: int) -> None:
    """A byte-pair vocabulary of ``size`` pieces, with as many merges as the published one."""
    printed = [
        chr(byte) for byte in range(256) if chr(byte).isprintable() and byte not in (32, 173)
    ]
    letters = printed + [chr(256 + index) for index in range(256 - len(printed))]
    pairs = list(islice(product(letters, repeat=2), size - 2 * len(letters) - 2))
    pieces: Sequence[str] = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        *(first + second for first, second in pairs),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    model = {
        "type": "BPE",
        "vocab": {piece: number for number, piece in enumerate(pieces)},
        "merges": [f"{first} {second}" for first, second in pairs],
    }
    path.write_text(json.dumps({"version": "1.0", "model": model}), encoding="utf-8")


if __name__ == "__main__":
    make = write_decoder if sys.argv[2] in DECODERS else write
    print(make(Path(sys.argv[1]), sys.argv[2]))
