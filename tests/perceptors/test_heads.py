import logging
import pickle
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mutoscope.errors import WeightsError
from mutoscope.perceptors.heads import MAX_BYTES, choose_perceptor, load_head
from mutoscope.perceptors.tiny import Tiny


def linear(width=32, seed=0):
    """One layer, as LAION's first heads and the AVA heads are saved."""
    rng = torch.Generator().manual_seed(seed)
    return {"weight": torch.randn(1, width, generator=rng), "bias": torch.tensor([5.0])}


def stack(places, widths, prefix="layers."):
    """Linear layers at ``places`` of a sequence, as the improved predictor saves its own."""
    rng, state = torch.Generator().manual_seed(1), {}
    for place, (into, out) in zip(places, widths, strict=True):
        state[f"{prefix}{place}.weight"] = torch.randn(out, into, generator=rng) / into**0.5
        state[f"{prefix}{place}.bias"] = torch.randn(out, generator=rng)
    return state


IMPROVED = [(768, 1024), (1024, 128), (128, 64), (64, 16), (16, 1)]


def written(tmp_path, state, name="head.pth"):
    path = tmp_path / name
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return path


def units(count, width):
    rng = torch.Generator().manual_seed(2)
    return nn.functional.normalize(torch.randn(count, width, generator=rng), dim=1)


@pytest.mark.parametrize("name", ["sa_0_4_vit_b_32_linear.pth", "head.safetensors"])
def test_a_linear_head_rates_by_its_weight_and_bias(tmp_path, name):
    state, embeds = linear(512), units(3, 512)
    head = load_head(written(tmp_path, state, name))
    assert head.width == 512
    assert head.name == name
    torch.testing.assert_close(head(embeds), embeds @ state["weight"][0] + 5)


def test_the_improved_predictor_is_its_layers_with_nothing_between(tmp_path):
    state, embeds = stack([0, 2, 4, 6, 7], IMPROVED), units(3, 768)
    head = load_head(written(tmp_path, state, "sac+logos+ava1-l14-linearMSE.pth"))
    published = nn.Sequential(
        *(nn.Linear(768, 1024), nn.Dropout(0.2), nn.Linear(1024, 128), nn.Dropout(0.2)),
        *(nn.Linear(128, 64), nn.Dropout(0.1), nn.Linear(64, 16), nn.Linear(16, 1)),
    ).eval()
    published.load_state_dict({key.removeprefix("layers."): v for key, v in state.items()})
    assert head.width == 768
    torch.testing.assert_close(head(embeds), published(embeds)[:, 0])


def test_its_rectified_sister_has_a_nonlinearity_where_there_was_room_for_one(tmp_path):
    state, embeds = stack([0, 3, 6, 9, 11], IMPROVED), units(3, 768)
    head = load_head(written(tmp_path, state, "ava+logos-l14-reluMSE.pth"))
    expected = embeds
    for place in (0, 3, 6, 9):
        weight, bias = state[f"layers.{place}.weight"], state[f"layers.{place}.bias"]
        expected = (expected @ weight.T + bias).relu()
    expected = expected @ state["layers.11.weight"].T + state["layers.11.bias"]
    torch.testing.assert_close(head(embeds), expected[:, 0])


@pytest.mark.parametrize("prefix", ["", "mlp.", "module.layers.", "fc"])
def test_any_stack_of_matching_layers_is_read_in_the_order_of_its_numbers(tmp_path, prefix):
    state = stack([9, 10], [(8, 4), (4, 1)], prefix)
    head = load_head(written(tmp_path, dict(reversed(state.items())), "h.safetensors"))
    assert head.width == 8
    embeds, (first, last) = units(2, 8), (state[f"{prefix}{place}.weight"] for place in (9, 10))
    hidden = embeds @ first.T + state[f"{prefix}9.bias"]
    torch.testing.assert_close(head(embeds), hidden @ last[0] + state[f"{prefix}10.bias"])


@pytest.mark.parametrize("wrapped", ["state_dict", "model"])
def test_half_precision_missing_biases_and_wrapped_states_are_read(tmp_path, wrapped):
    weight = torch.ones(1, 8, dtype=torch.float16)
    path = written(tmp_path, {wrapped: {"weight": weight}, "epoch": 3})
    embeds = units(2, 8)
    torch.testing.assert_close(load_head(path)(embeds), embeds.sum(1))


