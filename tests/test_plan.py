"""What a run will cost."""

from dataclasses import replace

import pytest
import torch

from mutoscope import plan
from mutoscope.build import build
from mutoscope.perceptors.tiny import Tiny
from mutoscope.plan import (
    Plan,
    activation_bytes,
    amount,
    choose_chunks,
    duration,
    moves_left,
    predict,
    timeline,
)
from mutoscope.schedule import make_schedule

pytestmark = pytest.mark.usefixtures("single_thread")

FILM = {"animation_mode": "2D", "pre_animation_steps": 3, "steps_per_frame": 2, "save_every": 2}


class Clock:
    """Time that passes as we say: the first step is slow, as it is in truth."""

    def __init__(self, *steps):
        self.now = 0.0
        self.steps = iter(steps)
        self.asked = 0

    def perf_counter(self):
        self.asked += 1
        if self.asked > 1:
            self.now += next(self.steps)
        return self.now


def test_time_is_that_of_a_step_once_all_is_warm(toy, monkeypatch):
    clock = Clock(5.0, 0.25)
    monkeypatch.setattr(plan, "time", clock)
    parts = build(toy(steps_per_scene=40, scenes="a || b"))
    assert parts.plan().seconds == pytest.approx(0.25 * 80)
    assert clock.asked == 3  # two steps and no more


def test_what_is_done_is_not_paid_for_again(toy, monkeypatch):
    parts = build(toy(steps_per_scene=40, save_every=10))
    monkeypatch.setattr(plan, "time", Clock(5.0, 0.25))
    whole = parts.plan()
    monkeypatch.setattr(plan, "time", Clock(5.0, 0.25))
    rest = parts.plan(done=30)
    assert rest.seconds == pytest.approx(0.25 * 10)
    assert rest.disk < whole.disk


@pytest.mark.parametrize("model", ["Unlimited Palette", "Limited Palette", "Fourier"])
def test_planning_changes_nothing(toy, model):
    settings = toy(**FILM, image_model=model, scenes="a fox || a boat")
    plain, planned = build(settings), build(settings)
    planned.plan()
    for one, other in zip(plain.animate(), planned.animate(), strict=True):
        assert torch.equal(one.image, other.image)
        assert one.records == other.records


class Costly:
    """A clock, and parts of a film that make it go."""

    now = 0.0
    name, cuts = "costly", False

    def perf_counter(self):
        return self.now

    def motion(self, plane):
        def move(image, shot):
            self.now += 3.0
            return plane(image, shot)

        return move

    def terms(self, seconds):
        def term(look):
            self.now += seconds
            return look.image.square().mean()

        term.name, term.cuts = str(seconds), False
        return lambda *_: [term]


@pytest.mark.parametrize("steps_per_frame", [1, 2, 3])
@pytest.mark.parametrize("done", [0, 2, 3, 4, 9, 11])
def test_moves_and_what_holds_a_frame_are_paid_for(toy, monkeypatch, steps_per_frame, done):
    settings = toy(**{**FILM, "steps_per_frame": steps_per_frame, "translate_x": 1},
                   steps_per_scene=12)  # fmt: skip
    parts, clock = build(settings), Costly()
    monkeypatch.setattr(plan, "time", clock)
    predicted = predict(
        parts.canvas, parts.schedule, clock.terms(0.25), parts.cutouts,
        sizes=parts.sizes, descent=parts.descent, backups=1, film=True, done=done,
        motion=clock.motion(parts.motion), hold=clock.terms(0.5),
    )  # fmt: skip
    moves = sum(shot.moves for shot in parts.schedule.shots(done))
    left = 12 - done
    # What holds a frame is learnt from a move, so it is not counted where none is left.
    held = 0.5 * (moves if steps_per_frame == 1 else left if moves else 0)
    assert predicted.seconds == pytest.approx(left * 0.25 + held + moves * 3)


@pytest.mark.parametrize("changes", [FILM, {**FILM, "steps_per_frame": 1},
                                     {**FILM, "pre_animation_steps": 0}, {}])  # fmt: skip
def test_the_moves_left_are_those_of_the_shots(toy, changes):
    schedule = make_schedule(toy(**changes, steps_per_scene=12))
    for done in range(12):
        moving = [shot.steps.start for shot in schedule.shots(done) if shot.moves]
        assert list(moves_left(schedule, done)) == moving


