import re

import pytest
import yaml

from mutoscope.errors import WeightsError
from mutoscope.vqgan import Architecture, read_architecture, write_architecture

SIZES = {
    "double_z": False,
    "z_channels": 256,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 128,
    "ch_mult": [1, 1, 2, 2, 4],
    "num_res_blocks": 2,
    "attn_resolutions": [16],
    "dropout": 0.0,
}
IMAGENET = Architecture(
    kind="vq",
    embed_dim=256,
    n_embed=1024,
    z_channels=256,
    ch=128,
    ch_mult=(1, 1, 2, 2, 4),
    num_res_blocks=2,
    attn_resolutions=(16,),
)

# In the manner of the published files: losses, schedules and data beside what is wanted.
TRANSFORMER = """
model:
  base_learning_rate: 4.5e-06
  target: taming.models.cond_transformer.Net2NetTransformer
  params:
    cond_stage_key: segmentation
    transformer_config: {target: taming.modules.transformer.mingpt.GPT, params: {n_layer: 24}}
    first_stage_config:
      target: taming.models.vqgan.VQModel
      params:
        ckpt_path: ${oc.env:HOME}/first.ckpt
        embed_dim: 256
        n_embed: ${model.params.vocabulary}
        ddconfig:
          {double_z: false, z_channels: 256, resolution: 256, in_channels: 3, out_ch: 3, ch: 128,
           ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 2, attn_resolutions: [16], dropout: 0.0}
        lossconfig:
          target: taming.modules.losses.vqperceptual.VQLPIPSWithDiscriminator
          params: {disc_start: 250001, nested: {target: "${data.target}"}}
    cond_stage_config:
      target: taming.models.vqgan.VQModel
      params: {colorize_nlabels: 182, ddconfig: {in_channels: 182}}
    vocabulary: 1024
data: {target: main.DataModuleFromConfig, when: 2020-11-09T13:31:51}
"""


