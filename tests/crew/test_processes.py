"""A crew of processes: what it does with tasks that end, fail, or lose their worker."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from mutoscope.crew.painting import paint_run
from mutoscope.crew.processes import Processes
from mutoscope.crew.task import MOST_TRIES, CrewWatch, Task
from mutoscope.errors import RunError
from mutoscope.settings import load_settings

# Talks as a worker does, without loading anything. A task's order says what becomes of it.
STAND_IN = """
import json, os, signal, sys, time
def tell(**news): print(json.dumps(news), flush=True)
if "{start}" == "dead":
    print("no such thing", file=sys.stderr); sys.exit(3)
tell(ready=os.getpid())
for line in sys.stdin:
    told = json.loads(line)
    if "do" not in told:
        break
    task = told["do"]
    with open(os.path.join(task["folder"], task["name"]), "a") as file:
        file.write(os.environ["OMP_NUM_THREADS"])
    tries = os.path.getsize(os.path.join(task["folder"], task["name"]))
    tell(news=[tries, 9, dict(fox=0.5)])
    fate = task["order"]["fate"]
    if fate == "die" or (fate == "die once" and tries == 1):
        print("out of it", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "fail":
        tell(say="a notice"); tell(failed=task["name"], why="it can't be")
    elif fate == "wait":
        for line in sys.stdin: break
        tell(stopped=task["name"]); break
    else:
        tell(say="a notice"); tell(done=task["name"])
"""


def crew(workers=1, *, start="alive"):
    return Processes(workers, 1, command=[sys.executable, "-c", STAND_IN.replace("{start}", start)])


def tasks(folder, *fates):
    return [Task(f"{n}", "run", folder, {"fate": fate}) for n, fate in enumerate(fates)]


def outcomes(crew, tasks, **watch):
    return {o.task.name: o for o in crew.work(tasks, watch=CrewWatch(**watch))}


def test_every_task_has_one_outcome_whatever_becomes_of_others(tmp_path, caplog):
    caplog.set_level("INFO", "mutoscope")
    fates = ["go", "fail", "go", "die once", "go", "die", "fail", "go"]
    told = []
    given = tasks(tmp_path, *fates)
    ended = outcomes(crew(2), given, news=lambda task, news: told.append((task, news)))
    assert len(ended) == len(given)
    assert [ended[f"{n}"].tries for n in range(8)] == [1, 1, 1, 2, 1, MOST_TRIES, 1, 1]
    errors = [ended[f"{n}"].error for n in range(8)]
    assert [error is None for error in errors] == [fate in ("go", "die once") for fate in fates]
    assert errors[1] == "it can't be"
    assert errors[5] == "5: its worker was lost 3 times, at last it ended by signal 9 (out of it)"
    assert all((tmp_path / f"{n}").stat().st_size == ended[f"{n}"].tries for n in range(8))
    assert {task.name for task, _ in told} == set(ended)
    assert {news.worker for _, news in told} == {1, 2}
    assert [record.message for record in caplog.records].count("a notice") == 1
    assert "another goes on with it" in caplog.text


def test_the_end_is_asked_for_and_what_waits_is_not_begun(tmp_path):
    begun = []
    ended = outcomes(
        crew(2), tasks(tmp_path, "wait", "wait", "go"),
        news=lambda task, _: begun.append(task.name), stopped=lambda: len(begun) == 2,
    )  # fmt: skip
    assert ended == {}
    assert sorted(begun) == ["0", "1"]
    assert not (tmp_path / "2").exists()


def test_closing_the_iteration_ends_every_worker(tmp_path):
    working = crew(2).work(tasks(tmp_path, "go", "wait"), watch=CrewWatch())
    next(working)
    began = time.monotonic()
    working.close()
    assert time.monotonic() - began < 4


def test_workers_that_never_begin_are_told_of_and_not_tried_for_ever(tmp_path):
    with pytest.raises(RunError, match=r"no worker can begin.*code 3 \(no such thing\)"):
        outcomes(crew(2, start="dead"), tasks(tmp_path, *["go"] * 9))


def test_no_task_needs_no_worker(tmp_path):
    assert outcomes(crew(start="dead"), tasks(tmp_path)) == {}


# ── the real worker ──


@pytest.mark.usefixtures("single_thread")
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.long
def test_a_killed_workers_run_goes_on_from_its_checkpoint_to_the_same_bytes(tmp_path):
    settings = load_settings(
        {"scenes": "a fox", "seed": 7, "perceptors": "tiny", "width": 32, "height": 32},
        ["steps_per_scene=60", "save_every=6", "cutouts=2", "film=false", "backups=all"],
        preset="still", quiet=True,
    )  # fmt: skip
    whole = tmp_path / "whole" / "fox"
    whole.parent.mkdir()
    for _ in paint_run(whole, settings, {}):
        pass
    task = Task("fox", "run", tmp_path / "fox", {"settings": settings.to_dict()})
    killed = []

    def kill_once(task, _news):
        kept = len(list((task.folder / "state").glob("*.safetensors")))
        if kept >= 2 and not killed:
            killed.append(kept)
            os.kill(holder(task.folder), signal.SIGKILL)

    (ended,) = outcomes(Processes(1, 1), [task], news=kill_once).values()
    assert (ended.error, ended.tries) == (None, 2)
    assert contents(task.folder) == contents(whole)
    assert 2 <= killed[0] < 10


def holder(folder):
    """The process that writes to a run."""
    return int((Path(folder) / ".lock").read_text())


def contents(folder):
    """Every file of a run but those that tell when and by whom."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.json", ".lock")
    }
