"""Three families of names, several kinds of files, and everything that isn't weights."""

import json
import logging
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mutoscope.errors import WeightsError
from mutoscope.names import HALF, KNOWN, Archive, resolve
from mutoscope.perceptors import clip_weights
from mutoscope.perceptors.clip_weights import Traits, read_checkpoint, read_traits

State = dict[str, Tensor]


def same(have: State, want: State) -> None:
    assert have.keys() == want.keys()
    for key, value in want.items():
        assert have[key].dtype == torch.float32
        torch.testing.assert_close(have[key], value, msg=key)


def weights(state: State) -> State:
    return {k: v for k, v in state.items() if k not in ("logit_scale", "input_resolution")}


def in_transformers(state: State) -> State:
    """``state`` renamed as Hugging Face transformers has it, written down independently."""
    named: State = {}
    for key, value in state.items():
        side = "vision_model" if key.startswith("visual.") else "text_model"
        key = key.removeprefix("visual.")
        if key.startswith("transformer.resblocks."):
            _, _, number, leaf = key.split(".", 3)
            name = f"{side}.encoder.layers.{number}"
            if leaf.startswith("attn.in_proj_"):
                for part, third in zip("qkv", value.chunk(3), strict=True):
                    named[f"{name}.self_attn.{part}_proj.{leaf[13:]}"] = third.contiguous()
                continue
            for ours, theirs in (
                *(("ln_1", "layer_norm1"), ("ln_2", "layer_norm2")),
                *(("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")),
                ("attn.out_proj", "self_attn.out_proj"),
            ):
                if leaf.startswith(ours):
                    named[f"{name}.{theirs}{leaf.removeprefix(ours)}"] = value
            continue
        outside = {
            "class_embedding": "embeddings.class_embedding",
            "conv1.weight": "embeddings.patch_embedding.weight",
            "positional_embedding": "embeddings.position_embedding.weight",
            "ln_pre.weight": "pre_layrnorm.weight",
            "ln_pre.bias": "pre_layrnorm.bias",
            "ln_post.weight": "post_layernorm.weight",
            "ln_post.bias": "post_layernorm.bias",
            "token_embedding.weight": "embeddings.token_embedding.weight",
            "ln_final.weight": "final_layer_norm.weight",
            "ln_final.bias": "final_layer_norm.bias",
        }
        if key == "proj":
            named["visual_projection.weight"] = value.T.contiguous()
        elif key == "text_projection":
            named["text_projection.weight"] = value.T.contiguous()
        else:
            named[f"{side}.{outside[key]}"] = value
    for side in ("vision_model", "text_model"):
        named[f"{side}.embeddings.position_ids"] = torch.arange(10)
    return named


def test_openai_names(tmp_path: Path, clip_state: State) -> None:
    save_file(clip_state, tmp_path / "a.safetensors")
    same(read_checkpoint(tmp_path / "a.safetensors"), weights(clip_state))


def test_transformers_names(tmp_path: Path, clip_state: State) -> None:
    named = in_transformers(weights(clip_state))
    assert not named.keys() & weights(clip_state).keys()
    save_file(named, tmp_path / "a.safetensors")
    same(read_checkpoint(tmp_path / "a.safetensors"), weights(clip_state))


def test_an_incomplete_attention_is_named(tmp_path: Path, clip_state: State) -> None:
    named = in_transformers(weights(clip_state))
    del named["text_model.encoder.layers.1.self_attn.k_proj.bias"]
    save_file(named, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=r"incomplete .*transformer\.resblocks\.1\.attn\.in_pr"):
        read_checkpoint(tmp_path / "a.safetensors")


