from types import SimpleNamespace

import pytest
import torch

from mutoscope.perceptors.minilm import HEADS, LAYERS, WIDTH, MiniLM

WORDS = 50


def toy_weights(seed=0):
    rng = torch.Generator().manual_seed(seed)

    def linear(name, out, into):
        return {
            f"{name}.weight": torch.randn(out, into, generator=rng) / into**0.5,
            f"{name}.bias": 0.1 * torch.randn(out, generator=rng),
        }

    def norm(name):
        return {
            f"{name}.weight": 1 + 0.1 * torch.randn(WIDTH, generator=rng),
            f"{name}.bias": 0.1 * torch.randn(WIDTH, generator=rng),
        }

    weights = {
        f"embeddings.{name}.weight": torch.randn(rows, WIDTH, generator=rng)
        for name, rows in (
            ("word_embeddings", WORDS),
            ("position_embeddings", 300),
            ("token_type_embeddings", 2),
        )
    } | norm("embeddings.LayerNorm")
    for index in range(LAYERS):
        name = f"encoder.layer.{index}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            weights |= linear(f"{name}.attention.{part}", WIDTH, WIDTH)
        weights |= norm(f"{name}.attention.output.LayerNorm")
        weights |= linear(f"{name}.intermediate.dense", 4 * WIDTH, WIDTH)
        weights |= linear(f"{name}.output.dense", WIDTH, 4 * WIDTH)
        weights |= norm(f"{name}.output.LayerNorm")
    return weights


class Numbers:
    """A tokenizer of texts that are numbers, padding with 0."""

    def encode_batch(self, texts):
        rows = [[int(word) for word in text.split()] for text in texts]
        longest = max(len(row) for row in rows)
        return [
            SimpleNamespace(
                ids=row + [0] * (longest - len(row)),
                attention_mask=[1] * len(row) + [0] * (longest - len(row)),
                overflowing=[],
            )
            for row in rows
        ]


@pytest.fixture(scope="module")
def encoder():
    return MiniLM(toy_weights(), Numbers())


def test_sentences_become_unit_vectors(encoder):
    vectors = encoder(["1 2 3", "4 5"])
    assert vectors.shape == (2, WIDTH)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
    assert not any(p.requires_grad for p in encoder.parameters())


def test_padding_does_not_matter(encoder):
    alone = encoder(["7 8"])
    batched = encoder(["7 8", "1 2 3 4 5 6 7 8 9 10 11"])[:1]
    torch.testing.assert_close(alone, batched, atol=1e-5, rtol=0)


def test_the_order_of_words_matters(encoder):
    assert (encoder(["1 2 3"]) @ encoder(["3 2 1"]).T).item() < 0.9999


@pytest.mark.extra
def test_it_equals_transformers():
    transformers = pytest.importorskip("transformers")
    weights = toy_weights()
    config = transformers.BertConfig(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=300,
        layer_norm_eps=1e-12,
    )
    bert = transformers.BertModel(config, add_pooling_layer=False).eval()
    bert.load_state_dict(weights)
    tokens = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    with torch.no_grad():
        states = bert(input_ids=tokens, attention_mask=mask).last_hidden_state
    mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    expected = torch.nn.functional.normalize(mean, dim=1)
    ours = MiniLM(weights, Numbers())(["3 1 4 1 5", "9 2 6"])
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
