"""The film of a run, when what makes it is stopped or the machine is short of something."""

import errno
import os

import pytest
import torch

from mutoscope.errors import MediaError, RunError
from mutoscope.run import FilmPlan, Run, footage
from mutoscope.sound import SoundFile

FOLDER = "images_out/toy/toy"


@pytest.fixture
def begun(tmp_path, play):
    """Begins a run of four frames whose film has sound, in a folder of that name."""
    sound = play("song.wav")

    def begin(name):
        run = Run.start(tmp_path / name, "toy", "seed: 1\n", film=FilmPlan(12, sound=sound))
        for number in range(1, 5):
            image = torch.full((1, 3, 16, 24), number / 5)
            run.keep(number, image, tensors={"canvas": image}, meta={"steps": number})
        return run

    return begin


def go_on(folder):
    with Run.open(folder) as run:
        run.rewind(run.state().number)


def test_without_its_sound_a_film_has_no_name(begun, tmp_path, monkeypatch):
    begun("whole").close()
    whole = (tmp_path / "whole" / FOLDER / "toy.mp4").read_bytes()
    run, folder = begun("killed"), tmp_path / "killed" / FOLDER

    def killed(silent, *_, **__):
        (folder / "kept").write_bytes(silent.read_bytes())
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(footage, "add_sound", killed)
        with pytest.raises(KeyboardInterrupt):
            run.close()
    # What a kill would have left there.
    (folder / "kept").rename(folder / ".silent.mp4")
    assert not (folder / "toy.mp4").exists()
    go_on(folder)
    assert (folder / "toy.mp4").read_bytes() == whole
    assert not (folder / ".silent.mp4").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
def test_what_the_machine_is_short_of_leaves_no_silent_film(begun, tmp_path, monkeypatch, number):
    run, folder = begun("run"), tmp_path / "run" / FOLDER

    def short(*_, **__):
        raise MediaError("no room") from OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(footage, "add_sound", short)
        with pytest.raises(RunError, match="the film can't be finished"):
            run.close()
    assert not list(folder.glob("*.mp4"))
    go_on(folder)
    SoundFile(folder / "toy.mp4")


def test_a_sound_that_is_no_sound_leaves_the_film_silent(begun, tmp_path, caplog):
    run, folder = begun("run"), tmp_path / "run" / FOLDER
    (tmp_path / "song.wav").write_bytes(b"no sound")
    run.close()
    assert "the film stays silent" in caplog.text
    assert [path.name for path in folder.glob("*.mp4")] == ["toy.mp4"]
    assert not (folder / ".silent.mp4").exists()
