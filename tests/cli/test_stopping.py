"""Ctrl-C and kill -9 on the real program, in processes of their own."""

import random
import shlex
import signal
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# Many short shots, so that every moment of a run is hit.
LONG = ["steps_per_scene=24", "display_every=2"]
RUN = "images_out/toy/toy"
CLOCKED = "run.json"  # it tells when the run was made, and by whom


def steps():
    """How many steps are in the log."""
    path = Path(RUN) / "log.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture
def whole(call, here, film, contents):
    """The run that is never stopped; others begin beside it, and have its settings."""
    code, _, _ = call("render", film, *LONG)
    assert code == 0
    (here / RUN).rename(here / "whole")
    return contents(here / "whole", CLOCKED)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_run_that_goes_on(call, here, film, whole, nursery, number, contents):
    nursery.begin("render", film, *LONG)
    nursery.until(lambda: steps() >= 12)
    nursery.signal(number)
    code, out, err = nursery.ended()
    assert (code, out) == (130, [])
    assert err[-2] == "stopping after this step (once more to stop at once)"
    done = steps()
    assert err[-1] == f"stopped after {done} of 48 steps; go on with: mutoscope resume {RUN}"
    assert 12 <= done < 48
    assert call(*shlex.split(err[-1].partition("mutoscope ")[2]))[0] == 0
    assert contents(here / RUN, CLOCKED) == whole


def test_ctrl_c_twice_ends_at_once_and_the_run_goes_on(call, here, film, whole, nursery, contents):
    # A step of this run lasts for ever, so that only the second Ctrl-C can end it.
    nursery.begin("render", film, *LONG, sleeps=30)
    nursery.until((here / "asleep").exists)
    nursery.signal(signal.SIGINT)
    nursery.until(lambda: "once more" in (here / "stderr").read_text())
    nursery.signal(signal.SIGINT)
    code, out, err = nursery.ended()
    assert (code, out) == (130, [])
    assert f"go on with: mutoscope resume {RUN}" in "".join(err)
    assert not [line for line in err if "Traceback" in line]
    assert 0 < steps() < 30
    assert call("resume", RUN)[0] == 0
    assert contents(here / RUN, CLOCKED) == whole


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(here, film, whole, nursery, contents):
    chance = random.Random(5)  # noqa: S311
    nursery.begin("render", film, *LONG)
    for _ in range(6):
        # Each time a little further than it had come, and then at any moment.
        goal = steps() + 3
        nursery.until(lambda goal=goal: steps() >= goal)
        time.sleep(chance.uniform(0, 0.03))
        nursery.signal(signal.SIGKILL)
        assert nursery.ended()[0] == -signal.SIGKILL
        nursery.begin("resume", RUN)
    code, out, _ = nursery.ended()
    assert (code, out) == (0, [f"{RUN}/toy.mp4"])
    assert contents(here / RUN, CLOCKED) == whole
