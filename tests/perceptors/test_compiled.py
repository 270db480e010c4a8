"""A compiled tower: for its own shape alone, whole in its cache or not there."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from mutoscope.perceptors.compiled import can_compile, compile_tower, kept_at

CACHE = "TORCHINDUCTOR_CACHE_DIR"


@pytest.fixture
def tower():
    return nn.Sequential(nn.Linear(4, 3), nn.SiLU()).requires_grad_(False)


def compiler(*, dies=None):
    """A compiler that writes into its cache, and marks what passes through what it made."""

    def compile_(module, **_):
        def fast(batch):
            work = Path(os.environ[CACHE])
            work.mkdir(parents=True, exist_ok=True)
            (work / "kernel.so").write_text("code")
            if dies is not None:
                raise dies
            fast.calls += 1
            return module(batch)

        fast.calls = 0
        return fast

    return compile_


def use(monkeypatch, tmp_path, **how):
    monkeypatch.setenv(CACHE, str(tmp_path / "other"))
    monkeypatch.setattr(torch, "compile", compiler(**how))


def test_only_its_own_shape_with_gradient_goes_the_fast_way(tower, tmp_path, monkeypatch):
    use(monkeypatch, tmp_path)
    batch = torch.randn(5, 4)
    eye = compile_tower(tower, batch, folder=tmp_path / "kept")
    assert eye.fast.calls == 1
    torch.testing.assert_close(eye(batch.requires_grad_()), tower(batch))
    assert eye.fast.calls == 2
    eye(batch[:2])
    eye(batch.detach())
    with torch.no_grad():
        eye(batch)
    assert eye.fast.calls == 2


def test_what_was_compiled_is_whole_in_its_folder_and_used_again(tower, tmp_path, monkeypatch):
    use(monkeypatch, tmp_path)
    folder, batch = tmp_path / "kept", torch.randn(5, 4)
    compile_tower(tower, batch, folder=folder)
    kept = kept_at(folder, tower, batch)
    assert list(folder.iterdir()) == [kept]
    assert (kept / "kernel.so").is_file()
    assert os.environ[CACHE] == str(tmp_path / "other")
    compile_tower(tower, batch, folder=folder)
    assert list(folder.iterdir()) == [kept]
    compile_tower(tower, batch[:3], folder=folder)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("error", [RuntimeError("no header\nmore"), AssertionError()])
def test_a_compiler_that_fails_leaves_a_line_and_no_folder(
    tower, tmp_path, monkeypatch, caplog, error
):
    use(monkeypatch, tmp_path, dies=error)
    folder = tmp_path / "kept"
    assert compile_tower(tower, torch.randn(5, 4), folder=folder) is None
    assert list(folder.iterdir()) == []
    assert os.environ[CACHE] == str(tmp_path / "other")
    (line,) = caplog.messages
    assert type(error).__name__ in line
    assert "\n" not in line


def test_one_that_is_killed_leaves_no_cache_that_is_used(tower, tmp_path, monkeypatch):
    use(monkeypatch, tmp_path, dies=KeyboardInterrupt())
    folder, batch = tmp_path / "kept", torch.randn(5, 4)
    with pytest.raises(KeyboardInterrupt):
        compile_tower(tower, batch, folder=folder)
    assert not kept_at(folder, tower, batch).exists()


def test_a_processor_needs_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert not can_compile(torch.device("cpu"))
    (tmp_path / "clang++").write_text("#!/bin/sh\n")
    (tmp_path / "clang++").chmod(0o755)
    assert can_compile(torch.device("cpu"))
    monkeypatch.setenv("CXX", "icpx")
    assert not can_compile(torch.device("cpu"))


def test_other_weights_of_the_same_shapes_share_what_was_compiled(tower, tmp_path):
    other = nn.Sequential(nn.Linear(4, 3), nn.SiLU()).requires_grad_(False)
    batch = torch.randn(5, 4)
    assert kept_at(tmp_path, tower, batch) == kept_at(tmp_path, other, batch)
    assert kept_at(tmp_path, tower, batch) != kept_at(tmp_path, tower.bfloat16(), batch)
