"""Runs that are killed end in the bytes of the run that was not."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]
TOY = Path(__file__).with_name("toy_run.py")


@pytest.fixture(scope="module")
def nursery():
    """A process that has imported everything and forks workers on demand."""
    command = [sys.executable, str(TOY)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **pipes) as process:

        def job(out, kind="none", amount=0):
            process.stdin.write(f"{out} {kind} {amount}\n")
            process.stdin.flush()
            answer = process.stdout.readline().strip()
            assert answer in ("ended", "killed"), answer
            return answer

        yield job
        process.stdin.close()


def contents(out):
    """Every file of the run but those that tell when and by whom."""
    folder = out / "images_out" / "toy"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.json", ".lock")
    }


@pytest.fixture(scope="module")
def whole(nursery, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    assert nursery(out) == "ended"
    files = contents(out)
    assert {"toy/toy.mp4", "toy/log.jsonl", "toy/latest.png", "toy/settings.yaml",
            "toy/state/4.safetensors", "toy/state/5.safetensors"} <= set(files)  # fmt: skip
    assert len(files) == 6 + 5
    return files


@pytest.mark.parametrize("first", [0, pytest.param(1, marks=pytest.mark.long)], ids=["even", "odd"])
def test_killed_before_any_change_to_the_disk(nursery, whole, tmp_path, first):
    for event in range(first, 500, 2):
        out = tmp_path / str(event)
        out.mkdir()
        if nursery(out, "event", event) == "ended":
            break
        assert nursery(out) == "ended"
        assert contents(out) == whole, f"killed before event {event}"
    assert 60 < event < 498  # every one was tried, and there are many


def test_killed_again_and_again_at_any_time(nursery, whole, tmp_path):
    chance = random.Random(7)  # noqa: S311
    begun = time.perf_counter()
    (tmp_path / "clock").mkdir()
    nursery(tmp_path / "clock")
    lasts = time.perf_counter() - begun
    kills = 0
    for trial in range(40):
        out = tmp_path / str(trial)
        out.mkdir()
        for _ in range(3):
            kills += nursery(out, "time", chance.uniform(0, 0.8 * lasts)) == "killed"
        assert nursery(out) == "ended"
        assert contents(out) == whole
        if kills >= 10:
            return
    pytest.fail(f"only {kills} were killed in time")


def test_a_finished_run_resumed_stays_as_it_is(nursery, whole, tmp_path):
    for _ in range(2):
        nursery(tmp_path)
    assert contents(tmp_path) == whole


def test_a_film_that_is_gone_is_made_again(nursery, whole, tmp_path):
    nursery(tmp_path)
    (tmp_path / "images_out/toy/toy/toy.mp4").unlink()
    nursery(tmp_path)
    assert contents(tmp_path) == whole
