"""Runs that are shown in a notebook's cell while they are painted."""

import os
import re
import signal
import sys
import threading

import IPython.display
import pytest

import mutoscope
from mutoscope import notebook
from mutoscope.errors import ExtraError, RunError
from mutoscope.notebook import Clock, paint, resume

pytestmark = pytest.mark.usefixtures("single_thread")


class Shown:
    """What a cell shows, place by place, and everything that it showed before."""

    def __init__(self):
        self.places, self.past = [], []

    def display(self, what, *, raw, display_id):
        assert raw
        assert display_id is True
        place = len(self.places)
        self.places.append(what)
        self.past.append(what)
        return Handle(self, place)

    def lines(self):
        return [what["text/plain"] for what in self.past if "text/plain" in what]

    def pictures(self):
        return [what["image/png"] for what in self.past if "image/png" in what]


class Handle:
    def __init__(self, shown, place):
        self.shown, self.place = shown, place

    def update(self, what, *, raw):
        assert raw
        self.shown.places[self.place] = what
        self.shown.past.append(what)


@pytest.fixture
def shown(monkeypatch):
    cell = Shown()
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "display", cell.display)
    monkeypatch.setattr(notebook, "PACE", 0)
    return cell


@pytest.fixture
def film(small):
    return {
        **small, "animation_mode": "2D", "zoom_x_2d": 1, "pre_animation_steps": 2,
        "steps_per_frame": 2, "save_every": 2, "display_every": 0, "steps_per_scene": 8,
    }  # fmt: skip


def interrupt_after(steps, monkeypatch, times=1):
    """Interrupt the kernel, as its button does, at the end of a step."""
    line = Clock.line

    def counted(self, done):
        if done == steps:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return line(self, done)

    monkeypatch.setattr(Clock, "line", counted)


def test_the_picture_and_the_line_change_in_their_places(shown, film, tmp_path):
    folder = paint(film, out=tmp_path)
    frames = sorted((folder / "frames").iterdir())
    assert shown.pictures() == [path.read_bytes() for path in frames]
    assert len(frames) == 4
    assert len(shown.places) == 2
    assert re.fullmatch(r"1 of 8 steps, \d+:\d\d left", shown.lines()[0])
    assert shown.lines()[-1] == f"8 steps, done; all of it is in {folder}"
    assert folder == tmp_path / "images_out/default/default"
    assert list(folder.glob("*.mp4"))


def test_overrides_win_and_a_still_is_shown_meanwhile(shown, small, tmp_path):
    folder = paint(small, "save_every=0", "display_every=2", "width=48", out=tmp_path)
    assert len(shown.pictures()) == 2
    assert mutoscope.load_settings(folder / "settings.yaml").width == 48


def test_what_was_interrupted_goes_on_to_the_same_film(shown, film, tmp_path, monkeypatch):
    whole = paint(film, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(5, patch)
        with pytest.raises(KeyboardInterrupt):
            paint(film, out=tmp_path / "twice")
    stopped = tmp_path / "twice/images_out/default/default"
    assert shown.lines()[-1] == f"stopped after 5 of 8 steps; go on with: resume({str(stopped)!r})"
    assert resume(stopped) == stopped
    names = sorted(path.name for path in (whole / "frames").iterdir())
    assert names == sorted(path.name for path in (stopped / "frames").iterdir())
    for name in names:
        assert (whole / "frames" / name).read_bytes() == (stopped / "frames" / name).read_bytes()


def test_the_second_interrupt_ends_it_at_once(shown, film, tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    interrupt_after(3, monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        paint(film, out=tmp_path)
    assert not any("go on with" in line for line in shown.lines())
    assert signal.getsignal(signal.SIGINT) is before


def test_what_is_complete_is_only_shown(shown, film, tmp_path):
    folder = paint(film, out=tmp_path)
    last = shown.pictures()[-1]
    shown.past.clear()
    assert resume(folder) == folder
    assert shown.pictures() == [last]
    assert shown.lines() == [f"{folder} is complete"]


def test_another_thread_paints_too(shown, film, tmp_path):
    folders = []
    thread = threading.Thread(target=lambda: folders.append(paint(film, out=tmp_path)))
    thread.start()
    thread.join()
    assert list(folders[0].glob("*.mp4"))


def test_no_run_is_refused(shown, tmp_path):
    with pytest.raises(RunError):
        resume(tmp_path)


@pytest.mark.parametrize("there", [True, False])
def test_outside_of_notebooks_it_says_what_to_take(film, tmp_path, monkeypatch, there):
    if not there:
        monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(ExtraError, match=r"mutoscope\.render"):
        paint(film, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_clock_tells_what_is_left_and_not_too_often():
    times = iter([0.0, 0.1, 10.0, 10.2, 10.3])
    clock = Clock(100, 20, now=lambda: next(times))
    assert clock.line(21) is None
    assert clock.line(40) == "40 of 100 steps, 0:30 left"
    assert clock.line(41) is None
    assert clock.line(100) == "100 of 100 steps, 0:00 left"
