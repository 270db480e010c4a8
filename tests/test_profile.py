"""Where the time of a run goes, told apart."""

import json
import time

import pytest

from mutoscope.build import build
from mutoscope.paint import Watch
from mutoscope.perform import perform, start_run
from mutoscope.profile import Clock, keeping_profile, profiled
from mutoscope.run import Run
from mutoscope.run.layout import own_files

FILM = {
    "animation_mode": "2D", "zoom_x_2d": 1, "steps_per_frame": 2, "pre_animation_steps": 2,
    "save_every": 2, "direct_stabilization_weight": 1, "file_namespace": "toy",
    "gradient_accumulation_steps": 2,
}  # fmt: skip


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.json", ".lock", "profile.txt", "trace.json")
    }


def test_a_stretch_is_counted_without_those_within_it():
    clock = Clock()
    with clock.stretch("outer"):
        time.sleep(0.02)
        with clock.stretch("inner"):
            time.sleep(0.05)
    assert 0.02 <= clock.own["outer"].wall < 0.05 <= clock.own["inner"].wall
    assert clock.own["outer"].times == clock.own["inner"].times == 1


def test_what_is_waited_for_ends_where_the_next_begins_and_may_be_named_then():
    clock = Clock()
    for name in ("looked for", None):
        clock.wait("waited for")
        time.sleep(0.01)
        if name:
            clock.settle(name)
    with clock.stretch("next"):
        pass
    assert {name: spent.times for name, spent in clock.own.items()} == {
        "looked for": 1, "waited for": 1, "next": 1,
    }  # fmt: skip


@pytest.fixture
def made(toy, tmp_path):
    """A film with a profile: its folder, the clock, and how long it took."""
    parts = profiled(build(toy(**FILM)))
    begun = time.perf_counter()
    with start_run(parts, tmp_path / "profiled") as run, keeping_profile(parts, run) as trace:
        list(perform(parts, run))
    assert trace.parent == run.folder
    return run.folder, parts.clock, time.perf_counter() - begun


def test_every_part_of_a_film_is_counted_as_often_as_it_happens(made):
    _, clock, took = made
    times = {name: spent.times for name, spent in clock.own.items()}
    assert clock.steps == 4
    assert times["see with tiny"] == times["back through perceptors"] == 8  # in two parts
    assert times["follow the gradient"] == times["back to the canvas"] == 4
    assert times["judge"] >= 4 * 3  # the prompt in two parts, and what holds the frame
    assert times["move the picture"] >= 1
    assert times["cut"] == 4 + 8
    assert clock.beside["save a frame"].times == 2
    # What is not counted is the folder's beginning and end, which wait for the disk.
    assert 0.1 * took < sum(spent.wall for spent in clock.own.values()) <= took


def test_table_and_trace_lie_in_the_run_and_are_its_own(made):
    folder, clock, _ = made
    table = (folder / "profile.txt").read_text()
    assert table == clock.table() + "\n"
    assert table.startswith("where the time went: 4 steps in ")
    assert "save a frame (beside the steps)" in table
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    whole = [event for event in events if event["ph"] == "X"]
    assert [event["name"] for event in whole if event["name"].startswith("step ")] == [
        f"step {number}" for number in range(1, 5)
    ]
    assert all(event["dur"] >= 0 and event["ts"] >= 0 for event in whole)
    named = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    assert {named[event["tid"]] for event in whole} == {"parts", "steps", "beside"}
    assert {"profile.txt", "trace.json"} <= {path.name for path in own_files(folder, "toy")}


def test_the_files_are_those_of_a_run_without_and_the_parts_are_left_as_they_were(
    made, toy, tmp_path
):
    parts = build(toy(**FILM))
    with start_run(parts, tmp_path / "plain") as run:
        list(perform(parts, run))
    assert files(made[0]) == files(run.folder)
    assert Run.keep is type(run).keep
    perceptor = profiled(parts).perceptors[0]
    list(profiled(parts).animate(watch=Watch(stopped=lambda: True)))
    assert "see" not in vars(perceptor)
    assert "move" not in vars(parts.canvas)
    assert not parts.canvas._forward_hooks


def test_before_the_first_step_there_is_nothing_to_tell():
    assert Clock().table() == "no step was made"
