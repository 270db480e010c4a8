import json
import os

import pytest
import torch

from mutoscope.run import journal


def test_lines_are_appended_as_json(tmp_path):
    path = tmp_path / "log.jsonl"
    assert journal.length(path) == 0
    journal.append(path, [{"step": 1, "snö": 0.1, "total": torch.tensor(0.5)}], durable=True)
    journal.append(path, [{"step": 2, "bad": float("nan"), "worse": float("-inf")}], durable=False)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows == [
        {"step": 1, "snö": 0.1, "total": 0.5},
        {"step": 2, "bad": None, "worse": None},
    ]
    assert journal.length(path) == path.stat().st_size


def test_a_failed_append_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "log.jsonl"
    journal.append(path, [{"step": 1}], durable=True)

    def full(descriptor):
        raise OSError(28, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        journal.append(path, [{"step": 2}], durable=True)
    assert path.read_text() == '{"step": 1}\n'