def test_a_text_tower_of_its_own(tmp_path: Path, clip_state: State) -> None:
    named = {k if k.startswith("visual.") else f"text.{k}": v for k, v in clip_state.items()}
    save_file(named, tmp_path / "a.safetensors")
    same(read_checkpoint(tmp_path / "a.safetensors"), weights(clip_state))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised(tmp_path: Path, clip_state: State, dtype: torch.dtype) -> None:
    halved = {key: value.to(dtype) for key, value in clip_state.items()}
    save_file(halved, tmp_path / "a.safetensors")
    same(
        read_checkpoint(tmp_path / "a.safetensors"),
        {key: value.to(dtype).float() for key, value in weights(clip_state).items()},
    )


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
def test_torch_files(tmp_path: Path, clip_state: State, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    torch.save(clip_state, path)
    same(read_checkpoint(path), weights(clip_state))
    trained = {f"module.{key}": value for key, value in clip_state.items()}
    torch.save({"epoch": 3, "state_dict": trained, "note": "x"}, path)
    same(read_checkpoint(path), weights(clip_state))


class Evil:
    """Pickles into a call that would leave a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.mark, "was here"))


@pytest.mark.parametrize("pack", ["torch", "legacy", "bare"])
def test_a_pickle_with_code_is_not_run(tmp_path: Path, pack: str) -> None:
    mark, path = tmp_path / "mark", tmp_path / "evil.pt"
    if pack == "bare":
        path.write_bytes(pickle.dumps({"state_dict": Evil(mark)}))
    else:
        bomb = {"state_dict": Evil(mark)}
        torch.save(bomb, path, _use_new_zipfile_serialization=pack == "torch")
    with pytest.raises(WeightsError, match=r"evil\.pt: is .*(not done|nothing in it was run)"):
        read_checkpoint(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Evil(mark)))  # noqa: S301 - the bomb itself works
    assert mark.exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>log in</html>", "is a web page, not weights"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer"),
        (b"", "is empty"),
        (b"\x00garbage" * 99, "damaged"),
    ],
)
def test_other_files(tmp_path: Path, suffix: str, content: bytes, message: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("kept", [0.001, 0.5, 0.999])
def test_a_truncated_file(tmp_path: Path, clip_state: State, suffix: str, kept: float) -> None:
    path = tmp_path / f"a{suffix}"
    save_file(clip_state, path) if suffix == ".safetensors" else torch.save(clip_state, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(WeightsError, match=r"damaged|cut short"):
        read_checkpoint(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_no_file(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(WeightsError, match="no such weights file"):
        read_checkpoint(tmp_path / f"none{suffix}")


def test_a_list_is_not_weights(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / "a.pt")
    with pytest.raises(WeightsError, match="holds a list, not named tensors"):
        read_checkpoint(tmp_path / "a.pt")


class Program(torch.nn.Module):
    """A scripted module, as OpenAI's archives are."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = torch.nn.Parameter(torch.arange(6.0).half())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.proj


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*TorchScript:UserWarning")
def test_only_published_programs_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ViT-B-32.pt"
    torch.jit.script(Program()).save(str(path))
    with pytest.raises(WeightsError, match=r"a TorchScript program \(sha256 [0-9a-f]{64}\)") as no:
        read_checkpoint(path)
    digest = str(no.value).split("sha256 ")[1][:64]
    known = replace(KNOWN[0], archive=Archive("ViT-B-32.pt", digest))
    monkeypatch.setattr(clip_weights, "KNOWN", (known,))
    same(read_checkpoint(path), {"proj": torch.arange(6.0)})


def test_traits_of_a_published_model(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    openai = resolve("ViTB32").model
    assert read_traits(path, model=openai) == Traits("quickgelu")
    assert read_traits(path, model=openai, activation="gelu").activation == "gelu"
    laion = read_traits(path, model=resolve("ViT-L-14/laion2b_s32b_b82k").model)
    assert laion == Traits("gelu", HALF, HALF)


def test_traits_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    transformers = {
        "vision_config": {"num_attention_heads": 3, "hidden_act": "quick_gelu"},
        "text_config": {"num_attention_heads": 2},
    }
    (tmp_path / "config.json").write_text(json.dumps(transformers))
    assert read_traits(path) == Traits("quickgelu", vision_heads=3, text_heads=2)
    pixels = {"image_mean": HALF, "image_std": HALF}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(pixels))
    assert read_traits(path).mean == HALF
    open_clip = {
        "model_cfg": {
            "vision_cfg": {"layers": 2, "width": 160, "head_width": 80},
            "text_cfg": {"heads": 4},
        },
        "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]},
    }
    (tmp_path / "open_clip_config.json").write_text(json.dumps(open_clip))
    want = Traits("gelu", (0.1, 0.2, 0.3), (1.0, 1.0, 1.0), 2, 4)
    assert read_traits(path) == want
    assert read_traits(path, activation="quickgelu") == replace(want, activation="quickgelu")


@pytest.mark.parametrize(
    "odd",
    [
        {"model_cfg": {"vision_cfg": {"width": 1e999}, "text_cfg": {}}},
        {"model_cfg": {"vision_cfg": {"width": 64, "head_width": 0}, "text_cfg": {}}},
        {"model_cfg": {"vision_cfg": {}, "text_cfg": {}}, "preprocess_cfg": {"std": [0, 1, 1]}},
        {"model_cfg": {"vision_cfg": {}, "text_cfg": {}}, "preprocess_cfg": {"mean": [1e999] * 3}},
    ],
)
def test_a_configuration_of_numbers_that_are_none_is_gone_without(tmp_path: Path, odd: Any) -> None:
    (tmp_path / "open_clip_config.json").write_text(json.dumps(odd))
    assert read_traits(tmp_path / "openai.pt") == Traits("quickgelu")


def test_traits_without_a_configuration(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with caplog.at_level(logging.INFO, "mutoscope"):
        assert read_traits(tmp_path / "mine.safetensors").activation == "gelu"
    assert "mine.safetensors::quickgelu for the other" in caplog.text
    assert read_traits(tmp_path / "openai-b32.pt").activation == "quickgelu"
    caplog.clear()
    assert read_traits(tmp_path / "mine.safetensors", activation="gelu").activation == "gelu"
    assert "for the other" not in caplog.text


def test_a_pickle_that_calls_a_kind_of_storage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"state_dict": {"a": torch.ones(2)}}, path)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            spoilt = b"\x80\x02ctorch\nFloatStorage\n)R." if name.endswith("data.pkl") else content
            archive.writestr(name, spoilt)
    assert path.read_bytes() != data
    with pytest.raises(WeightsError):
        read_checkpoint(path)
