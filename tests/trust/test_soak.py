"""Long runs, shortened: nothing grows with the steps, and what would is seen."""

import gc
import itertools
import math
from pathlib import Path

import pytest
import soak
import torch

from mutoscope.perform import shows_more
from mutoscope.run.journal import append
from mutoscope.vqgan.layers import attend

pytestmark = pytest.mark.usefixtures("single_thread", "only_what_is_new")


@pytest.fixture
def only_what_is_new():
    """What other tests left is no rubbish that every look would sort anew."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def test_a_film_holds_no_more_at_its_end_than_at_its_beginning(tmp_path):
    course = soak.Course(160, looks=10, since=0.7)
    run = soak.paint(soak.film(80, each=2, backups=2, resume_points=4), tmp_path, course)
    course.refuse()
    assert len(course.samples) == 10
    assert soak.lines_and_states(run) == (160, 2 + 2)  # 32 and 64 lie between
    assert len(list((run / "frames").iterdir())) == 80


def test_a_still_that_is_one_frame_holds_no_more_at_its_end(tmp_path):
    course = soak.Course(200, looks=10)
    soak.paint_in_memory(soak.TOY | {"steps_per_scene": 200}, tmp_path, course)
    course.refuse()


def test_what_would_grow_is_seen():
    course, kept = soak.Course(10, looks=10), []
    for done in range(1, 11):
        if done > 8:
            kept.append(torch.ones(2**24))  # 64 MiB, which come from nobody's rubbish
        course(done)
    with pytest.raises(AssertionError, match="memory grew"):
        course.refuse()


@pytest.mark.long
def test_what_would_stay_open_is_seen(tmp_path):
    course, kept = soak.Course(10, looks=10), []
    for done in range(1, 11):
        kept.append((tmp_path / str(done)).open("w"))
        course(done)
    for file in kept:
        file.close()
    with pytest.raises(AssertionError, match="open files"):
        course.refuse()


def test_lines_are_added_to_a_log_without_a_look_at_the_others(tmp_path, monkeypatch):
    """However long it is, what is read and written for a line is the line."""
    path, modes, opened = tmp_path / "log.jsonl", [], Path.open

    def noted(self, mode="r", *rest, **named):
        modes.append(mode)
        return opened(self, mode, *rest, **named)

    monkeypatch.setattr(Path, "open", noted)
    for step in range(5):
        append(path, [{"step": step}], durable=False)
    assert modes == ["ab"] * 5
    assert path.read_bytes().count(b"\n") == 5


def test_a_plot_of_a_long_log_is_not_drawn_for_every_frame():
    """What is drawn grows with the log, so the drawings have to grow apart."""
    drawn = [now for now in range(5, 10_001, 5) if shows_more(now - 5, now)]
    assert drawn[:9] == [5, 10, 15, 20, 25, 30, 35, 40, 45]
    assert sum(drawn) < 60 * 10_000  # lines read in all; at every frame it were 10 million
    late = [now for now in drawn if now > 500]
    assert max(after / before for before, after in itertools.pairwise(late)) < 1.04
    assert not any(shows_more(now, now) for now in range(50, 200))


def test_a_race_tells_a_run_that_is_slower(monkeypatch):
    monkeypatch.setattr(soak.Race, "_turn", lambda self: next(self.turns))
    race = object.__new__(soak.Race)
    race.old, race.young, race._begun = [], [], 0.0
    race._due, race._next = iter([10, 20, 30, None]), 0
    race.turns = iter([9.0, 1.0, 1.0, 1.0])
    clock = iter([0.5, 1.75, 1.75, 3.0, 3.0, 4.25, 4.25])
    monkeypatch.setattr(soak.time, "process_time", lambda: next(clock))
    for done in (0, 5, 10, 20, 30):
        race(done)
    assert race.pace == pytest.approx(0.8)
    assert math.isclose(soak.PACE, 0.98)


def test_attention_among_many_cells_is_never_written_out():
    """What every cell of a large picture sees of every other would be gigabytes."""
    rng = torch.Generator().manual_seed(0)
    parts = [torch.randn(1, 4, 65, 65, generator=rng).requires_grad_() for _ in range(3)]
    assert parts[0].is_contiguous()
    with torch.profiler.profile(profile_memory=True) as told:
        seen = attend(*parts)
    largest = max(event.self_cpu_memory_usage for event in told.events())
    assert largest < 16 * seen.nbytes  # all scores would be a thousand of it
    last = [part.contiguous(memory_format=torch.channels_last) for part in parts]
    assert torch.allclose(attend(*last), seen, atol=1e-6)
