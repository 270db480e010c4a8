"""A toy run for the tests of faults: a process that forks workers and lets them be killed.

Each line read is a job, ``OUT KIND AMOUNT``: do the run in OUT, or go on with it, and die after
AMOUNT events on the disk (``event``), after AMOUNT seconds (``time``), or not (``none``). Each
line written says whether the worker came to its end.
"""

import functools
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import torch

from mutoscope.run import FilmPlan, Run
from mutoscope.run.scribe import Scribe

FRAMES = 5
SIZE = (24, 32)
RECIPE = {"program": "mutoscope", "version": "0", "settings": {"seed": 1}}


def work(out):
    folder = Path(out) / "images_out" / "toy" / "toy"
    if (folder / "run.json").exists():
        run = Run.open(folder)
    else:
        film = FilmPlan(rate=12, recipe=RECIPE)
        run = Run.start(out, "toy", "seed: 1\n", scenes=[(0, "a")], backups=2, film=film)
    with run, Scribe() as scribe:
        saved = run.state()
        run.rewind(saved.number if saved else 0)
        canvas = saved.tensors["canvas"] if saved else torch.full((1, 3, *SIZE), 0.5)
        steps = saved.meta["steps"] if saved else 0
        while steps < 2 * FRAMES:  # a frame is two steps, and the run is paused after the first
            noise = torch.rand(canvas.shape, generator=torch.Generator().manual_seed(steps))
            canvas = 0.7 * canvas + 0.3 * noise
            steps += 1
            records = [{"step": steps, "total": float(canvas.mean())}]
            known = {"tensors": {"canvas": canvas}, "meta": {"steps": steps}, "records": records}
            if steps % 2:
                scribe.hand(functools.partial(run.pause, **known))
            else:
                number = steps // 2
                known["recipe"] = {**RECIPE, "frame": number}
                scribe.hand(functools.partial(run.keep, number, canvas, **known))


def die_after(events):
    """Kill this process before its event number `events` (from 0) that changes the disk."""
    left = [events]

    def counted(function):
        def wrapper(*args, **kwargs):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return function(*args, **kwargs)

        return wrapper

    for owner, name in (
        (os, "fsync"), (os, "truncate"), (os, "ftruncate"),
        (Path, "replace"), (Path, "unlink"), (Path, "mkdir"),
    ):  # fmt: skip
        setattr(owner, name, counted(getattr(owner, name)))


def main():
    torch.set_num_threads(1)
    for line in sys.stdin:
        out, kind, amount = line.split()
        worker = os.fork()
        if worker == 0:
            if kind == "event":
                die_after(int(amount))
            try:
                work(out)
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        if kind == "time":
            time.sleep(float(amount))
            os.kill(worker, signal.SIGKILL)
        _, status = os.waitpid(worker, 0)
        if os.WIFEXITED(status):
            answer = "ended" if os.WEXITSTATUS(status) == 0 else "failed"
        else:
            answer = "killed"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
