"""Spellings of perceptors' names, and the table behind them."""

import subprocess
import sys
from pathlib import Path

import pytest

from mutoscope.errors import WeightsError
from mutoscope.names import HALF, KNOWN, SWITCHES, names, resolve


@pytest.mark.parametrize(
    ("spelling", "text"),
    [
        ("ViTB32", "ViT-B/32::openai"),
        ("ViT-B/32", "ViT-B/32::openai"),
        ("ViT-B-32::openai", "ViT-B/32::openai"),
        ("ViT-B-32/openai", "ViT-B/32::openai"),
        ("ViT-B-32-quickgelu/openai", "ViT-B/32::openai"),
        (" vit-b-32 ", "ViT-B/32::openai"),
        ("ViT-B-32/laion2b_s34b_b79k", "ViT-B/32::laion2b_s34b_b79k"),
        ("hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "ViT-B/32::laion2b_s34b_b79k"),
        ("hf-hub:openai/clip-vit-base-patch16", "ViT-B/16::openai"),
        ("RN50", "RN50::openai"),
        ("RN50x64", "RN50x64::openai"),
        ("ViTL14_336px", "ViT-L/14@336px::openai"),
        ("ViT-L/14@336px", "ViT-L/14@336px::openai"),
        ("ViT-L-14-336/openai", "ViT-L/14@336px::openai"),
        ("ViT-B-32-256/datacomp_s34b_b86k", "ViT-B/32@256px::datacomp_s34b_b86k"),
        ("labels", "labels"),
        ("Tiny", "tiny"),
        ("auto", "auto"),
    ],
)
def test_spellings(spelling: str, text: str) -> None:
    found = resolve(spelling)
    assert found.text == text
    assert resolve(found.text) == found
    assert found.kind == ("clip" if "::" in text else text)


def test_a_local_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("/x/Model.safetensors").path == Path("/x/Model.safetensors")
    gelu = resolve("mine.pt::gelu")
    assert (gelu.path, gelu.activation, gelu.kind) == (Path("mine.pt"), "gelu", "clip")
    bare = tmp_path / "no-suffix"
    bare.write_text("x")
    assert resolve(f"{bare}::quickgelu").path == bare
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/a.bin").path == tmp_path / "a.bin"
    assert resolve("~/a.bin").sources == ()


def test_a_repository() -> None:
    found = resolve("hf-hub:someone/clip-of-mine::quickgelu")
    assert (found.repo, found.activation) == ("someone/clip-of-mine", "quickgelu")
    assert [source.repo for source in found.sources] == ["someone/clip-of-mine"]


def test_open_clip() -> None:
    found = resolve("open_clip:ViT-B-16-SigLIP/webli")
    assert (found.kind, found.architecture, found.pretrained) == (
        *("open_clip", "ViT-B-16-SigLIP", "webli"),
    )
    assert resolve("open_clip:RN50").pretrained == ""


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ViT-B/33", "did you mean"),
        ("lables", "did you mean 'labels'"),
        ("RN51", "did you mean 'RN5"),
        ("", "allowed are auto"),
        ("open_clip:", "allowed are auto"),
        ("hf-hub:../..", "hf-hub:ORG/REPOSITORY"),
        ("hf-hub:a/b/c", "hf-hub:ORG/REPOSITORY"),
        ("hf-hub:/etc", "hf-hub:ORG/REPOSITORY"),
    ],
)
def test_unknown_names(name: str, hint: str) -> None:
    with pytest.raises(WeightsError, match=hint) as caught:
        resolve(name, place="perceptors[1]")
    assert str(caught.value).startswith(f"perceptors[1]: no perceptor is called {name!r}")
    assert "\n" not in str(caught.value)


def test_the_table() -> None:
    assert len(set(names())) == len(KNOWN)
    assert set(SWITCHES) == {
        *("RN50", "RN101", "RN50x4", "RN50x16", "RN50x64"),
        *("ViTB32", "ViTB16", "ViTL14", "ViTL14_336px"),
    }
    for row in KNOWN:
        assert row.sources
        assert row.size > 100_000_000
        assert (row.activation == "quickgelu") == row.name.endswith("::openai")
        assert (row.archive is not None) == row.name.endswith("::openai")
        if row.archive is not None:
            assert len(bytes.fromhex(row.archive.sha256)) == 32
    sides = {row.switch: row.side for row in KNOWN if row.switch}
    assert (sides["RN50x4"], sides["RN50x16"], sides["RN50x64"]) == (288, 384, 448)
    assert (sides["ViTL14_336px"], sides["ViTB32"]) == (336, 224)
    model = resolve("ViTL14_336px").model
    assert model is not None
    assert model.archive is not None
    assert model.archive.file == "ViT-L-14-336px.pt"
    halved = resolve("ViT-L-14/laion2b_s32b_b82k").model
    assert halved is not None
    assert halved.mean == HALF


def test_names_are_understood_without_torch() -> None:
    code = "import sys, mutoscope.names as n; n.resolve('RN50'); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize("name", ["1/" + "0" * 20_000, "~nobody-is-called-so/x", "a\0b", "~a\0b"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(WeightsError):
        resolve(name)
