import errno
import json
import os
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from mutoscope.errors import RunError
from mutoscope.frames import ClipSource
from mutoscope.images import load_image
from mutoscope.provenance import read_recipe
from mutoscope.run import FilmPlan, Run

RECIPE = {"program": "mutoscope", "version": "0", "settings": {"seed": 1}}
FILM = FilmPlan(rate=Fraction(12), recipe=RECIPE)


def picture(number):
    return torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(number))


def keep(run, number, **changes):
    values = {
        "tensors": {"canvas": picture(number)},
        "meta": {"steps": number * 5},
        "recipe": {**RECIPE, "frame": number},
        "records": [{"step": number, "total": number / 10}],
    }
    return run.keep(number, picture(number), **(values | changes))


def start(out, **options):
    return Run.start(out, "fox", "seed: 1", **options)


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_what_is_kept(tmp_path):
    with start(tmp_path, film=FILM) as run:
        for number in (1, 2, 3):
            keep(run, number)
        run.draw_losses()
    assert names(run.folder) == [
        ".lock", "fox.mp4", "frames/fox_1.png", "frames/fox_2.png", "frames/fox_3.png",
        "latest.png", "log.jsonl", "losses.png", "run.json", "settings.yaml", "state/3.safetensors",
    ]  # fmt: skip
    assert [json.loads(line)["step"] for line in run.log_path.read_text().splitlines()] == [1, 2, 3]
    assert read_recipe(run.frame_path(2)) == {**RECIPE, "frame": 2}
    assert read_recipe(run.film_path) == RECIPE
    assert run.latest_path.read_bytes() == run.frame_path(3).read_bytes()
    assert [number for number, _ in run.frames()] == [1, 2, 3]
    clip = ClipSource(run.film_path)
    assert (clip.length, clip.rate) == (3, 12)


@pytest.mark.parametrize(
    ("backups", "left"),
    [
        (0, [8]),
        (1, [8]),
        (3, [6, 7, 8]),
        (None, list(range(1, 9))),
        (float("inf"), list(range(1, 9))),
    ],
)
def test_the_newest_states_are_kept(tmp_path, backups, left):
    with start(tmp_path, backups=backups) as run:
        for number in range(1, 9):
            keep(run, number)
    found = sorted(int(path.stem) for path in (run.folder / "state").iterdir())
    assert found == left


def test_a_state_comes_back_to_the_bit(tmp_path):
    with start(tmp_path) as run:
        assert run.state() is None
        keep(run, 1)
        keep(run, 2)
    with Run.open(run.folder) as again:
        number, tensors, meta = again.state()
        assert (number, meta) == (2, {"steps": 10})
        assert torch.equal(tensors["canvas"], picture(2))


def test_a_damaged_state_falls_back_to_the_one_before(tmp_path, caplog):
    with start(tmp_path, backups=3) as run:
        for number in (1, 2, 3):
            keep(run, number)
    newest = run.folder / "state" / "3.safetensors"
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    with Run.open(run.folder) as again:
        assert again.state().number == 2
    assert "3.safetensors: is damaged" in caplog.text


def test_rewinding_drops_what_lies_beyond(tmp_path):
    with start(tmp_path, backups=None) as run:
        for number in range(1, 6):
            keep(run, number)
        run.log([{"step": 99}])
    before = run.log_path.read_text()
    with Run.open(run.folder) as again:
        again.rewind(3)
        assert [number for number, _ in again.frames()] == [1, 2, 3]
        assert run.log_path.read_text() == "".join(before.splitlines(keepends=True)[:3])
        assert again.state().number == 3
    with Run.open(run.folder) as again:
        again.rewind(0)
        assert again.frames() == []
        assert again.state() is None
        assert again.log_path.read_text() == ""
    with Run.open(run.folder) as again, pytest.raises(RunError, match=r"5\.safetensors.*not exist"):
        again.rewind(5)


