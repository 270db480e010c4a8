"""What this machine can do, and what is said where it can't."""

import subprocess
import sys

import av.codec
import pytest

from mutoscope import doctor
from mutoscope.depth import VARIANTS
from mutoscope.errors import WeightsError


@pytest.fixture
def found(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)

    def look():
        findings = doctor.examine(tmp_path)
        assert len({finding.name for finding in findings}) == len(findings)
        return {finding.name: finding for finding in findings}

    return look


def test_everything_that_is_asked_is_answered(found):
    findings = found()
    assert {"python", "cpu", "gpu", "memory", "disk", "film", "labels", "clip"} <= set(findings)
    assert all(finding.found for finding in findings.values())
    assert all(finding.advice for finding in findings.values() if finding.state == "missing")
    assert findings["labels"].state == findings["film"].state == "ok"
    assert all("\n" not in finding.found + finding.advice for finding in findings.values())


def test_clip_is_found_or_advised(found, tmp_path, monkeypatch):
    from mutoscope import networks
    from mutoscope.weights import Row

    assert found()["clip"].state == "optional"
    assert "mutoscope models fetch ViT-B/32" in found()["clip"].advice
    row = Row("ViT-B/16", "perceptor", "cached", 1, "")
    monkeypatch.setattr(networks, "networks", lambda _folder: [row])
    assert found()["clip"].found == f"ViT-B/16 in {tmp_path}"


def test_vqgans_are_found_or_advised(found, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("coco.yaml", "coco.ckpt", "wikiart.ckpt"):
        (tmp_path / "vqgan").mkdir(exist_ok=True)
        (tmp_path / "vqgan" / name).write_text("x")
    findings = found()
    assert (findings["vqgan"].state, findings["vqgan"].found) == ("ok", f"coco in {tmp_path}")
    assert "coco" not in findings["clip"].found
    (tmp_path / "vqgan/coco.yaml").unlink()
    assert "mutoscope models fetch imagenet" in found()["vqgan"].advice


def test_depth_is_found_or_advised(found, tmp_path, monkeypatch):
    here = set()
    monkeypatch.setattr(doctor, "find_spec", lambda name: True if name in here else None)
    name = "depth-anything-v2-small"
    assert name in found()["depth"].advice
    folder = tmp_path / "depth" / VARIANTS[name].repo.replace("/", "--")
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"x")
    assert "mutoscope[depth]" in found()["depth"].advice
    here.add("transformers")
    assert found()["depth"].found == f"{name} in {tmp_path}"


def test_a_damaged_labels_is_missing(found, monkeypatch):
    from mutoscope.perceptors import labels

    def broken():
        raise WeightsError("labels: the file is damaged")

    monkeypatch.setattr(labels, "Labels", broken)
    finding = found()["labels"]
    assert (finding.state, finding.found) == ("missing", "labels: the file is damaged")
    assert "pip install" in finding.advice


def test_a_missing_encoder(found, monkeypatch):
    monkeypatch.setattr(av.codec, "codecs_available", {"mpeg4"})
    assert found()["film"].state == "missing"
    assert "libx264" in found()["film"].found


def test_little_memory_and_disk(found, monkeypatch):
    from shutil import _ntuple_diskusage

    monkeypatch.setattr(doctor, "free_memory", lambda: 500_000_000)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _p: _ntuple_diskusage(1, 1, 10_000))
    assert found()["memory"].advice
    assert found()["disk"].advice
    monkeypatch.setattr(doctor, "free_memory", lambda: None)
    assert found()["memory"].found == "unknown on this system"


def test_missing_extras_are_advised(found, monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda _name: None)
    for extra in ("open-clip", "tensorboard"):
        assert found()[extra].advice == f"pip install 'mutoscope[{extra}]'"
    monkeypatch.setattr(doctor, "find_spec", lambda name: name)
    assert found()["tensorboard"].state == "ok"


def test_importing_it_loads_no_network():
    code = "import sys, mutoscope.doctor; print('mutoscope.perceptors.labels' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
