"""The command line in this process: what it returns, and what it prints where."""

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
