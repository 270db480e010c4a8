"""The queue: what waits, runs, ends early and goes on, whatever becomes of the server."""

import json
import logging
import os
import time
from pathlib import Path

import pytest

from mutoscope.errors import MediaError, RunError, SettingsError
from mutoscope.studio.queue import jobs as jobs_module
from mutoscope.studio.queue import worker as worker_module
from mutoscope.studio.queue.jobs import Jobs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends signals")
PRETEND = Path(__file__).with_name("pretend.py")


@pytest.fixture
def place(place, monkeypatch):
    monkeypatch.setattr(worker_module, "PROGRAM", [str(PRETEND)])
    return place


@pytest.fixture
def jobs(place):
    """The queue of a place; what runs at the end of the test is killed."""
    queue = Jobs(place)
    yield queue
    kill_all(place)
    for worker in queue._workers.values():
        worker._process.wait(timeout=20)


def kill_all(place):
    queue = Jobs(place)
    for job in queue.all():
        if job.state in ("running", "stopping"):
            queue._worker(queue._record(job.id)).kill()


def ticking(queue, condition, patience=30.0):
    """Looks after a queue until a condition holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, [job.state for job in queue.all()]
        queue.tick()
        time.sleep(0.01)


def is_in(queue, job, *states):
    return lambda: queue.job(job.id).state in states


def running(queue, what):
    """A job that has come so far that its run is known."""
    job = queue.add(["image", what], title=what)
    ticking(queue, lambda: queue.job(job.id).run is not None)
    return job


# ── a job's life ──


def test_one_after_another(jobs):
    first = jobs.add(["image", "quick"], title="  a\nfox ")
    second = jobs.add(["image", "quick"], title="")
    assert [job.title for job in jobs.all()] == ["a fox", "image quick"]
    assert [job.state for job in jobs.all()] == ["waiting", "waiting"]
    assert jobs.tick()
    assert [job.state for job in jobs.all()] == ["running", "waiting"]
    ticking(jobs, is_in(jobs, second, "done"))
    first, second = jobs.job(first.id), jobs.job(second.id)
    assert first.state == "done"
    assert first.run == "images_out/pretend"
    assert first.added <= first.started <= first.ended <= second.started
    assert not jobs.tick()  # nothing is left to change


def test_how_it_goes(jobs, place):
    job = running(jobs, "works")
    told = jobs.progress(job.id)
    assert (told.done, told.total, told.seconds_left) == (1, 4, 9.0)
    assert told.losses == {"a fox": 0.5}
    assert told.picture == place.runs / "pretend/latest.png"
    jobs.stop(job.id)
    ticking(jobs, is_in(jobs, job, "stopped"))
    assert jobs.progress(job.id).seconds_left is None


def test_each_change_is_a_version(jobs):
    before = jobs.version
    job = jobs.add(["image", "quick"], title="x")
    assert jobs.version > before
    ticking(jobs, is_in(jobs, job, "done"))
    after = jobs.version
    jobs.tick()
    assert jobs.version == after


@pytest.mark.parametrize("end", ["stop", "pause"])
def test_it_is_ended_and_goes_on(jobs, end):
    job = running(jobs, "works")
    getattr(jobs, end)(job.id)
    assert jobs.job(job.id).state == "stopping"
    state = {"stop": "stopped", "pause": "paused"}[end]
    ticking(jobs, is_in(jobs, job, state))
    jobs.tick()
    assert jobs.job(job.id).state == state  # until it is asked to go on
    jobs.resume(job.id)
    ticking(jobs, is_in(jobs, job, "done"))  # `resume` of the run, which comes to an end
    assert jobs.job(job.id).command == ("image", "works")


def test_what_waits_is_held_back(jobs):
    job = jobs.add(["image", "quick"], title="x")
    jobs.pause(job.id)
    jobs.tick()
    assert jobs.job(job.id).state == "paused"
    jobs.resume(job.id)
    ticking(jobs, is_in(jobs, job, "done"))
    with pytest.raises(RunError, match="is done"):
        jobs.resume(job.id)


def test_it_is_moved(jobs):
    ids = [jobs.add(["image", "quick"], title=str(n)).id for n in range(3)]
    jobs.move(ids[2], -1)
    assert [job.title for job in jobs.all()] == ["0", "2", "1"]
    jobs.move(ids[2], -99)
    assert [job.title for job in jobs.all()] == ["2", "0", "1"]
    jobs.move(ids[2], 1)
    jobs.move(ids[0], 0)
    assert [job.title for job in Jobs(jobs.place).all()] == ["0", "2", "1"]


def test_it_is_forgotten(jobs, place):
    job = running(jobs, "works")
    with pytest.raises(RunError, match="stop it first"):
        jobs.remove(job.id)
    jobs.stop(job.id)
    ticking(jobs, is_in(jobs, job, "stopped"))
    jobs.remove(job.id)
    assert jobs.all() == []
    assert list((place.own / "jobs").iterdir()) == []
    assert (place.runs / "pretend/run.json").exists()
    with pytest.raises(RunError, match="no such job"):
        jobs.job(job.id)


# ── what goes wrong ──


def test_an_error_is_told_without_paths(jobs):
    job = jobs.add(["image", "fail"], title="x")
    ticking(jobs, is_in(jobs, job, "failed"))
    assert jobs.job(job.id).message == "images_out/pretend/x.png: is damaged"


def test_a_fault_is_told_in_the_terminal_only(jobs, caplog):
    job = jobs.add(["image", "fault"], title="x")
    with caplog.at_level(logging.ERROR, logger="mutoscope"):
        ticking(jobs, is_in(jobs, job, "failed"))
    assert "ZeroDivisionError" in caplog.text
    assert "Zero" not in jobs.job(job.id).message


def test_a_crash_ends_only_itself(jobs):
    crashing = jobs.add(["image", "crash"], title="x")
    after = jobs.add(["image", "quick"], title="y")
    ticking(jobs, is_in(jobs, after, "done"))
    assert jobs.job(crashing.id).state == "failed"
    assert "memory" in jobs.job(crashing.id).message


def test_what_does_not_hear_is_killed(jobs, monkeypatch, caplog):
    monkeypatch.setattr(jobs_module, "PATIENCE", 0.3)
    job = running(jobs, "deaf")
    jobs.stop(job.id)
    asked = time.monotonic()
    ticking(jobs, is_in(jobs, job, "stopped"))
    assert time.monotonic() - asked >= 0.3
    assert "was killed" in jobs.job(job.id).message


def test_what_has_heard_is_given_time(jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "PATIENCE", 0.1)
    job = running(jobs, "slow")
    jobs.stop(job.id)
    until = time.monotonic() + 0.5
    ticking(jobs, lambda: time.monotonic() > until)
    assert jobs.job(job.id).state == "stopping"
    jobs.stop(job.id)  # once more: at once
    ticking(jobs, is_in(jobs, job, "stopped"))
    assert jobs.job(job.id).message == ""


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["image", "/etc/passwd"], MediaError),
        (["models", "fetch"], SettingsError),
        ([], SettingsError),
    ],
)
def test_what_is_not_allowed_is_not_queued(jobs, command, error):
    with pytest.raises(error):
        jobs.add(command, title="x")
    assert jobs.all() == []


def test_it_is_looked_at_again_before_it_begins(jobs, place, tmp_path):
    (place.root / "a.yaml").write_text("")
    job = jobs.add(["render", "a.yaml"], title="x")
    (tmp_path / "secret").write_text("")
    (place.root / "a.yaml").unlink()
    (place.root / "a.yaml").symlink_to(tmp_path / "secret")
    jobs.tick()
    assert jobs.job(job.id).state == "failed"
    assert "lies outside" in jobs.job(job.id).message


def test_a_job_has_no_secrets_and_a_fence(jobs, place, monkeypatch):
    monkeypatch.setenv("MUTOSCOPE_STUDIO_PASSWORD", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    job = jobs.add(["image", "quick"], title="x")
    ticking(jobs, is_in(jobs, job, "done"))
    text = (place.runs / "pretend/environment").read_text()
    assert "hunter2" not in text
    assert f"MUTOSCOPE_FENCE={place.root}" in text


def test_there_is_room_for_so_many(jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "MOST_JOBS", 1)
    jobs.add(["image", "quick"], title="x")
    with pytest.raises(RunError, match="remove old ones"):
        jobs.add(["image", "quick"], title="x")


# ── servers come and go ──


def test_a_closed_server_pauses_what_runs_and_the_next_goes_on(jobs, place):
    job = running(jobs, "works")
    waiting = jobs.add(["image", "quick"], title="y")
    jobs.close()
    assert [each.state for each in jobs.all()] == ["waiting", "waiting"]
    assert not jobs.tick()  # nothing begins any more
    after = Jobs(place)
    assert after.job(job.id).run == "images_out/pretend"
    ticking(after, is_in(after, waiting, "done"))
    assert after.job(job.id).state == "done"


def test_the_next_server_finds_what_runs(jobs, place):
    job = running(jobs, "works")
    after = Jobs(place)  # as after kill -9: nobody said goodbye
    for _ in range(3):
        after.tick()
    assert after.job(job.id).state == "running"
    assert after.progress(job.id).done == 1
    after.stop(job.id)
    jobs._workers[job.id]._process.wait(timeout=20)  # its parent here is this test
    ticking(after, is_in(after, job, "stopped"))


def test_the_next_server_learns_how_it_ended(jobs, place):
    job = running(jobs, "works")
    jobs._workers[job.id].interrupt()
    jobs._workers[job.id]._process.wait(timeout=20)
    after = Jobs(place)
    after.tick()
    assert after.job(job.id).state == "stopped"


def test_what_was_killed_with_the_server_failed(jobs, place):
    job = running(jobs, "works")
    jobs._workers[job.id].kill()
    jobs._workers[job.id]._process.wait(timeout=20)
    after = Jobs(place)
    after.tick()
    assert after.job(job.id).state == "failed"
    after.resume(job.id)
    ticking(after, is_in(after, job, "done"))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "job": 3}'])
def test_a_damaged_file_is_passed_over(jobs, place, text, caplog):
    job = jobs.add(["image", "quick"], title="x")
    (place.own / "jobs/0123456789ab.json").write_text(text)
    assert [each.id for each in Jobs(place).all()] == [job.id]
    assert "is damaged" in caplog.text


def test_all_that_is_known_is_on_the_disk(jobs, place):
    job = running(jobs, "works")
    kept = json.loads((place.own / f"jobs/{job.id}.json").read_text())
    assert kept["job"]["state"] == "running"
    assert Jobs(place).all() == jobs.all()
