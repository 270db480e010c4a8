"""The stand-in: seeded, differentiable, and good enough to descend on."""

import os
import subprocess
import sys

import pytest
import torch

from mutoscope.perceptors.tiny import Tiny


def test_embeddings_are_unit_vectors() -> None:
    tiny = Tiny()
    batch = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    seen, read = tiny.embed_image(batch), tiny.embed_text(["a fox", "", "snow"])
    assert (seen.shape, read.shape) == ((5, 32), (3, 32))
    torch.testing.assert_close(torch.cat([seen, read]).norm(dim=1), torch.ones(8))
    assert tiny.embed_text([]).shape == (0, 32)
    assert not any(parameter.requires_grad for parameter in tiny.parameters())


def test_seeds() -> None:
    grey = torch.full((1, 3, 32, 32), 0.5)
    state = torch.random.get_rng_state()
    assert torch.equal(Tiny(seed=1).embed_image(grey), Tiny(seed=1).embed_image(grey))
    assert torch.equal(state, torch.random.get_rng_state())  # the global generator is left alone
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(Tiny(seed=1).embed_image(noise), Tiny(seed=2).embed_image(noise))
    assert not torch.equal(Tiny(seed=1).embed_text(["a"]), Tiny(seed=2).embed_text(["a"]))


def test_words_mean_the_same_in_every_process() -> None:
    code = (
        "from mutoscope.perceptors.tiny import Tiny;"
        "print(Tiny().embed_text(['a red fox']).tolist())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == str(Tiny().embed_text(["a red fox"]).tolist())


def test_texts() -> None:
    tiny = Tiny()
    fox, turned, dog = tiny.embed_text(["a red fox", "Fox a RED", "a dog"])
    torch.testing.assert_close(fox, turned)
    assert fox @ dog < 0.95


@pytest.mark.parametrize("size", [16, 32])
def test_descent_reaches_a_text(size: int) -> None:
    tiny = Tiny(size)
    want = tiny.embed_text(["a red fox"])[0]
    pixels = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    pixels.requires_grad_()
    adam = torch.optim.Adam([pixels], lr=0.05)
    begun = (tiny.embed_image(pixels) @ want).item()
    for _ in range(60):
        adam.zero_grad()
        (1 - tiny.embed_image(pixels) @ want).sum().backward()
        adam.step()
        pixels.data.clamp_(0, 1)
    assert (tiny.embed_image(pixels) @ want).item() > begun + 0.4


def test_each_pixel_matters() -> None:
    tiny = Tiny()
    grey = torch.full((1, 3, 32, 32), 0.5, requires_grad=True)
    tiny.embed_image(grey)[0, 0].backward()
    assert grey.grad is not None
    assert (grey.grad != 0).all()
