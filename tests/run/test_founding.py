"""How a folder becomes a run's, and what is left where it can't."""

import errno
import json
import os
from fractions import Fraction

import pytest
import torch

import mutoscope
from mutoscope import atomic
from mutoscope.errors import RunError, SettingsError
from mutoscope.run import FilmPlan, InUseError, Run

FILM = FilmPlan(rate=Fraction(12), recipe={"program": "mutoscope", "version": "0", "settings": {}})


def start(out, **options):
    return Run.start(out, "fox", "seed: 1", **options)


def keep(run, number):
    return run.keep(number, torch.full((1, 3, 16, 24), 0.5), tensors={"canvas": torch.zeros(2)})


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_the_settings_are_there_before_the_first_step(tmp_path):
    with start(tmp_path, scenes=[(0, "a"), (4, "b\n|  c\0")], relative_to=tmp_path) as run:
        assert run.folder == tmp_path / "images_out" / "fox" / "fox"
        assert (run.folder / "settings.yaml").read_text(encoding="utf-8") == (
            "seed: 1\n# 0.00: a\n# 4.00: b | c�\n"
        )
        assert run.settings_text.startswith("seed: 1\n")
        about = json.loads((run.folder / "run.json").read_text())
        assert about["version"] == mutoscope.__version__
        assert run.relative_to == tmp_path


def test_a_second_run_gets_a_folder_of_its_own(tmp_path):
    for base in ("fox", "fox(1)", "fox(2)"):
        with start(tmp_path) as run:
            assert run.folder.name == run.base == base
            assert keep(run, 1).name == f"{base}_1.png"


def test_one_process_at_a_time(tmp_path):
    with start(tmp_path) as run:
        with pytest.raises(InUseError, match=str(os.getpid())):
            Run.open(run.folder)
        with pytest.raises(InUseError):
            start(tmp_path, overwrite=True)
    Run.open(run.folder).close()


def test_overwriting_takes_the_old_run_and_nothing_else(tmp_path):
    with start(tmp_path, film=FILM, backups=None) as old:
        keep(old, 1)
        keep(old, 2)
    (old.folder / "notes.txt").write_text("mine")
    (old.folder / "frames" / "sketch.png").write_text("mine")
    with start(tmp_path, overwrite=True) as run:
        assert run.folder == old.folder
        assert names(run.folder) == [
            ".lock", "frames/sketch.png", "notes.txt", "run.json", "settings.yaml",
        ]  # fmt: skip
        keep(run, 1)
    with start(tmp_path) as third:
        assert third.base == "fox(1)"


def test_a_run_that_can_not_begin_leaves_the_old_one_whole(tmp_path, monkeypatch):
    with start(tmp_path, film=FILM) as old:
        keep(old, 1)
    before = {name: (old.folder / name).read_bytes() for name in names(old.folder)}

    def full(*args):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(Run, "open", full)
        patch.setattr(
            atomic.os, "getpid", lambda: (_ for _ in ()).throw(OSError(errno.ENOSPC, "x"))
        )
        with pytest.raises(RunError, match="disk is full"):
            Run.start(tmp_path, "fox", "seed: 2", overwrite=True)
    assert {name: (old.folder / name).read_bytes() for name in names(old.folder)} == before


def test_a_first_run_that_can_not_begin_leaves_no_folder(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(atomic, "settle", full)
    with pytest.raises(RunError, match=r"fox: the run can't begin: the disk is full"):
        start(tmp_path)
    assert names(tmp_path) == []
    assert not (tmp_path / "images_out" / "fox" / "fox").exists()


def test_folders_that_are_no_runs_are_refused_and_the_right_one_named(tmp_path):
    with start(tmp_path) as run:
        pass
    cases = [
        (tmp_path / "none", "does not exist"),
        (run.folder / "run.json", "is a file"),
        (tmp_path, r"settings\.yaml and run\.json are missing"),
        (run.folder.parent, r"newest run in it is .*fox/fox"),
    ]
    for folder, why in cases:
        with pytest.raises(RunError, match=why):
            Run.open(folder)
    (run.folder / "settings.yaml").unlink()
    with pytest.raises(RunError, match=r"settings\.yaml is missing"):
        Run.open(run.folder)


def test_part_files_of_a_killed_run_are_swept_on_opening(tmp_path):
    with start(tmp_path) as run:
        keep(run, 1)
    left = [
        atomic.part_path(run.film_path),
        atomic.part_path(run.frame_path(2)),
        atomic.part_path(run.folder / "state" / "2.safetensors"),
    ]
    for path in left:
        path.write_bytes(b"half")
    Run.open(run.folder).close()
    assert not any(path.exists() for path in left)


def test_names_that_lead_elsewhere_make_no_folder(tmp_path):
    with pytest.raises(SettingsError):
        Run.start(tmp_path, "../fox", "")
    assert list(tmp_path.iterdir()) == []
