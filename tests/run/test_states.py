"""Which states are kept as a run grows."""

import pytest
import torch

from mutoscope.run import Run
from mutoscope.run.states import spread


def kept(folder):
    return sorted(int(path.stem) for path in (folder / "state").iterdir())


def grow(run, frames):
    for number in frames:
        run.keep(number, torch.rand(1, 3, 16, 16), tensors={"a": torch.ones(2)})
        yield kept(run.folder)


@pytest.mark.parametrize("points", [1, 2, 3, 7, 24])
def test_they_lie_evenly_and_are_never_too_many(points):
    for newest in range(1, 300):
        stride = spread(newest, points)
        assert points / 2 - 1 < newest // stride <= points or stride == 1
        # What is kept now was kept at every time before.
        assert all(stride % spread(before, points) == 0 for before in range(1, newest))


def test_none_are_kept_where_none_are_wanted():
    assert spread(100, 0) == 0


def test_states_are_spread_over_the_run_beside_the_newest(tmp_path):
    with Run.start(tmp_path, "fox", "seed: 1", backups=2, resume_points=4) as run:
        seen = list(grow(run, range(1, 22)))
    assert seen[:6] == [
        [1],
        [1, 2],
        [1, 2, 3],
        [1, 2, 3, 4],
        [2, 4, 5],
        [2, 4, 5, 6],
    ]
    assert seen[-1] == [8, 16, 20, 21]
    assert max(map(len, seen)) <= 6


def test_a_run_that_goes_on_keeps_what_the_run_never_stopped_keeps(tmp_path):
    with Run.start(tmp_path / "whole", "fox", "seed: 1", resume_points=4) as whole:
        list(grow(whole, range(1, 20)))
    run = Run.start(tmp_path / "parts", "fox", "seed: 1", resume_points=4)
    with run:
        list(grow(run, range(1, 11)))
    with Run.open(run.folder) as again:
        again.rewind(8)  # the newest that is kept before it
        assert kept(run.folder) == [4, 8]
        list(grow(again, range(9, 20)))
    assert kept(run.folder) == kept(whole.folder)


def test_all_keeps_all_and_backups_alone_keeps_the_newest(tmp_path):
    with Run.start(tmp_path / "a", "fox", "seed: 1", backups=None, resume_points=1) as run:
        assert list(grow(run, range(1, 8)))[-1] == list(range(1, 8))
    with Run.start(tmp_path / "b", "fox", "seed: 1", backups=3) as run:
        assert list(grow(run, range(1, 8)))[-1] == [5, 6, 7]