@pytest.fixture
def write(tmp_path):
    """Writes a configuration, given as text, bytes or values."""

    def put(content):
        path = tmp_path / "model.yaml"
        if not isinstance(content, str | bytes):
            content = yaml.safe_dump(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def described(target="taming.models.vqgan.VQModel", *, drop=(), **changes):
    sizes = {key: value for key, value in {**SIZES, **changes}.items() if key not in drop}
    outer = {"embed_dim": 256, "n_embed": 1024}
    params = {key: sizes.pop(key, value) for key, value in outer.items() if key not in drop}
    return {"model": {"target": target, "params": {**params, "ddconfig": sizes}}}


def test_a_published_file(write):
    assert read_architecture(write(described())) == IMAGENET
    assert IMAGENET.f == 16


def test_a_gumbel_file(write):
    gumbel = described("taming.models.vqgan.GumbelVQ", ch_mult=[1, 1, 2, 4], n_embed=8192)
    gumbel["model"]["params"] |= {"kl_weight": 1e-08, "remap": None}
    found = read_architecture(write(gumbel))
    assert (found.kind, found.f, found.n_embed) == ("gumbel", 8, 8192)


def test_the_first_stage_of_a_transformer(write):
    assert read_architecture(write(TRANSFORMER)) == IMAGENET


@pytest.mark.parametrize(
    "changes",
    [{}, {"kind": "gumbel", "dropout": 0.1}, {"attn_resolutions": (), "resamp_with_conv": False}],
)
def test_what_is_written_is_read_back(tmp_path, architecture, changes):
    made = architecture(**changes)
    write_architecture(made, tmp_path / "a.yaml")
    assert read_architecture(tmp_path / "a.yaml") == made
    written = yaml.safe_load((tmp_path / "a.yaml").read_text())
    assert written["model"]["target"].startswith("taming.models.vqgan.")
    assert written["model"]["params"]["ddconfig"]["ch_mult"] == [1, 2, 2]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ch": 10**9}, "ch: 1000000000 should be a whole number from 1 to 4096"),
        ({"ch": 10**4000}, "ch: a number of many digits should be"),
        ({"ch": 48}, "ch times ch_mult: 48 should be a multiple of 32 up to 4096"),
        ({"ch": 2048, "ch_mult": [64]}, "ch times ch_mult: 131072"),
        ({"ch": True}, "ch: True should be"),
        ({"ch": "128"}, "ch: '128' should be"),
        ({"ch_mult": [1] * 40}, "ch_mult: .* should be a list of 1 to 8 whole numbers"),
        ({"ch_mult": []}, "ch_mult: "),
        ({"ch_mult": 4}, "ch_mult: 4 should be a list"),
        ({"ch_mult": [1.5]}, "ch_mult: 1.5 should be a whole number"),
        ({"num_res_blocks": 0}, "num_res_blocks: 0 should be"),
        ({"n_embed": -1}, "n_embed: -1 should be"),
        ({"embed_dim": 10**6}, "embed_dim: 1000000 should be"),
        ({"in_channels": 182}, "in_channels: 182 should be 3"),
        ({"double_z": True}, "double_z: True should be false"),
        ({"dropout": 1}, "dropout: 1 should be a number from 0 to below 1"),
        ({"resamp_with_conv": "no way"}, "resamp_with_conv: 'no way' should be true or false"),
        ({"drop": ["z_channels"]}, "has no model.params.ddconfig.z_channels"),
        ({"drop": ["n_embed"]}, "has no model.params.n_embed"),
        ({"n_embed": "${model.nothing}"}, "model.params.n_embed: nothing stands at"),
        ({"n_embed": "${model.params.n_embed}"}, "model.params.n_embed: nothing stands at"),
        (
            {"target": "taming.models.vqgan.VQSegmentationModel"},
            "model.target: 'taming.models.vqgan.VQSegmentationModel' is not a class that is read "
            "here; those are .*VQModel, "
            ".*GumbelVQ, .*Net2NetTransformer",
        ),
        ({"target": "taming.models.vqgan.GumbelVQ", "embed_dim": 8}, "embed_dim: 8 should be"),
    ],
)
def test_absurd_values_are_refused(write, changes, complaint):
    path = write(described(**changes))
    with pytest.raises(WeightsError, match=f"^{re.escape(str(path))}: {complaint}") as refused:
        read_architecture(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < len(str(path)) + 320


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<!DOCTYPE html><html>sign in", "is a web page"),
        ('{"title": "not found"}', "has no model; give the .yaml"),
        ("", "is empty"),
        ("just words", "the file is no list of 'key: value' lines"),
        ("model: [1, 2]", "model is no list of"),
        (b"PK\x03\x04 a checkpoint", "binary file .config and checkpoint exchanged"),
        (b"\x80\x02\0\0", "binary file"),
        (b"caf\xe9: 1", "is not UTF-8"),
        ("a: " + "x" * 300_000, "larger than the 256 KiB"),
        ("model: {target: [", "is not plain YAML"),
        ("a: !!python/object/apply:os.system [touch ran]", "is not plain YAML"),
        ("model: !!python/name:os.system", "is not plain YAML"),
        ("a: &a [1]\nb: [*a, *a]", "aliases are not allowed"),
        ("[" * 5000, "nested too deeply"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
    ],
)
def test_what_is_no_configuration(write, monkeypatch, tmp_path, content, complaint):
    monkeypatch.chdir(tmp_path)
    path = write(content)
    with pytest.raises(WeightsError, match=complaint) as refused:
        read_architecture(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "ran").exists()


def test_no_file(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        read_architecture(tmp_path / "none.yaml")
    with pytest.raises(WeightsError, match="is a folder"):
        read_architecture(tmp_path)


@pytest.mark.parametrize("value", ["!!int ''", "!!float ''", "!!bool x", "!!timestamp x"])
def test_a_text_that_claims_to_be_a_number_is_refused(tmp_path, value):
    path = tmp_path / "model.yaml"
    path.write_text(f"model: {value}\n")
    with pytest.raises(WeightsError):
        read_architecture(path)
