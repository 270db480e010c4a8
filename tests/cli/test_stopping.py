"""Ctrl-C and kill -9 on the real program, in a process of its own."""

import os
import random
import shlex
import signal
import subprocess
import sys
import time

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="its signals are others"),
]

# Many short shots, so that every moment of a run is hit.
LONG = ["steps_per_scene=60", "display_every=2"]
CLOCKED = ("run.json", ".lock")


def contents(folder):
    """Every file of a run but those that tell when and by whom."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in CLOCKED
    }


def program(*arguments, **how):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "mutoscope", *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
    )


def ended(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out.splitlines(), err.splitlines()


def until(condition, process, patience=60):
    deadline = time.monotonic() + patience
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def whole(call, here, film):
    """The run that is never stopped; others begin beside it, and have its settings."""
    code, _, _ = call("render", film, *LONG)
    assert code == 0
    (here / "images_out/toy/toy").rename(here / "whole")
    return contents(here / "whole")


def steps_logged(folder):
    path = folder / "log.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_ctrl_c_leaves_a_run_that_goes_on(call, here, film, whole):
    folder = here / "images_out/toy/toy"
    process = program("render", film, *LONG, cwd=here)
    until(lambda: steps_logged(folder) >= 20, process)
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out) == (130, [])
    assert "stopping after this step" in err[-2]
    done = steps_logged(folder)
    assert err[-1] == (
        f"stopped after {done} of 120 steps; go on with: mutoscope resume images_out/toy/toy"
    )
    assert 20 <= done < 120
    assert call(*shlex.split(err[-1].partition("mutoscope ")[2]))[0] == 0
    assert contents(folder) == whole


def test_ctrl_c_twice_ends_at_once_and_the_run_goes_on(call, here, film, whole):
    # A step of this run lasts for ever, so that only the second Ctrl-C can end it.
    code = (
        "import sys, time\n"
        "from mutoscope.canvas import pixels\n"
        "forward, steps = pixels.Pixels.forward, [0]\n"
        "def slow(self):\n"
        "    steps[0] += 1\n"
        "    if steps[0] == 60:\n"
        "        print('asleep', file=sys.stderr, flush=True)\n"
        "        time.sleep(600)\n"
        "    return forward(self)\n"
        "pixels.Pixels.forward = slow\n"
        "from mutoscope.cli import run\n"
        f"sys.exit(run({['render', str(film), *LONG]!r}))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=here, text=True, stderr=subprocess.PIPE
    )
    said = []
    while "asleep\n" not in said:
        said.append(process.stderr.readline())
        assert said[-1], said
    process.send_signal(signal.SIGINT)
    assert "once more" in process.stderr.readline()
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - begun < 10
    assert process.returncode == 130
    assert "go on with: mutoscope resume images_out/toy/toy" in err
    assert "Traceback" not in err
    folder = here / "images_out/toy/toy"
    assert call("resume", folder)[0] == 0
    assert contents(folder) == whole


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(call, here, film, whole):
    chance = random.Random(5)  # noqa: S311
    folder = here / "images_out/toy/toy"
    process = program("render", film, *LONG, cwd=here)
    kills = 0
    while kills < 4:
        # Each time a little further than it had come, and then at any moment.
        goal = steps_logged(folder) + 6
        until(lambda goal=goal: steps_logged(folder) >= goal, process)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        ended(process)
        assert process.returncode == -signal.SIGKILL
        kills += 1
        process = program("resume", folder, cwd=here)
    code, out, _ = ended(process)
    assert (code, out) == (0, [str(folder / "toy.mp4")])
    assert contents(folder) == whole


def test_ctrl_c_before_the_first_step_leaves_nothing(here, film):
    process = program("render", film, cwd=here)
    time.sleep(0.7)  # it is importing
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    if code == 130 and not (here / "images_out").exists():
        assert out == []
        assert not [line for line in err if "Traceback" in line]
    else:  # it was fast, and stopped as any run
        assert code in (0, 130)
