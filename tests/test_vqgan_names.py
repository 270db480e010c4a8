"""Spellings of VQGANs' names, and the table behind them."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mutoscope import names
from mutoscope.errors import WeightsError
from mutoscope.vqgan_names import KNOWN, _by_spelling, _plain, resolve_vqgan, vqgan_names


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        # PyTTI, and its forks
        *((name, name) for name in ("imagenet", "coco", "wikiart", "sflckr", "openimages")),
        ("sflickr", "sflckr"),
        ("sflicker", "sflckr"),
        ("faceshq", "faceshq"),
        # vqgan-clip-generator
        ("vqgan_imagenet_f16_16384", "imagenet"),
        ("vqgan_imagenet_f16_1024", "imagenet_1024"),
        ("vqgan_gumbel_f8", "openimages"),
        ("coco_transformer", "coco"),
        # pixray
        ("imagenet_f16_16384", "imagenet"),
        ("imagenet_f16_16384m", "imagenet"),
        ("imagenet_f16_1024", "imagenet_1024"),
        ("openimages_f16_8192", "openimages"),
        ("wikiart_16384", "wikiart"),
        # notebooks and scripts of 2021
        ("imagenet_16384", "imagenet"),
        ("imagenet_1024", "imagenet_1024"),
        ("gumbel_8192", "openimages"),
        ("vqgan_gumbel_f8_8192", "openimages"),
        ("wikiart_f16_16384_8145600", "wikiart"),
        ("faceshq_transformer", "faceshq"),
        ("coco_first_stage", "coco"),
        # as people type
        (" ImageNet-16384 ", "imagenet"),
        ("VQGAN ImageNet 1024", "imagenet_1024"),
        ("S-FLCKR", "sflckr"),
        ("COCO-Stuff", "coco"),
    ],
)
def test_spellings(spelling: str, name: str) -> None:
    found = resolve_vqgan(spelling)
    assert (found.text, found.path) == (name, None)
    assert found.known is not None
    assert found.known.name == name
    assert resolve_vqgan(found.text) == found


@pytest.mark.parametrize(
    "path", ["drawings/", "./coco", "a/imagenet", "mine.ckpt", "mine.YAML", "x.safetensors", ".."]
)
def test_paths(path: str) -> None:
    found = resolve_vqgan(path)
    assert (found.text, found.known, found.path) == (path, None, Path(path))


def test_paths_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError):
        resolve_vqgan("drawings")
    for name in ("drawings", "coco"):
        (tmp_path / name).mkdir()
    assert resolve_vqgan("drawings").path == Path("drawings")
    assert resolve_vqgan("coco").path is None  # a published name stays one
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_vqgan("~/drawings").path == tmp_path / "drawings"
    assert resolve_vqgan("~nobody-is-called-so/x").path == Path("~nobody-is-called-so/x")
    assert resolve_vqgan("~a\0b").path == Path("~a\0b")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("imagnet", r"; did you mean 'imagenet'\?; allowed are imagenet, imagenet_1024"),
        ("Wikiarts", "did you mean 'wikiart'"),
        ("openimage", "did you mean 'openimages'"),
        ("faces_hq2", "did you mean 'faceshq'"),
        ("", "is called ''; allowed are"),
        ("ViT-B", "allowed are"),
        ("x" * 5000, "x…'; allowed are"),
        ("a\0b", "allowed are"),
        ("a\x1b[2Jb", "allowed are"),
    ],
)
def test_unknown_names(name: str, hint: str) -> None:
    with pytest.raises(WeightsError, match=hint) as caught:
        resolve_vqgan(name, place="films[1]")
    message = str(caught.value)
    assert message.startswith("films[1]: no VQGAN is called ")
    assert message.isprintable()
    assert len(message) < 600


def test_the_table() -> None:
    assert vqgan_names() == [
        *("imagenet", "imagenet_1024", "coco", "wikiart", "sflckr", "openimages", "faceshq"),
    ]
    for row in KNOWN:
        # A name becomes a file's name.
        assert all(stem.replace("_", "").isalnum() for stem in (row.name, *row.stems))
        assert row.f == (8 if row.kind == "gumbel" else 16)
        assert row.size == row.config.size + row.checkpoint.size
        assert row.config.size < 2_000 < 200_000_000 < row.checkpoint.size
        for file in (row.config, row.checkpoint):
            assert len(set(file.urls)) == len(file.urls) >= 2
            hosts = {urlsplit(url).hostname for url in file.urls}
            assert len(hosts) >= 2, row.name  # one that is gone takes nothing with it
            assert bytes.fromhex(file.sha256) == b"" or len(bytes.fromhex(file.sha256)) == 32
            for url in file.urls:
                assert url.isascii()
                assert url.startswith("https://") or file.sha256
    digests = [f.sha256 for row in KNOWN for f in (row.config, row.checkpoint) if f.sha256]
    assert len(set(digests)) == len(digests)


def test_no_spelling_means_two_networks() -> None:
    spellings = [
        spelling
        for row in KNOWN
        for spelling in {_plain(row.name), *map(_plain, row.stems), *row.spellings}
    ]
    assert len(set(spellings)) == len(spellings)
    assert all(spelling == _plain(spelling) for spelling in spellings)


def test_no_name_is_a_perceptors_too() -> None:
    for name in [*vqgan_names(), *_by_spelling()]:
        with pytest.raises(WeightsError):
            names.resolve(name)
    for name in [*names.names(), *names.SWITCHES, *names.PLAIN]:
        if "/" in name:
            assert resolve_vqgan(name).known is None
        else:
            with pytest.raises(WeightsError):
                resolve_vqgan(name)


def test_notes() -> None:
    notes = {row.name: row.note for row in KNOWN}
    assert notes["imagenet"] == "VQGAN f16, 16384 codes"
    assert notes["openimages"] == "VQGAN f8, 8192 codes, Gumbel"
    assert notes["sflckr"] == "VQGAN f16"


def test_names_are_understood_without_torch() -> None:
    code = (
        "import sys, mutoscope.vqgan_names as n; n.resolve_vqgan('coco');"
        "print(sorted({'torch', 'numpy', 'huggingface_hub'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
