"""CLIP's ear: a causal transformer over byte-pair tokens, read where the text ends."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mutoscope.errors import WeightsError
from mutoscope.perceptors.clip_block import (
    EPSILON,
    Block,
    block_count,
    block_shapes,
    frozen,
    hidden_width,
)
from mutoscope.perceptors.clip_weights import State, Traits, check_shapes

_HEAD = 64


class TextTransformer(nn.Module):
    """Token rows to embeddings ``(m, width)`` that are not yet of unit length.

    Attributes:
        context: how many tokens it takes at most, the two end marks included.
        vocabulary: how many different tokens it knows.
        width: the length of its embeddings.
    """

    def __init__(self, state: State, traits: Traits, path: Path) -> None:
        super().__init__()
        state = {key: value for key, value in state.items() if not key.startswith("visual.")}
        shapes = _shapes(state, path)
        check_shapes(state, shapes, path, of="text side")
        self.vocabulary, inner = shapes["token_embedding.weight"]
        self.context = shapes["positional_embedding"][0]
        self.width = shapes["text_projection"][1]
        heads = traits.text_heads or max(inner // _HEAD, 1)
        if heads < 1 or inner % heads:
            raise WeightsError(
                f"{path}: a text width of {inner} can't be divided among {heads} heads; the head "
                "count in the configuration beside the file must divide it"
            )
        self.tokens = frozen(state["token_embedding.weight"])
        self.places = frozen(state["positional_embedding"])
        self.blocks = nn.ModuleList(
            Block(
                *(state, f"transformer.resblocks.{index}"),
                heads=heads,
                activation=traits.activation,
                causal=True,
            )
            for index in range(block_count(state, "transformer"))
        )
        self.scale, self.shift = frozen(state["ln_final.weight"]), frozen(state["ln_final.bias"])
        self.proj = frozen(state["text_projection"].T)

    def forward(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Embed token rows of any lengths up to ``context``, each read at its last token.

        Since no token sees those after it, padding changes nothing, and the batch need only be
        as long as its longest row.
        """
        ends = torch.tensor([len(row) - 1 for row in rows], device=self.tokens.device)
        longest = max(len(row) for row in rows)
        padded = torch.tensor(
            [[*row, *([row[-1]] * (longest - len(row)))] for row in rows], device=self.tokens.device
        )
        x = functional.embedding(padded, self.tokens) + self.places[:longest]  # (m, longest, inner)
        for block in self.blocks:
            x = block(x)
        last = x[torch.arange(len(rows), device=x.device), ends]
        last = functional.layer_norm(last, last.shape[-1:], self.scale, self.shift, EPSILON)
        return functional.linear(last, self.proj)


def _shapes(state: State, path: Path) -> dict[str, tuple[int, ...]]:
    """What a text tower of these widths must hold."""
    for key in ("token_embedding.weight", "positional_embedding", "text_projection"):
        if key not in state or state[key].ndim != 2 or 0 in state[key].shape:
            raise WeightsError(
                f"{path}: not a whole CLIP model: {key} is missing or is no matrix; give a "
                "checkpoint that has the text side too"
            )
    vocabulary, inner = state["token_embedding.weight"].shape
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (vocabulary, inner),
        "positional_embedding": (state["positional_embedding"].shape[0], inner),
        "ln_final.weight": (inner,),
        "ln_final.bias": (inner,),
        "text_projection": (inner, state["text_projection"].shape[1]),
    }
    hidden = hidden_width(state, "transformer", inner)
    for index in range(max(block_count(state, "transformer"), 1)):
        shapes |= block_shapes(f"transformer.resblocks.{index}", inner, hidden)
    return shapes
