"""MiniLM: the small sentence encoder that the `labels` perceptor reads with.

Six layers of BERT (Devlin et al. 2019) with the weights of all-MiniLM-L6-v2 (Wang et al., *MiniLM*,
2020; Reimers and Gurevych, *Sentence-BERT*, 2019). The sentence's vector is the mean of its
tokens' last states, made a unit vector.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

from mutoscope.perceptors.base import whole_texts

WIDTH = 384
HEADS = 12
LAYERS = 6
MAX_TOKENS = 256
NORM_EPSILON = 1e-12


class Encoding(Protocol):
    """One text as the `tokenizers` library returns it."""

    @property
    def ids(self) -> list[int]:
        """Token numbers."""

    @property
    def attention_mask(self) -> list[int]:
        """1 for a token, 0 for padding."""

    @property
    def overflowing(self) -> Sequence["Encoding"]:
        """What was cut off, as further rows."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer: texts in, padded token numbers and masks out."""

    @property
    def encode_batch(self) -> Callable[[list[str]], Sequence[Encoding]]:
        """A function that encodes texts, padded to the longest of them."""


class Layer(nn.Module):
    """One transformer layer, normalised after each half as BERT is."""

    def __init__(self) -> None:
        super().__init__()
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.attended_norm = nn.LayerNorm(WIDTH, eps=NORM_EPSILON)
        self.widen = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.narrow_norm = nn.LayerNorm(WIDTH, eps=NORM_EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x`` (m, tokens, width), reading only tokens where ``mask`` (m, 1, 1, tokens)."""
        joined = self.query_key_value(x).unflatten(-1, (3, HEADS, -1))  # (m, tokens, 3, heads, w)
        query, key, value = joined.permute(2, 0, 3, 1, 4)  # each (m, heads, tokens, w)
        read = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = self.attended_norm(x + self.attended(read.transpose(1, 2).flatten(2)))
        y: Tensor = self.narrow_norm(x + self.narrow(F.gelu(self.widen(x))))
        return y


class MiniLM(nn.Module):
    """A sentence encoder: texts in, unit vectors out; frozen.

    Args:
        weights: the checkpoint, under the names of `transformers`.
        tokenizer: the checkpoint's WordPiece tokenizer, padding to the longest text.
    """

    def __init__(self, weights: Mapping[str, Tensor], tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        words = weights["embeddings.word_embeddings.weight"]
        self.words = nn.Embedding(words.shape[0], words.shape[1], _weight=words)
        # Every token is of the first type, so the type's vector is part of its place's.
        places = weights["embeddings.position_embeddings.weight"]
        places = (places + weights["embeddings.token_type_embeddings.weight"][0])[:MAX_TOKENS]
        self.places = nn.Parameter(places)
        self.norm = nn.LayerNorm(WIDTH, eps=NORM_EPSILON)
        _fill(self.norm, weights, "embeddings.LayerNorm")
        self.layers = nn.ModuleList(_layer(weights, index) for index in range(LAYERS))
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, texts: Sequence[str]) -> Tensor:
        """Encode ``texts`` in one batch: (m, 384) unit vectors; see `whole_texts` for long ones."""
        read = [[found, *found.overflowing] for found in self.tokenizer.encode_batch(list(texts))]
        encodings = [part for parts in read for part in parts]
        device = self.places.device
        tokens = torch.tensor([e.ids for e in encodings], device=device)  # (m, tokens)
        mask = torch.tensor([e.attention_mask for e in encodings], device=device)  # (m, tokens)
        x = self.norm(self.words(tokens) + self.places[: tokens.shape[1]])
        for layer in self.layers:
            x = layer(x, mask.bool()[:, None, None, :])
        summed: Tensor = (x * mask[..., None]).sum(dim=1)
        units = F.normalize(summed, dim=-1)  # the mean's length does not matter
        counts = [len(parts) for parts in read]
        return whole_texts(units, texts, counts, tokens=MAX_TOKENS, name="labels")


def _layer(weights: Mapping[str, Tensor], index: int) -> Layer:
    name = f"encoder.layer.{index}"
    layer = Layer()
    parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    layer.query_key_value.load_state_dict(
        {
            kind: torch.cat([weights[f"{part}.{kind}"] for part in parts])
            for kind in ("weight", "bias")
        },
        assign=True,
    )
    _fill(layer.attended, weights, f"{name}.attention.output.dense")
    _fill(layer.attended_norm, weights, f"{name}.attention.output.LayerNorm")
    _fill(layer.widen, weights, f"{name}.intermediate.dense")
    _fill(layer.narrow, weights, f"{name}.output.dense")
    _fill(layer.narrow_norm, weights, f"{name}.output.LayerNorm")
    return layer


def _fill(module: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Give a module its weights as they lie, not copies of them: they may be a file's own pages."""
    module.load_state_dict(
        {kind: weights[f"{name}.{kind}"] for kind in ("weight", "bias")}, assign=True
    )
