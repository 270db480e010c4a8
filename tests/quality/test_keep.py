"""The report of a real small run, and what happens where none can be made."""

import json

import pytest

from mutoscope.build import build
from mutoscope.images import load_image, save_image
from mutoscope.perform import perform, start_run
from mutoscope.quality.keep import judge_run, keep_quality, number_of
from mutoscope.run.layout import QUALITY, QUALITY_PLOT

FILM = {
    "scenes": "a fox || a boat:-1",
    "animation_mode": "2D",
    "pre_animation_steps": 3,
    "steps_per_frame": 3,
    "save_every": 3,
    "steps_per_scene": 12,
    "translate_x": "2",
    "frames_per_second": 4,
    "film": False,
}


@pytest.fixture
def painted(toy, tmp_path, single_thread):
    """A painted film: its folder, its frames in order, and what its report wants."""
    parts = build(toy(**FILM, quality=False))
    with start_run(parts, tmp_path) as run:
        for _ in perform(parts, run):
            pass
        frames = [path for _, path in run.frames()]
    return run.folder, frames, {"settings": parts.settings, "schedule": parts.schedule}


def test_a_run_gets_its_report_and_plot(painted):
    folder, frames, known = painted
    quality = keep_quality(folder, frames, **known)
    told = json.loads((folder / QUALITY).read_text(encoding="utf-8"))
    assert told == json.loads(json.dumps(quality.to_dict()))
    assert (told["frames"], told["rate"], told["size"]) == (8, 4, [32, 32])
    assert [(p["scene"], p["prompt"], p["away"]) for p in told["prompts"]] == [
        (1, "a fox", False), (2, "a boat", True)
    ]  # fmt: skip
    assert [scene["frame"] for scene in told["scenes"]] == [1, 5]
    assert load_image(folder / QUALITY_PLOT).shape[-1] == 1200


def test_what_is_logged_of_a_prompt_is_its_distance_times_its_weight(painted):
    """The report's distances are the log's values at the last step of each frame."""
    folder, frames, known = painted
    records = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    fox, boat = judge_run(folder, frames, **known).wishes
    assert fox.distances == pytest.approx([records[step - 1]["a fox"] for step in (3, 6, 9, 12)])
    last = [-records[step - 1]["a boat"] for step in (15, 18, 21, 24)]
    assert boat.distances == pytest.approx(last)
    assert min(boat.distances) > 0


def test_frames_in_the_order_of_a_loop_keep_their_numbers(painted):
    folder, frames, known = painted
    order = [*frames[-2:], *frames[2:-2]]
    quality = judge_run(folder, order, **known, loops=True)
    assert quality.film.numbers == (7, 8, 3, 4, 5, 6)
    assert quality.film.steps[0] == quality.film.seam
    assert quality.wishes[0].places == (2, 3)


def test_a_run_is_not_lost_to_its_report(painted, caplog):
    folder, frames, known = painted
    frames[3].write_bytes(b"no picture")
    assert keep_quality(folder, frames, **known) is None
    (notice,) = caplog.records
    assert frames[3].name in notice.getMessage()
    assert not (folder / QUALITY).exists()


def test_a_report_that_cannot_be_written_is_a_notice(painted, caplog):
    folder, frames, known = painted
    (folder / QUALITY).mkdir()
    assert keep_quality(folder, frames, **known) is None
    assert QUALITY in caplog.text


def test_a_run_without_a_log_is_measured_all_the_same(painted):
    folder, frames, known = painted
    (folder / "log.jsonl").unlink()
    quality = keep_quality(folder, frames, **known)
    assert quality.wishes == ()
    assert quality.flicker is not None


def test_a_frame_that_went_black_is_named(painted):
    folder, frames, known = painted
    save_image(load_image(frames[5]) * 0, frames[5])
    quality = keep_quality(folder, frames, **known)
    assert quality.film.numbers[quality.worst[0].place] == 6
    assert quality.worst[0].what == "black"


def test_numbers_of_pictures(tmp_path):
    assert number_of(tmp_path / "fox_12.png", 3) == 12
    assert number_of(tmp_path / "fox(1)_7.png", 3) == 7
    assert number_of(tmp_path / "still.png", 3) == 3
