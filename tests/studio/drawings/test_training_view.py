"""A training as a page shows it, read from its folder."""

import json

import pytest

from mutoscope.studio.drawings.training_view import (
    PANELS,
    POINTS,
    Speed,
    chart_of,
    job_of,
    read_log,
    samples_of,
    series_of,
)
from mutoscope.studio.queue.jobs import Job


def test_samples_are_in_order_and_strangers_passed_over(tmp_path):
    (tmp_path / "samples").mkdir()
    for name in ("00000200.png", "00000100.png", "x.png", "00001000.png", "3.txt"):
        (tmp_path / "samples" / name).touch()
    assert [one.images for one in samples_of(tmp_path)] == [100, 200, 1000]
    assert samples_of(tmp_path / "none") == []


def test_torn_lines_of_a_log_are_passed_over(tmp_path):
    lines = [
        '{"images": 8, "judge": 1.5}',
        "[1]",
        '{"images": NaN}',
        '{"images": 16, "kernel": 99}',
    ]
    (tmp_path / "log.jsonl").write_text("\n".join([*lines, '{"images": 2']))
    records = read_log(tmp_path)
    assert [record["images"] for record in records] == [8, 16]
    assert series_of(records, "judge") == [(8, 1.5)]
    assert series_of(records, "log kernel") == [(16, 2.0)]
    assert read_log(tmp_path / "none") == []


def test_long_curves_are_thinned_and_keep_their_end():
    records = [{"images": n, "draw": n / 2} for n in range(10_001)]
    points = series_of(records, "draw")
    assert len(points) <= POINTS
    assert points[-1] == (10_000, 5000)


def test_charts_have_what_the_log_has_and_are_json():
    records = [{"images": 8, "judge": 1.0, "draw": 2.0}]
    options = chart_of(records, *PANELS[0])
    assert [one["name"] for one in options["series"]] == ["judge", "draw"]
    json.dumps(options)
    assert chart_of(records, *PANELS[2]) is None


def test_the_newest_job_that_trains_there_is_found():
    old = Job("a", "", ("train", "s", "-o", "drawings/x"), "done", added=1)
    new = Job("b", "", ("train", "drawings/x"), "running", added=2)
    other = Job("c", "", ("walk", "drawings/x", "-o", "drawings/x"), "running", added=3)
    assert job_of([old, new, other], "drawings/x") is new
    assert job_of([other], "drawings/x") is None


def test_speed_is_over_the_last_minute():
    speed = Speed()
    assert speed.see(0.0, 100) is None
    for second in range(1, 200):
        found = speed.see(float(second), 100 + 4 * second + max(0, second - 100))
    assert found == pytest.approx(5, rel=0.02)
    assert speed.see(300.0, 10) is None  # begun anew
