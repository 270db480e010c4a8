"""The command line in this process: what it returns, and what it prints where."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mutoscope.cli import run

SMALL = ["perceptors=tiny", "width=32", "height=32", "steps_per_scene=4", "cutouts=2", "seed=7"]
FILM = """scenes: a fox || a boat
perceptors: tiny
width: 32
height: 32
steps_per_scene: 6
cutouts: 2
seed: 7
animation_mode: 2D
pre_animation_steps: 3
steps_per_frame: 3
save_every: 3
zoom_x_2d: 1
rotate_2d: 2
file_namespace: toy
"""


@pytest.fixture
def small():
    """The overrides that make a picture small."""
    return list(SMALL)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own for each test, without any cache or network."""
    for name in ("HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home/hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def film(here):
    """A settings file of a small film."""
    path = here / "toy.yaml"
    path.write_text(FILM)
    return path


@pytest.fixture
def call(capsys, single_thread):
    """Runs a command: its exit code, and the lines that it prints to stdout and stderr."""

    def called(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return called


@pytest.fixture
def refused(call, here):
    """Runs a command that must be refused: its one line, with nothing left behind."""

    def called(*arguments):
        before = {path for path in here.rglob("*") if "images_out" in path.parts}
        code, out, err = call(*arguments)
        assert (code, out) == (2, [])
        assert len(err) == 1, err
        assert err[0].startswith("mutoscope: ")
        assert {path for path in here.rglob("*") if "images_out" in path.parts} == before
        return err[0]

    return called


class Nursery:
    """Begins processes of the program in a folder, one at a time, and sends them signals."""

    def __init__(self, server, folder):
        self._server, self._folder, self.worker = server, folder, None

    def begin(self, *arguments, sleeps=0):
        job = [str(self._folder), sleeps, [str(argument) for argument in arguments]]
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        self.worker = int(self._server.stdout.readline())

    def signal(self, number):
        os.kill(self.worker, number)

    def ended(self):
        """The exit code, and the lines of stdout and stderr."""
        code, self.worker = int(self._server.stdout.readline()), None
        texts = ((self._folder / name).read_text() for name in ("stdout", "stderr"))
        return code, *(text.splitlines() for text in texts)

    def breaks_off(self, number, log, lines, *arguments):
        """Begins a process, sends it a signal when its log has so many lines; `ended` of it."""
        self.begin(*arguments)
        self.until(lambda: log.exists() and log.read_bytes().count(b"\n") >= lines)
        self.signal(number)
        return self.ended()

    @staticmethod
    def until(condition, patience=120):
        """Waits for what a worker does; a test that asks for too much fails here."""
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.002)


@pytest.fixture(scope="session")
def nursery_server():
    """The process that forks workers: what they import is imported once for all tests."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    script = Path(__file__).with_name("nursery.py")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, script], env=environment, **pipes) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def nursery(nursery_server, here):
    """Processes of the program that work in the test's folder."""
    nursery = Nursery(nursery_server, here)
    yield nursery
    if nursery.worker is not None:  # it failed before that ended; the next wants a free one
        nursery.signal(signal.SIGKILL)
        nursery.ended()


@pytest.fixture(scope="session")
def contents():
    """Every file in a folder, and what is in it: where these are equal, folders are.

    Left out are locks, and files of the names ``but``, such as those that tell when and by whom.
    """

    def found(folder, *but):
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in (".lock", *but)
        }

    return found


@pytest.fixture(scope="module")
def worked():
    """The folder of a module's undisturbed training, and what that leaves there."""
    return {}


@pytest.fixture
def whole(tmp_path_factory, call, contents, monkeypatch, worked, training):
    """Every file of an undisturbed training in ``out``, here, where tests of it follow each other.

    ``training``, which a module of tests has, is its command, and what draws its pictures into a
    folder. Trainings know where these lie, so that what is compared has to be made in one folder.
    """
    command, draw = training
    if not worked:
        worked["place"] = tmp_path_factory.mktemp("worked")
        draw(worked["place"])
    monkeypatch.chdir(worked["place"])
    if "files" not in worked:
        assert call(*command)[0] == 0
        worked["files"] = contents(Path("out"))
    shutil.rmtree("out", ignore_errors=True)
    return worked["files"]


@pytest.fixture
def broken_off(call, monkeypatch):
    """Runs a command that is ended by Ctrl-C where a function is called for the ``when``-th time.

    ``fails`` is its name in a module, or in one that this imports, such as ``journal.append``.
    """

    def runs(owner, fails, when, *command):
        module, _, name = fails.rpartition(".")
        owner = getattr(owner, module) if module else owner
        real, calls = getattr(owner, name), []

        def broken(*arguments, **named):
            calls.append(name)
            if len(calls) == when:
                raise KeyboardInterrupt
            return real(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            assert call(*command)[0] == 130

    return runs
