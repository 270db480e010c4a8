"""Where pairs are looked for, fetching the published ones, and noticing what became of them."""

import hashlib
import io
import logging
import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mutoscope.errors import WeightsError
from mutoscope.vqgan_names import KNOWN, KnownVqgan, Published, VqganName
from mutoscope.weights import check_pair, fetch_pair, locate_pair, pairs
from mutoscope.weights.pairs import Pair
from mutoscope.weights.transfer import Transfer

YAML = b"model:\n  target: taming.models.vqgan.VQModel\n  params: {n_embed: 4}\n"


def zipped() -> bytes:
    """What a checkpoint in torch's present form begins and ends like."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": {}}))
        archive.writestr("archive/data/0", bytes(200_000))
    return buffer.getvalue()


CKPT = zipped()


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def pair_at(folder: Path, stem: str, config: bytes = YAML, checkpoint: bytes = CKPT) -> Pair:
    return Pair(put(folder / f"{stem}.yaml", config), put(folder / f"{stem}.ckpt", checkpoint))


@pytest.fixture
def known(mirrors: Any) -> KnownVqgan:
    """A published network of two mirrors, with digests."""
    mirrors.files |= {"a/y": YAML, "b/y": YAML, "a/c": CKPT, "b/c": CKPT}
    config, checkpoint = (
        Published(
            tuple(mirrors.url(f"{mirror}/{kind}") for mirror in "ab"),
            len(data),
            hashlib.sha256(data).hexdigest(),
        )
        for kind, data in (("y", YAML), ("c", CKPT))
    )
    return KnownVqgan("toy", "vq", 16, 4, config, checkpoint, ("toy_f16",))


def undigested(known: KnownVqgan) -> KnownVqgan:
    files = (replace(file, sha256="", exact=False) for file in (known.config, known.checkpoint))
    config, checkpoint = files
    return replace(known, config=config, checkpoint=checkpoint)


def named(known: KnownVqgan) -> VqganName:
    return VqganName(known.name, known=known)


# --- places --------------------------------------------------------------------------------------


def test_places_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    models = tmp_path / "models"
    assert locate_pair("imagenet", models) is None
    assert not models.exists()

    generator = pair_at(home / ".cache/torch/hub/models", "vqgan_imagenet_f16_16384")
    assert locate_pair("imagenet", models) == generator
    assert fetch_pair("vqgan_imagenet_f16_16384", models) == generator
    assert locate_pair("imagenet_1024", models) is None
    assert not models.exists()  # used where it is

    other = pair_at(models / "vqgan", "vqgan_imagenet_f16_16384")
    assert locate_pair("imagenet", models) == other
    own = pair_at(models / "vqgan", "imagenet")
    assert locate_pair("imagenet", models) == own
    assert locate_pair("ImageNet-16384", models) == own
    own.checkpoint.unlink()  # half a pair is none
    assert locate_pair("imagenet", models) == other


@pytest.mark.parametrize(
    ("variable", "below"), [("TORCH_HOME", "hub/models"), ("XDG_CACHE_HOME", "torch/hub/models")]
)
def test_torchs_folder_may_be_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, below: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    pair = pair_at(tmp_path / below, "vqgan_gumbel_f8")
    assert locate_pair("openimages", tmp_path / "models") == pair


def test_the_file_names_of_a_fork_of_pytti(tmp_path: Path) -> None:
    assert locate_pair("sflckr", tmp_path) is None
    pair = pair_at(tmp_path / "vqgan", "sflickr")
    assert locate_pair("sflckr", tmp_path) == pair


def test_a_pair_of_ones_own(tmp_path: Path) -> None:
    pair = pair_at(tmp_path / "a", "mine")
    put(tmp_path / "a/notes.txt")
    put(tmp_path / "a/.hidden.ckpt")
    for path in (tmp_path / "a", pair.config, pair.checkpoint):
        assert locate_pair(str(path), tmp_path) == fetch_pair(str(path), tmp_path) == pair
    # Of several, those of one stem belong together.
    second = pair_at(tmp_path / "a", "other")
    assert locate_pair(str(second.config), tmp_path) == second
    assert locate_pair(str(pair.checkpoint), tmp_path) == pair
    assert locate_pair(str(tmp_path / "a"), tmp_path) is None
    with pytest.raises(WeightsError, match=r"holds 2 \.yaml and 2 checkpoints \(mine\.yaml, "):
        fetch_pair(str(tmp_path / "a"), tmp_path)


@pytest.mark.parametrize("checkpoint", ["model.safetensors", "last.pt", "x.PTH"])
def test_two_files_alone_belong_together(tmp_path: Path, checkpoint: str) -> None:
    pair = Pair(put(tmp_path / "config.yml", YAML), put(tmp_path / checkpoint))
    for path in (tmp_path, pair.config, pair.checkpoint):
        assert fetch_pair(str(path), tmp_path) == pair


def test_a_training_of_taming_transformers(tmp_path: Path) -> None:
    config = put(tmp_path / "configs/2021-project.yaml", YAML)
    put(tmp_path / "configs/2021-lightning.yaml", YAML)
    put(tmp_path / "checkpoints/epoch=000012.ckpt")
    last = put(tmp_path / "checkpoints/last.ckpt")
    assert fetch_pair(str(tmp_path), tmp_path) == Pair(config, last)


@pytest.mark.parametrize(
    ("files", "asked", "message"),
    [
        ((), "x/none.ckpt", r"no such file or folder; give the path of a folder with a \.yaml"),
        ((), "", r"holds no VQGAN; a VQGAN is a \.yaml and its checkpoint"),
        (("a.ckpt",), "", r"no \.yaml in it; a VQGAN is"),
        (("a.yaml",), "", "no checkpoint in it; a VQGAN is"),
        (("a.ckpt",), "a.ckpt", r"has no \.yaml beside it; put there the one"),
        (("a.yaml",), "a.yaml", "has no checkpoint beside it; put there the one"),
        (("a.ckpt", "b.yaml", "c.yaml"), "a.ckpt", r"name its \.yaml like it"),
    ],
)
def test_what_is_no_pair(tmp_path: Path, files: tuple[str, ...], asked: str, message: str) -> None:
    for file in files:
        put(tmp_path / file)
    assert locate_pair(f"{tmp_path}/{asked}", tmp_path) is None
    with pytest.raises(WeightsError, match=message) as caught:
        fetch_pair(f"{tmp_path}/{asked}", tmp_path)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a\0/b.ckpt", "/" + "x" * 9000 + ".ckpt"])
def test_what_no_path_can_be(tmp_path: Path, name: str) -> None:
    assert locate_pair(name, tmp_path) is None
    with pytest.raises(WeightsError):
        fetch_pair(name, tmp_path)


# --- fetching ------------------------------------------------------------------------------------


def test_a_pair_is_fetched(mirrors: Any, known: KnownVqgan, tmp_path: Path) -> None:
    told: list[Transfer] = []
    pair = fetch_pair(named(known), tmp_path, progress=told.append)
    assert pair == Pair(tmp_path / "vqgan/toy.yaml", tmp_path / "vqgan/toy.ckpt")
    assert (pair.config.read_bytes(), pair.checkpoint.read_bytes()) == (YAML, CKPT)
    assert {transfer.file for transfer in told} == {"toy.ckpt"}
    assert told[-1].done == told[-1].size == len(CKPT)
    assert check_pair(pair)
    assert locate_pair(named(known), tmp_path) == pair
    mirrors.asked.clear()
    assert fetch_pair(named(known), tmp_path) == pair
    assert not mirrors.asked


def test_what_was_fetched_is_written_down_for_sha256sum(
    known: KnownVqgan, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "mutoscope"):
        pair = fetch_pair(named(undigested(known)), tmp_path)
    said = [line for line in caplog.messages if "no digest of it is published" in line]
    assert len(said) == 2
    assert (tmp_path / "vqgan/toy.sha256").read_text() == (
        f"{hashlib.sha256(CKPT).hexdigest()}  toy.ckpt\n"
        f"{hashlib.sha256(YAML).hexdigest()}  toy.yaml\n"
    )
    assert check_pair(pair)
    data = bytearray(CKPT)
    data[1000] ^= 1
    pair.checkpoint.write_bytes(data)
    with pytest.raises(WeightsError, match=r"toy\.ckpt: has changed since it was fetched"):
        check_pair(pair)
    (tmp_path / "vqgan/toy.sha256").unlink()
    assert not check_pair(pair)


def test_the_next_mirror_serves(
    mirrors: Any, known: KnownVqgan, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    del mirrors.files["a/y"]
    mirrors.files["a/c"] = b"<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>"
    with caplog.at_level(logging.WARNING, "mutoscope"):
        pair = fetch_pair(named(undigested(known)), tmp_path)
    assert pair.checkpoint.read_bytes() == CKPT
    assert "answers 404" in caplog.messages[0]
    assert "sends Google Drive's warning page (too large" in caplog.messages[1]


@pytest.mark.parametrize(
    ("path", "sent", "why"),
    [
        ("c", b"  <HTML><head>", "sends a web page"),
        ("c", b"\xef\xbb\xbf<!doctype html>", "sends a web page"),
        ("c", b"version https://git-lfs.github.com/spec/v1\n", "sends a Git LFS pointer"),
        ("c", b"", "sends nothing"),
        ("c", b"quota exceeded", "begins neither as zip nor as pickle"),
        ("c", CKPT[:-30], "sends a checkpoint whose end is missing"),
        ("y", b"<html>", "sends a web page"),
        ("y", CKPT[:900], r"sends a binary file instead of a \.yaml"),
        ("y", b"a: [1", r"sends a \.yaml that can't be read"),
        ("y", b"[" * 3_000, r"sends a \.yaml that can't be read"),
        ("y", b"a: !!python/object/apply:os.system ['true']", r"\.yaml that can't be read"),
        ("y", b"Access denied", r"sends a \.yaml that is no mapping"),
        ("y", b"a: 1\n" * 20_000, "offers 100,000 bytes instead of about"),
    ],
)
def test_what_is_not_the_file_is_refused(
    mirrors: Any, known: KnownVqgan, tmp_path: Path, path: str, sent: bytes, why: str
) -> None:
    for mirror in "ab":
        mirrors.files[f"{mirror}/{path}"] = sent
    with pytest.raises(WeightsError, match=why):
        fetch_pair(named(undigested(known)), tmp_path)
    target = tmp_path / "vqgan" / ("toy.ckpt" if path == "c" else "toy.yaml")
    assert not target.exists()
    assert not list(target.parent.glob("*.part*"))
    assert locate_pair(named(known), tmp_path) is None


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_checkpoints_of_the_old_form(
    mirrors: Any, known: KnownVqgan, tmp_path: Path, protocol: int
) -> None:
    mirrors.files["a/c"] = old = pickle.dumps(0x1950A86A20F9469CFC6C, protocol)
    known = undigested(known)
    known = replace(known, checkpoint=replace(known.checkpoint, size=len(old)))
    assert fetch_pair(named(known), tmp_path).checkpoint.read_bytes() == old


def test_a_file_that_is_there_is_kept_if_it_is_the_right_one(
    mirrors: Any, known: KnownVqgan, tmp_path: Path
) -> None:
    put(tmp_path / "vqgan/toy.ckpt", CKPT)
    pair = fetch_pair(named(known), tmp_path)
    assert [path for path, _, _ in mirrors.asked] == ["a/y"]
    assert not check_pair(pair)  # only one of them was fetched
    pair.config.unlink()
    for content in (CKPT + b"x", CKPT[::-1]):
        pair.checkpoint.write_bytes(content)
        with pytest.raises(WeightsError, match=r"toy\.ckpt: is not the published one, to which"):
            fetch_pair(named(known), tmp_path)
    assert len(mirrors.asked) == 1


def test_offline(
    mirrors: Any, known: KnownVqgan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"toy: not in the cache and HF_HUB_OFFLINE is set"):
        fetch_pair(named(known), tmp_path)
    assert not mirrors.asked
    assert not list(tmp_path.iterdir())
    pair = pair_at(tmp_path / "vqgan", "toy")
    assert fetch_pair(named(known), tmp_path) == pair


def test_the_hub_may_be_a_mirror_of_it(hub: Any, tmp_path: Path) -> None:
    row = next(row for row in KNOWN if row.name == "imagenet_1024")
    config = Published(("https://huggingface.co/me/vq/resolve/main/y",), len(YAML), exact=False)
    checkpoint = replace(config, urls=("https://huggingface.co/me/vq/resolve/main/c",), size=4)
    hub.files = {"me/vq/y": YAML, "me/vq/c": b"\x80\x02N."}
    row = replace(row, config=config, checkpoint=checkpoint)
    fetch_pair(named(row), tmp_path)
    assert hub.gets == ["GET me/vq/y", "GET me/vq/c"]


def test_a_folder_that_can_not_be_made(known: KnownVqgan, tmp_path: Path) -> None:
    put(tmp_path / "vqgan")
    with pytest.raises(WeightsError, match=r"vqgan: can't be made .*models_parent_dir"):
        fetch_pair(named(known), tmp_path)


HOLDER = """
import sys
from huggingface_hub.utils import WeakFileLock
with WeakFileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_program_is_waited_for(
    mirrors: Any, known: KnownVqgan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = put(tmp_path / "vqgan/.toy.lock", b"")
    run = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"

        def said(*message: object) -> None:
            if "being fetched by another program" in str(message[0]):
                assert not mirrors.asked
                pair_at(tmp_path / "vqgan", "toy")  # which the other has fetched meanwhile
                holder.stdin.close()  # type: ignore[union-attr]

        monkeypatch.setattr(pairs.log, "info", said)
        fetch_pair(named(known), tmp_path)
    assert not mirrors.asked
