"""Ctrl-C and kill -9 on the real program, in processes of their own."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]

# Many short shots, so that every moment of a run is hit.
LONG = ["steps_per_scene=24", "display_every=2"]
RUN = "images_out/toy/toy"
CLOCKED = ("run.json", ".lock")


def contents(folder):
    """Every file of a run but those that tell when and by whom."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in CLOCKED
    }


class Nursery:
    """Begins processes of the program, and sends them signals."""

    def __init__(self, process, folder):
        self.process, self.folder = process, folder

    def begin(self, *arguments, sleeps=0):
        job = [str(self.folder), sleeps, [str(argument) for argument in arguments]]
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        self.worker = int(self.process.stdout.readline())

    def signal(self, number):
        os.kill(self.worker, number)

    def ended(self):
        """The exit code, and the lines of stdout and stderr."""
        code = int(self.process.stdout.readline())
        texts = ((self.folder / name).read_text() for name in ("out", "err"))
        return code, *(text.splitlines() for text in texts)

    def steps(self):
        """How many steps are in the log."""
        path = self.folder / RUN / "log.jsonl"
        return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture(scope="module")
def server():
    script = Path(__file__).with_name("nursery.py")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, script], env=environment, **pipes) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def nursery(server, here):
    return Nursery(server, here)


@pytest.fixture
def whole(call, here, film):
    """The run that is never stopped; others begin beside it, and have its settings."""
    code, _, _ = call("render", film, *LONG)
    assert code == 0
    (here / RUN).rename(here / "whole")
    return contents(here / "whole")


def until(condition, patience=60):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_run_that_goes_on(call, here, film, whole, nursery, number):
    nursery.begin("render", film, *LONG)
    until(lambda: nursery.steps() >= 12)
    nursery.signal(number)
    code, out, err = nursery.ended()
    assert (code, out) == (130, [])
    assert err[-2] == "stopping after this step (once more to stop at once)"
    done = nursery.steps()
    assert err[-1] == f"stopped after {done} of 48 steps; go on with: mutoscope resume {RUN}"
    assert 12 <= done < 48
    assert call(*shlex.split(err[-1].partition("mutoscope ")[2]))[0] == 0
    assert contents(here / RUN) == whole


def test_ctrl_c_twice_ends_at_once_and_the_run_goes_on(call, here, film, whole, nursery):
    # A step of this run lasts for ever, so that only the second Ctrl-C can end it.
    nursery.begin("render", film, *LONG, sleeps=30)
    until((here / "asleep").exists)
    nursery.signal(signal.SIGINT)
    until(lambda: "once more" in (here / "err").read_text())
    nursery.signal(signal.SIGINT)
    code, out, err = nursery.ended()
    assert (code, out) == (130, [])
    assert f"go on with: mutoscope resume {RUN}" in "".join(err)
    assert not [line for line in err if "Traceback" in line]
    assert 0 < nursery.steps() < 30
    assert call("resume", RUN)[0] == 0
    assert contents(here / RUN) == whole


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(here, film, whole, nursery):
    chance = random.Random(5)  # noqa: S311
    nursery.begin("render", film, *LONG)
    for _ in range(6):
        # Each time a little further than it had come, and then at any moment.
        goal = nursery.steps() + 3
        until(lambda goal=goal: nursery.steps() >= goal)
        time.sleep(chance.uniform(0, 0.03))
        nursery.signal(signal.SIGKILL)
        assert nursery.ended()[0] == -signal.SIGKILL
        nursery.begin("resume", RUN)
    code, out, _ = nursery.ended()
    assert (code, out) == (0, [f"{RUN}/toy.mp4"])
    assert contents(here / RUN) == whole