def test_a_resumed_run_equals_the_one_never_stopped(tmp_path):
    whole = start(tmp_path / "whole", film=FILM, backups=2)
    with whole:
        for number in range(1, 7):
            keep(whole, number)
    with start(tmp_path / "parts", film=FILM, backups=2) as run:
        for number in range(1, 5):
            keep(run, number)
        run.log([{"step": 77}])
    assert ClipSource(run.film_path).length == 4  # the film so far
    with Run.open(run.folder) as run:
        run.rewind(run.state().number)
        for number in (5, 6):
            keep(run, number)
    for name in names(whole.folder):
        if name not in (".lock", "run.json"):
            assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_ctrl_c_keeps_the_film_so_far_and_frees_the_folder(tmp_path):
    def stop():
        with start(tmp_path, film=FILM) as run:
            keep(run, 1)
            keep(run, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    folder = tmp_path / "images_out" / "fox" / "fox"
    assert ClipSource(folder / "fox.mp4").length == 2
    Run.open(folder).close()


def test_an_opened_run_that_is_only_looked_at_is_not_changed(tmp_path):
    with start(tmp_path, film=FILM) as run:
        keep(run, 1)
    run.film_path.unlink()
    before = names(run.folder)
    with Run.open(run.folder) as again:
        again.state()
    assert names(run.folder) == before
    with Run.open(run.folder) as again, pytest.raises(ValueError, match="rewound"):
        keep(again, 2)


def test_a_frame_that_was_lost_is_left_out_of_the_film(tmp_path, caplog):
    with start(tmp_path, film=FILM) as run:
        for number in (1, 2, 3):
            keep(run, number)
    run.frame_path(1).write_bytes(b"damaged")
    run.frame_path(3).unlink()
    with Run.open(run.folder) as again:
        again.rewind(3)
        keep(again, 4)
    assert ClipSource(run.film_path).length == 2
    assert "fox_1.png" in caplog.text
    assert "fox_3.png: is gone" in caplog.text


@pytest.mark.parametrize("call", range(12))
def test_a_full_disk_ends_in_one_line_and_what_was_kept_stands(tmp_path, monkeypatch, call):
    """The disk is full from the given call that writes on, until the run is opened again."""
    with start(tmp_path, film=FILM, backups=2) as run:
        keep(run, 1)
        left = [call]

        def failing(function):
            def wrapper(*args, **kwargs):
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(errno.ENOSPC, "no space left")
                return function(*args, **kwargs)

            return wrapper

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing(os.fsync))
            patch.setattr(Path, "replace", failing(Path.replace))
            try:
                keep(run, 2)
            except RunError as error:
                message = str(error)
                assert "the disk is full" in message
                assert "mutoscope resume " in message
                assert "\n" not in message
                with pytest.raises(ValueError, match="open"):
                    keep(run, 2)
            else:
                assert call >= 8
    assert not [name for name in names(run.folder) if name.endswith(".part")]
    with Run.open(run.folder) as again:
        number = again.state().number
        assert number in (1, 2)
        again.rewind(number)
        for later in range(number + 1, 4):
            keep(again, later)
    assert [n for n, _ in run.frames()] == [1, 2, 3]
    assert len(run.log_path.read_text().splitlines()) == 3
    assert ClipSource(run.film_path).length == 3


def test_a_run_paused_between_frames_goes_on_from_there(tmp_path):
    with start(tmp_path, backups=3) as run:
        keep(run, 1)
        run.pause(tensors={"canvas": picture(77)}, meta={"steps": 7}, records=[{"step": 7}])
        run.log([{"step": 8}])
    lines = run.log_path.read_text().splitlines()[:2]
    with Run.open(run.folder) as again:
        saved = again.state()
        assert (saved.number, saved.meta) == (1, {"steps": 7})
        assert torch.equal(saved.tensors["canvas"], picture(77))
        again.rewind(saved.number)
        assert again.log_path.read_text().splitlines() == lines
        keep(again, 2)
        assert again.state().meta == {"steps": 10}
    assert "state/paused.safetensors" not in names(run.folder)


def test_a_damaged_pause_falls_back_to_the_frame_before(tmp_path, caplog):
    with start(tmp_path) as run:
        keep(run, 1)
        run.pause(tensors={"canvas": picture(77)}, meta={"steps": 7}, records=[{"step": 7}])
    path = run.folder / "state" / "paused.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with Run.open(run.folder) as again:
        assert again.state().meta == {"steps": 5}
        again.rewind(1)
        assert len(again.log_path.read_text().splitlines()) == 1
    assert "paused.safetensors: is damaged" in caplog.text


def test_a_moved_run_can_be_resumed(tmp_path):
    with start(tmp_path) as run:
        keep(run, 1)
    moved = run.folder.rename(tmp_path / "elsewhere")
    with Run.open(moved) as again:
        again.rewind(again.state().number)
        assert keep(again, 2) == moved / "frames" / "fox_2.png"


def test_numbers_only_go_forward(tmp_path):
    with start(tmp_path) as run:
        keep(run, 2)
        with pytest.raises(ValueError, match="forward"):
            keep(run, 2)


def test_a_picture_that_blew_up_is_not_kept(tmp_path):
    with start(tmp_path) as run:
        keep(run, 1)
        with pytest.raises(RunError, match=r"frame 2 can't be kept: .*not numbers.*frame 1 stands"):
            run.keep(2, picture(2) / 0, tensors={})
    assert [number for number, _ in run.frames()] == [1]


def test_a_preview_replaces_the_newest_picture_only(tmp_path):
    with start(tmp_path) as run:
        keep(run, 1)
        run.preview(picture(7))
    assert (load_image(run.latest_path) - picture(7)).abs().max() < 0.003
    assert (load_image(run.frame_path(1)) - picture(1)).abs().max() < 0.003


def test_the_resume_command_is_quoted(tmp_path):
    with start(tmp_path), start(tmp_path) as second, pytest.raises(RunError) as caught:
        second.keep(1, picture(1) / 0, tensors={})
    assert f"mutoscope resume '{second.folder}'" in str(caught.value)


def test_settings_of_gigabytes_are_refused_before_they_are_read(tmp_path):
    with start(tmp_path) as run:
        path = run.folder / "settings.yaml"
        os.truncate(path, 2 * 2**30)  # takes no room on the disk
        with pytest.raises(RunError, match=r"settings\.yaml: .* larger than the 16 MiB"):
            _ = run.settings_text
