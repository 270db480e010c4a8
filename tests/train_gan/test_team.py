"""Several processes are one with the whole batch."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

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

SOURCE = importlib.util.spec_from_file_location("members", Path(__file__).with_name("members.py"))
members = importlib.util.module_from_spec(SOURCE)
SOURCE.loader.exec_module(members)


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


def course_of(settings, bars, team=ALONE, resume=None):
    players = Players.start(settings, torch.device("cpu"), team=team)
    reference = Reference.of(bars.batch(2**40, 16), None) if team.leads else None
    shown = torch.zeros(2, settings.z)
    course = Course.of(Recipe("x", "y", "smoke", settings))
    with ahead_of(bars, settings.batch, team=team) as ahead:
        return list(train(players, ahead, reference, course=course, shown=shown, resume=resume))


def together(settings, bars, resume=None):
    """The ticks of two threads, by rank."""
    barrier, table, found = threading.Barrier(2), {}, {}

    def work(rank):
        try:
            found[rank] = course_of(settings, bars, Threads(rank, barrier, table), resume)
        except BaseException:
            barrier.abort()
            raise

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    return found


@pytest.mark.parametrize("loss", ["logistic", "rp"])
def test_two_processes_learn_what_one_learns(toy_settings, bars, loss):
    settings = toy_settings(loss=loss, batch=8, images=48, mixing=0.5, path_weight=2)
    alone = course_of(settings, bars)
    found = together(settings, bars)
    assert [tick.whole for tick in found[0]] == [tick.whole for tick in alone]
    for rank in range(2):
        for mine, theirs in zip(found[rank], alone, strict=True):
            for name, value in theirs.kept.tensors.items():
                torch.testing.assert_close(mine.kept.tensors[name], value, rtol=1e-3, atol=1e-5)
    first, second = (found[rank][-1].kept for rank in range(2))
    assert all(torch.equal(value, second.tensors[name]) for name, value in first.tensors.items())
    assert first.numbers["adaptation"] == alone[-1].kept.numbers["adaptation"]
    assert found[1][-1].samples is None

    # Gone on with from a checkpoint of the leader's, all come to the same to the bit.
    if loss == "rp":
        kept = found[0][-2].kept
        for ticks in together(settings, bars, kept).values():
            (last,) = ticks
            assert all(torch.equal(last.kept.tensors[n], v) for n, v in first.tensors.items())
    fresh = Players.start(settings, torch.device("cpu")).snapshot(0).tensors
    assert any(not torch.equal(fresh[name], first.tensors[name]) for name in fresh)


def test_a_batch_that_cannot_be_shared_out_is_refused():
    team = Threads(0, None, {})
    with pytest.raises(SettingsError, match=r"batch: 6 .* 2 processes; .* of 4, as batch=8"):
        team.check(6)
    team.check(8)
    ALONE.check(3)


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("accelerate") is None, reason="accelerate is not installed"
)
def test_two_processes_have_the_slopes_of_one_and_when_one_dies_another_goes_on(
    tiles, tmp_path, toy_settings, monkeypatch, single_thread
):
    keys = {name: getattr(toy_settings(batch=8, images=64, tick=32), name) for name in (
        "z", "w", "cbase", "cmax", "batch", "images", "tick", "compared", "augment_images",
        "path_every", "path_weight", "penalty_every", "gamma",
    )}  # fmt: skip
    hard = keys | {"noise": "yes", "mixing": 0.5, "augment": "fixed", "augment_p": 0.5}
    words = [f"{name}={value}" for name, value in keys.items()]
    command = [
        *("train", str(tiles), *words, "--preset", "smoke", "--device", "cpu"),
        *("-o", str(tmp_path / "two")),
    ]
    done = subprocess.run(
        [sys.executable, members.__file__, tmp_path, json.dumps(hard), json.dumps(command)],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=200,
        check=False,
    )  # fmt: skip

    # The slopes of both networks, of each parameter to 1e-5 of its norm.
    alone, together = members.slopes(hard), load_file(tmp_path / "slopes.safetensors")
    assert alone.keys() == together.keys()
    norms = {name: value.norm() for name, value in alone.items()}
    for name, value in alone.items():
        turn = name.rpartition("/")[0]
        least = max(norm for other, norm in norms.items() if other.startswith(turn)) * 1e-3
        assert (together[name] - value).norm() <= 1e-5 * max(norms[name], least), name

    # One was killed: the other says so in a line, and what was kept stands.
    assert json.loads(done.stdout) == [2, -9], done.stderr
    *_, said = done.stderr.splitlines()
    assert "another process of this training has ended" in said
    assert done.stderr.count("training smoke on tiles") == 1
    assert "Traceback" not in done.stderr
    kept = [tmp_path / name / "checkpoints" for name in ("two", "one")]
    assert [path.name for path in kept[0].glob("0*")] == ["00000032.safetensors"]

    # A process by itself goes on, to where it would have come without the other.
    monkeypatch.setattr(lesson, "embedded_embedding", lambda: None)
    for name in ("two", "one"):
        with open_folder(tiles, tmp_path / name, "smoke", keys) as opened:
            assert list(perform(opened, torch.device("cpu")))
    found, wanted = (read_state(path / "00000064.safetensors").tensors for path in kept)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5)
