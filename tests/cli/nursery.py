"""A process that has imported everything, and forks workers that run the command line.

Each line read is a JSON list: the folder to work in, the step of pixels that lasts for ever (0 for
none), and the arguments. Each worker's number is printed when it begins, and how it ended when it
has. What it prints goes to ``stdout`` and ``stderr`` in its folder. Trainings are small as in their
own tests.
"""

import json
import os
import sys
import time

import torch
from test_train import TOY

import mutoscope.api
import mutoscope.cli.display  # noqa: F401
from mutoscope.canvas.pixels import Pixels
from mutoscope.cli import run
from mutoscope.train_gan import lesson as gan_lesson
from mutoscope.train_vqgan import lesson as vqgan_lesson
from mutoscope.train_vqgan import presets


def fall_asleep(step):
    """Let the drawing of one step never come to its end."""
    forward, drawn = Pixels.forward, [0]

    def slow(self):
        drawn[0] += 1
        if drawn[0] == step:
            open("asleep", "w").close()  # noqa: PTH123
            # Bit by bit: a signal that another thread is given wakes no sleeper.
            for _ in range(10_000):
                time.sleep(0.02)
        return forward(self)

    Pixels.forward = slow


def work(folder, sleeps, arguments):
    os.chdir(folder)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
    if sleeps:
        fall_asleep(sleeps)
    code = run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main():
    torch.set_num_threads(1)
    gan_lesson.embedded_embedding = lambda: None
    vqgan_lesson.SHOWN = 32
    presets.PRESETS["toy"] = TOY
    for line in sys.stdin:
        worker = os.fork()
        if worker == 0:
            work(*json.loads(line))
        print(worker, flush=True)  # noqa: T201
        _, status = os.waitpid(worker, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
