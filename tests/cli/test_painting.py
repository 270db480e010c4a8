"""A run on the command line: how it goes, is stopped, and goes on."""

import json
import os
import shlex
import shutil
import subprocess

import pytest

from mutoscope.cli import painting
from mutoscope.images import load_image


def test_a_run_that_blows_up_ends_in_one_line_and_keeps_what_was_good(call, here, small):
    code, out, err = call("image", "a fox:10**(20*step)", "save_every=2", *small)
    assert (code, out) == (2, [])
    assert "step 3: the loss of 'a fox' is inf" in err[-1]
    assert "learning_rate" in err[-1]
    assert len(list(here.glob("images_out/*/*/frames/*.png"))) == 1


@pytest.fixture
def small_disk(here):
    """A folder on a disk of 200 kB, where this user may make one."""
    folder = here / "small"
    folder.mkdir()
    mounted = (
        shutil.which("mount")
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("no disk can be made here")
    yield folder
    os.chdir(here)
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_loses_nothing(call, here, film, small_disk, monkeypatch):
    monkeypatch.chdir(small_disk)
    code, _, err = call("render", film, "width=128", "height=128", "steps_per_scene=30")
    assert code == 2
    assert "the disk is full" in err[-1]
    folder = small_disk / "images_out/toy/toy"
    kept = sorted(folder.glob("frames/*.png"))
    assert kept
    for path in kept:
        assert load_image(path).shape == (1, 3, 128, 128)
    resume = shlex.split(err[-1].partition("go on with: mutoscope ")[2])
    assert resume[0] == "resume"
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    assert call(*resume)[0] == 0
    assert len(list(folder.glob("frames/*.png"))) == 20


def test_memory_is_reported_where_it_is_wanted(call, film):
    _, _, err = call("render", film, "approximate_vram_usage=true")
    assert len([line for line in err if line.startswith("memory so far: ")]) == 4


def stop_after(monkeypatch, steps):
    """Ctrl-C after some steps."""
    from contextlib import contextmanager

    @contextmanager
    def stopping():
        left = iter([False] * (steps - 1))
        yield lambda: next(left, True)

    monkeypatch.setattr(painting, "stopping", stopping)


def test_a_stopped_run_says_how_to_go_on_and_does(call, here, film, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        code, out, err = call("render", film)
    assert (code, out) == (130, [])
    assert err[-1].startswith("stopped after 5 of 12 steps; go on with: mutoscope resume ")
    command = shlex.split(err[-1].partition("go on with: mutoscope ")[2])
    code, out, _ = call(*command)
    assert (code, out) == (0, ["images_out/toy/toy/toy.mp4"])
    whole = call("render", film)[1][0]
    assert (here / whole).exists()
    for number in range(1, 5):
        one = load_image(here / f"images_out/toy/toy/frames/toy_{number}.png")
        assert one.equal(load_image(here / f"images_out/toy/toy(1)/frames/toy(1)_{number}.png"))
    logs = [(here / f"images_out/toy/{run}/log.jsonl").read_text() for run in ("toy", "toy(1)")]
    assert logs[0] == logs[1]


def test_settings_that_were_changed_are_noticed(call, here, film, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        call("render", film)
    path = here / "images_out/toy/toy/settings.yaml"
    path.write_text(path.read_text().replace("width: 32", "width: 48"))
    code, _, err = call("resume", "images_out/toy/toy")
    assert code == 2
    assert "does not fit the canvas" in err[-1]


def test_the_log_says_every_term_of_every_step(call, here, film):
    call("render", film)
    lines = (here / "images_out/toy/toy/log.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["step"] for record in records] == list(range(1, 13))
    for record in records:
        terms = {key: record[key] for key in record if key not in ("step", "frame", "t", "total")}
        assert set(terms) == {"a fox" if record["step"] <= 6 else "a boat", "smoothing"}
        assert record["total"] == pytest.approx(sum(terms.values()))


def test_ctrl_c_before_the_first_step_leaves_nothing(call, here, film, monkeypatch):
    from mutoscope import build

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "build", interrupted)
    code, out, err = call("render", film)
    assert (code, out, "".join(err)) == (130, [], "")
    assert not (here / "images_out").exists()


def test_a_profile_says_where_the_time_went_and_stays_in_the_run(call, small, here):
    code, out, err = call("image", "a fox", *small, "--profile")
    assert code == 0
    begins = next(
        i for i, line in enumerate(err) if line.startswith("where the time went: 4 steps")
    )
    table = [line.split("  ")[0] for line in err[begins:]]
    assert {"see with tiny", "back through perceptors", "cut", "follow the gradient"} <= set(table)
    folder = here / out[0]
    folder = folder.parents[1]
    assert (folder / "profile.txt").read_text().splitlines() == err[begins:-1]
    trace = json.loads((folder / "trace.json").read_text())
    assert {"step 1", "step 4"} <= {event["name"] for event in trace["traceEvents"]}
    assert "trace.json" in err[-1]
