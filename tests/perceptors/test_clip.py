"""A whole CLIP from a file: embeddings, long prompts, and what it refuses."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mutoscope.errors import WeightsError
from mutoscope.perceptors.clip import Clip, load_clip
from mutoscope.perceptors.clip_weights import Traits
from mutoscope.perceptors.compiled import can_compile
from mutoscope.perceptors.lowered import Precision


@pytest.fixture
def small(tmp_path: Path, clip_state: dict[str, Tensor], make: SimpleNamespace) -> Clip:
    save_file(clip_state, tmp_path / "a.safetensors")
    vocabulary = make.json(tmp_path)
    traits = Traits("quickgelu")
    return load_clip(tmp_path / "a.safetensors", traits, vocabulary=vocabulary, name="small")


def test_embeddings(small: Clip) -> None:
    assert (small.name, small.size, small.width) == ("small", 24, 16)
    batch = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()
    seen, read = small.embed_image(batch), small.embed_text(["the fox", "", "red"])
    assert (seen.shape, read.shape) == ((4, 16), (3, 16))
    torch.testing.assert_close(torch.cat([seen, read]).norm(dim=1), torch.ones(7))
    assert not read.requires_grad
    seen[:, 0].sum().backward()
    assert batch.grad is not None
    assert (batch.grad != 0).any(dim=1).all()
    assert small.embed_text([]).shape == (0, 16)


def test_nothing_of_it_learns(small: Clip) -> None:
    assert not small.training
    assert not any(parameter.requires_grad for parameter in small.parameters())


def test_each_picture_is_seen_by_itself(small: Clip) -> None:
    batch = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([small.embed_image(batch[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(small.embed_image(batch), alone, atol=1e-5, rtol=1e-4)


def test_a_long_prompt_is_read_in_parts(small: Clip, caplog: pytest.LogCaptureFixture) -> None:
    # Ten tokens fit between the marks.
    parts = ["the red fox " * 3 + "the", "red fox"]
    with caplog.at_level(logging.INFO, "mutoscope"):
        whole = small.embed_text([" ".join(parts), "fox"])
    mean = small.embed_text(parts).mean(0)
    torch.testing.assert_close(whole[0], mean / mean.norm())
    torch.testing.assert_close(whole[1:], small.embed_text(["fox"]))
    (notice,) = caplog.messages
    assert "longer than the 12 tokens that small reads at once: its 2 parts" in notice


def test_pictures_of_another_size_are_a_mistake(small: Clip) -> None:
    with pytest.raises(ValueError, match=r"small looks at \(n, 3, 24, 24\), not \(1, 3, 32, 32\)"):
        small.embed_image(torch.zeros(1, 3, 32, 32))


def test_a_residual_network_is_told_by_its_weights(tmp_path: Path, make: SimpleNamespace) -> None:
    save_file({**make.resnet_eye(), **make.ear()}, tmp_path / "a.safetensors")
    vocabulary = make.gzip(tmp_path)
    clip = load_clip(tmp_path / "a.safetensors", Traits("quickgelu"), vocabulary=vocabulary)
    assert clip.embed_image(torch.full((1, 3, 64, 64), 0.5)).shape == (1, 16)
    assert clip.embed_text(["fox"]).shape == (1, 16)


def test_two_halves_of_different_models(tmp_path: Path, make: SimpleNamespace) -> None:
    state = {**make.transformer_eye(), **make.ear(out=8)}
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=r"in 16 numbers and texts in 8"):
        load_clip(tmp_path / "a.safetensors", Traits("gelu"), vocabulary=make.json(tmp_path))


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_it_can_look_with_fewer_bits_and_back(small: Clip, precision: Precision) -> None:
    if precision not in small.precisions:
        pytest.skip(f"this processor has no {precision}")
    batch = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def looked() -> tuple[Tensor, Tensor]:
        seen = small.embed_image(batch)
        return seen.detach(), torch.autograd.grad(seen[:, 0].sum(), batch)[0]

    exact, read = looked(), small.embed_text(["the fox"])
    small.look_with(precision)
    lower, again = looked(), looked()
    for wanted, made, same in zip(exact, lower, again, strict=True):
        near = torch.cosine_similarity(wanted.flatten(), made.flatten(), dim=0)
        assert 0.998 < near < 1 - 1e-7
        assert torch.equal(made, same)
    assert torch.equal(small.embed_text(["the fox"]), read)
    small.look_with("float32")
    assert all(map(torch.equal, looked(), exact))


def test_only_what_it_has_can_be_asked_of_it(tmp_path: Path, make: SimpleNamespace) -> None:
    save_file({**make.resnet_eye(), **make.ear()}, tmp_path / "a.safetensors")
    vocabulary = make.json(tmp_path)
    clip = load_clip(tmp_path / "a.safetensors", Traits("quickgelu"), vocabulary=vocabulary)
    assert clip.precisions == ("float32",)
    assert not clip.compiles
    with pytest.raises(ValueError, match="looks with float32: 'int8'"):
        clip.look_with("int8")


@pytest.mark.long
def test_a_compiled_eye_sees_the_same(small: Clip, tmp_path: Path) -> None:
    if not can_compile(torch.device("cpu")):
        pytest.skip("there is no C++ compiler here")
    batch = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()
    exact = small.embed_image(batch)
    (pull,) = torch.autograd.grad(exact[:, 0].sum(), batch)
    assert small.compile_for(batch, folder=tmp_path / "kept")
    seen = small.embed_image(batch)
    torch.testing.assert_close(seen, exact)
    torch.testing.assert_close(torch.autograd.grad(seen[:, 0].sum(), batch)[0], pull)
    assert len(list((tmp_path / "kept" / "float32").iterdir())) == 1