def test_a_motion_that_remembers_is_left_as_it_was(toy, shoot):
    film = shoot("film.mp4", [0.2, 0.4, 0.6, 0.8, 1.0], size=(32, 32))
    settings = toy(**{**FILM, "animation_mode": "Video Source"}, video_path=film.name,
                   flow_stabilization_weight=1, reencode_each_frame=False,
                   steps_per_scene=9)  # fmt: skip
    plain, planned = build(settings), build(settings)
    kept = {"frame": torch.tensor(1), "image": torch.zeros(32, 32, 3, dtype=torch.uint8)}
    planned.motion.recall(kept)
    canvas = {name: value.clone() for name, value in planned.canvas.state_dict().items()}
    predict(
        planned.canvas, planned.schedule, planned.ask, planned.cutouts, sizes=planned.sizes,
        descent=planned.descent, backups=1, film=True, motion=planned.motion, hold=planned.hold,
    )  # fmt: skip
    assert int(planned.motion.tensors()["frame"]) == 1
    assert torch.equal(planned.motion.tensors()["image"], kept["image"])
    assert all(torch.equal(v, canvas[k]) for k, v in planned.canvas.state_dict().items())
    for one, other in zip(plain.animate(), planned.animate(), strict=True):
        assert torch.equal(one.image, other.image)
        assert one.records == other.records


def test_disk_grows_with_files_and_states(toy):
    def disk(**changes):
        changes = {"steps_per_scene": 40, "save_every": 10, "resume_points": 0} | changes
        return build(toy(**changes)).plan().disk

    assert disk(backups="all") > disk(backups=1)
    assert disk(resume_points=3) > disk()
    assert disk(width=64) > disk()
    film = {"animation_mode": "2D", "pre_animation_steps": 10, "steps_per_frame": 10}
    assert disk(**film) > disk(**film, film=False)


def test_disk_is_what_a_run_takes(toy, tmp_path):
    from mutoscope.api import render

    settings = toy(**FILM, steps_per_scene=12, backups="all", width=128, height=128)
    predicted = build(settings).plan().disk
    folder = render(settings, out=tmp_path)
    pictures = [*folder.glob("frames/*"), *folder.glob("state/*"), *folder.glob("*.mp4")]
    assert predicted == pytest.approx(sum(path.stat().st_size for path in pictures), rel=0.5)


# ── what is made smaller ──


def test_cutouts_are_split_until_they_fit(monkeypatch):
    tiny, cpu = Tiny(), torch.device("cpu")
    each = activation_bytes(tiny)
    assert each > 32 * 32 * 3 * 4  # the cutout at least
    monkeypatch.setattr(plan, "CPU_ACTIVATIONS", 3 * each)
    assert [choose_chunks([tiny], n, cpu) for n in (1, 3, 4, 8)] == [1, 1, 2, 3]
    assert choose_chunks([tiny, Tiny(seed=1)], 3, cpu) == 3  # both are in memory at once
    monkeypatch.setattr(plan, "CPU_ACTIVATIONS", 1)
    assert choose_chunks([tiny], 5, cpu) == 5


def test_what_is_made_smaller_is_said(toy):
    assert (
        "8 cutouts in 3 parts, to fit"
        in build(toy(cutouts=8, gradient_accumulation_steps=3)).plan().line()
    )
    assert "parts" not in build(toy(cutouts=8)).plan().line()


# ── in words ──


def test_a_plan_is_one_line():
    line = Plan(200, 1_400_000_000, 80_000_000, ("a note",)).line()
    assert line == "plan: about 3 min 20 s, 1.4 GB of memory, 80 MB of disk, a note"
    assert Plan(0.2, 0, 0).line() == "plan: less than 1 s, 0 B of memory, 0 B of disk"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "less than 1 s"), (1, "1 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
     (200, "3 min 20 s"), (3600, "1 h 00 min"), (7500, "2 h 05 min"), (90000, "25 h 00 min")],
)  # fmt: skip
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (80e6, "80 MB"), (1.44e9, "1.4 GB")],
)
def test_amounts(size, text):
    assert amount(size) == text


@pytest.mark.parametrize("changes", [{}, {"save_every": 0}, {"save_every": 3}, FILM,
                                     {**FILM, "save_every": 3}, {**FILM, "save_every": 0},
                                     {**FILM, "pre_animation_steps": 0}])  # fmt: skip
def test_the_timeline_says_what_the_schedule_does(toy, changes):
    schedule = make_schedule(toy(scenes="a || b || c", steps_per_scene=7, **changes))
    shots = list(schedule.shots())
    rows = [line.split(None, 2) for line in timeline(schedule, ["a", "b", "c"])]
    for scene in range(3):
        files = [shot.saves for shot in shots if shot.scene == scene and shot.saves]
        said = rows[scene + 1][1]
        assert said == ("-" if not files else str(files[0]) if len(files) == 1
                        else f"{files[0]}-{files[-1]}")  # fmt: skip
        assert rows[scene + 1][0] == f"{7 * scene}-{7 * scene + 7}"
    if schedule.animated:
        moves = sum(shot.moves for shot in shots)
        assert list(timeline(schedule, "abc"))[-1].endswith(f"moved {moves} times")


def test_the_timeline_of_a_long_run_takes_no_time(toy):
    schedule = replace(make_schedule(toy(**FILM)), steps_per_scene=100_000_000)
    _, scene, film = timeline(schedule, ["a fox"])
    assert scene.startswith("0-100000000")
    assert film.startswith("film: 50000000 frames")