def test_a_head_is_frozen_and_passes_the_gradient_on(tmp_path):
    head = load_head(written(tmp_path, linear(8)))
    embeds = units(2, 8).requires_grad_()
    head(embeds).sum().backward()
    assert not any(parameter.requires_grad for parameter in head.parameters())
    assert embeds.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"weight": torch.ones(2, 8)}, "ends in 2 numbers"),
        ({"weight": torch.ones(8)}, r"shape \(8,\)"),
        ({"weight": torch.ones(1, 8), "bias": torch.ones(2)}, r"bias of shape \(2,\)"),
        ({"bias": torch.ones(1)}, "bias and no weight"),
        ({"weight": torch.full((1, 8), torch.nan)}, "not numbers"),
        (stack([0, 2], [(8, 4), (5, 1)]), "layer 0 gives 4 numbers and its layer 2 takes 5"),
        ({"a.weight": torch.ones(1, 8), "b.weight": torch.ones(1, 8)}, "2 parts: a, b"),
        (stack([0], [(8, 1)]) | {"layers.1.running_mean": torch.ones(8)}, "running_mean"),
        ({}, "no tensors"),
        ([torch.ones(1)], "holds a list"),
    ],
)
def test_what_is_no_head_is_refused(tmp_path, state, words):
    path = written(tmp_path, state)
    with pytest.raises(WeightsError, match=words) as refused:
        load_head(path)
    assert "aesthetic_head" in str(refused.value)
    assert "\n" not in str(refused.value)


class Bomb:
    """Writes a file when a pickle of it is run."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


def test_nothing_in_a_pickle_is_run(tmp_path):
    mark, whole, plain = (tmp_path / name for name in ("mark", "whole.pth", "plain.pth"))
    torch.save({"weight": Bomb(mark)}, whole)
    plain.write_bytes(pickle.dumps({"weight": Bomb(mark)}))
    with pytest.raises(WeightsError, match=r"wants to run \w+\.open, which was not done"):
        load_head(whole)
    with pytest.raises(WeightsError, match="nothing in it was run"):
        load_head(plain)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["h.pth", "h.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html></html>", b"\x80\x02}q\x00."])
def test_damaged_files_are_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        load_head(path)


@pytest.mark.parametrize("name", ["h.pth", "h.safetensors"])
def test_files_cut_short_are_refused(tmp_path, name):
    path = written(tmp_path, linear(512), name)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(WeightsError, match="damaged, cut short"):
        load_head(path)


def test_a_missing_and_a_huge_file_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        load_head(tmp_path / "none.pth")
    path = tmp_path / "huge.pth"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse: it takes no room
    with pytest.raises(WeightsError, match="256 are enough"):
        load_head(path)


def named(name, width):
    return SimpleNamespace(name=name, width=width)


B32, B16, L14 = (
    named(f"ViT-{m}::openai", w) for m, w in (("B/32", 512), ("B/16", 512), ("L/14", 768))
)


@pytest.mark.parametrize(
    ("file", "width", "chosen"),
    [
        ("sac+logos+ava1-l14-linearMSE.pth", 768, L14),
        ("ava_vit_b_16_linear.pth", 512, B16),
        ("sa_0_4_vit_b_32_linear.pth", 512, B32),
        ("mine.safetensors", 512, B32),
    ],
)
def test_the_perceptor_is_chosen_by_width_and_then_by_name(tmp_path, caplog, file, width, chosen):
    caplog.set_level(logging.WARNING, "mutoscope")
    head = load_head(written(tmp_path, linear(width), file))
    assert choose_perceptor(head, [L14, B32, B16]) is chosen
    assert not caplog.records


def test_a_head_of_another_model_of_that_width_is_pointed_out(tmp_path, caplog):
    head = load_head(written(tmp_path, linear(512), "ava_vit_b_16_linear.pth"))
    with caplog.at_level(logging.WARNING, "mutoscope"):
        assert choose_perceptor(head, [L14, B32]) is B32
    assert "ViT-B/32" in caplog.text


def test_a_head_that_fits_none_is_refused_with_the_widths_there_are(tmp_path):
    head = load_head(written(tmp_path, linear(512)))
    with pytest.raises(WeightsError, match=r"width 512.*tiny \(32\), ViT-L/14::openai \(768\)"):
        choose_perceptor(head, [Tiny(), L14])
