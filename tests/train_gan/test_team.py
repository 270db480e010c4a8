"""Several processes are one whose batches go through in parts."""

import importlib.util
import json
import os
import subprocess
import sys
import threading

import pytest
import torch

from mutoscope.errors import SettingsError
from mutoscope.run.checkpoint import read_state
from mutoscope.train_gan import lesson
from mutoscope.train_gan.course import Course
from mutoscope.train_gan.lesson import open_folder, perform
from mutoscope.train_gan.material import ahead_of
from mutoscope.train_gan.players import Players
from mutoscope.train_gan.quality import Reference
from mutoscope.train_gan.recipe import Recipe
from mutoscope.train_gan.team import ALONE, Team
from mutoscope.train_gan.training import train


class Threads(Team):
    """One of two threads that exchange tensors."""

    size = 2

    def __init__(self, rank, barrier, table):
        self.rank, self.barrier, self.table = rank, barrier, table

    def _all(self, values):
        self.table[self.rank] = values
        self.barrier.wait(60)
        found = [self.table[0], self.table[1]]
        self.barrier.wait(60)
        return found

    def average(self, values):
        copies = self._all([value.detach().clone() for value in values])
        for value, one, other in zip(values, *copies, strict=True):
            value.detach().copy_((one + other) / 2)

    def gather(self, values):
        return torch.cat(self._all(values.clone()))


def course_of(settings, bars, team=ALONE, part=None):
    players = Players.start(settings, torch.device("cpu"), team=team)
    players.part = part or players.part
    reference = Reference.of(bars.batch(2**40, 16), None) if team.leads else None
    shown = torch.zeros(2, settings.z)
    course = Course.of(Recipe("x", "y", "smoke", settings))
    with ahead_of(bars, settings.batch, team=team) as ahead:
        return list(train(players, ahead, reference, course=course, shown=shown))


@pytest.mark.parametrize("loss", ["logistic", "rp"])
def test_two_processes_learn_what_one_learns_in_two_parts(toy_settings, bars, loss):
    settings = toy_settings(loss=loss, images=32, mixing=0.5, path_weight=2)
    alone = course_of(settings, bars, part=2)
    barrier, table, found = threading.Barrier(2), {}, {}

    def work(rank):
        try:
            found[rank] = course_of(settings, bars, Threads(rank, barrier, table))
        except BaseException:
            barrier.abort()
            raise

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert [tick.whole for tick in found[0]] == [tick.whole for tick in alone]
    for rank in range(2):
        for mine, theirs in zip(found[rank], alone, strict=True):
            for name, value in theirs.kept.tensors.items():
                torch.testing.assert_close(mine.kept.tensors[name], value, rtol=1e-3, atol=1e-5)
    first, second = (found[rank][-1].kept for rank in range(2))
    assert all(torch.equal(value, second.tensors[name]) for name, value in first.tensors.items())
    assert first.numbers["adaptation"] == alone[-1].kept.numbers["adaptation"]
    assert found[1][-1].samples is None
    fresh = Players.start(settings, torch.device("cpu")).snapshot(0).tensors
    assert any(not torch.equal(fresh[name], first.tensors[name]) for name in fresh)


def test_a_batch_that_cannot_be_shared_out_is_refused():
    team = Threads(0, None, {})
    with pytest.raises(SettingsError, match=r"batch: 6 .* 2 processes; .* of 4, as batch=8"):
        team.check(6)
    team.check(8)
    ALONE.check(3)


@pytest.mark.slow
@pytest.mark.extra
@pytest.mark.skipif(
    importlib.util.find_spec("accelerate") is None, reason="accelerate is not installed"
)
def test_processes_that_accelerate_joins_learn_the_same_and_go_on(
    tiles, tmp_path, toy_settings, monkeypatch
):
    keys = {name: getattr(toy_settings(images=32, tick=16), name) for name in (
        "z", "w", "cbase", "cmax", "batch", "images", "tick", "compared", "augment_images",
        "path_every", "penalty_every",
    )}  # fmt: skip

    def together(images):
        words = [f"{name}={value}" for name, value in (keys | {"images": images}).items()]
        command = [
            *(sys.executable, "-m", "mutoscope", "train", str(tiles), *words, "--preset", "smoke"),
            *("--device", "cpu", "--gpus", "2", "-o", str(tmp_path / "two")),
        ]
        done = subprocess.run(
            command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
            timeout=200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("training smoke on tiles") == 1

    together(16)
    together(32)

    start = Players.start

    def in_parts(*args, **kwargs):
        players = start(*args, **kwargs)
        players.part = keys["batch"] // 2
        return players

    monkeypatch.setattr(lesson.Players, "start", in_parts)
    with open_folder(tiles, tmp_path / "one", "smoke", keys) as opened:
        assert list(perform(opened, torch.device("cpu")))
    one, two = (
        read_state(tmp_path / name / "checkpoints/00000032.safetensors") for name in ("one", "two")
    )
    for name, value in one.tensors.items():
        torch.testing.assert_close(two.tensors[name], value, rtol=1e-3, atol=1e-5)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    mine, theirs = ([json.loads(line)["judge"] for line in log] for log in logs)
    assert theirs == pytest.approx(mine, rel=1e-3)
