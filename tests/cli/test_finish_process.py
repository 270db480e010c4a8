"""``mutoscope process``."""

import cv2
import numpy as np
import pytest

from mutoscope.cli import run
from mutoscope.frames import ClipSource
from mutoscope.images import from_bytes, load_image, save_image, to_bytes

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture
def drawings(tmp_path):
    """A folder of three small drawings: a line, left of it a grey of 128."""
    there = tmp_path / "drawings"
    there.mkdir()
    for number in range(3):
        paper = np.full((30, 40, 3), 255, np.uint8)
        paper[:, :8] = 128
        cv2.line(paper, (20 + number, 0), (20 + number, 40), (0, 0, 0), 2)
        save_image(from_bytes(paper), there / f"{number:06d}.png")
    return there


def values(path):
    return to_bytes(load_image(path))


def test_the_old_greys_come_out(drawings, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["process", str(drawings), "-o", str(out), "--invert", "--min-value", "32"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    first = values(out / "000000.png")
    assert [first[10, x].tolist() for x in (20, 2, 35)] == [[255] * 3, [143] * 3, [32] * 3]
    two = ["--bitmap", "--invert", "--min-value", "32", "--overwrite"]
    assert run(["process", str(drawings), "-o", str(out), *two]) == 0
    first = values(out / "000000.png")
    assert [first[10, x].tolist() for x in (20, 2, 35)] == [[255] * 3, [255] * 3, [32] * 3]


def test_the_threshold_says_what_is_paper(drawings, tmp_path):
    picture, out = str(drawings / "000000.png"), str(tmp_path / "out.png")
    assert run(["process", picture, "-o", out, "--bitmap", "--threshold", "127"]) == 0
    assert values(out)[10, 2].tolist() == [255] * 3


def test_regions_are_coloured_and_lines_may_stay(drawings, tmp_path):
    picture, out = str(drawings / "000000.png"), str(tmp_path / "out.png")
    fill = ["--fill", "red, blue", "--threshold", "100", "--by", "area"]
    assert run(["process", picture, "-o", out, *fill]) == 0
    made = values(out)
    assert made[10, 2].tolist() == [255, 0, 0]
    assert made[10, 35].tolist() == [0, 0, 255]
    assert made[10, 20].max() > 100
    assert run(["process", picture, "-o", out, *fill, "--keep-lines", "--overwrite"]) == 0
    assert values(out)[10, 20].max() == 0


def test_a_folder_becomes_a_film(drawings, tmp_path):
    film = str(tmp_path / "out.mkv")
    assert run(["process", str(drawings), "-o", film, "--fill", "teal, gold", "--fps", "5"]) == 0
    source = ClipSource(film)
    assert source.rate == 5
    assert len(list(source)) == 3
    again = str(tmp_path / "again")
    assert run(["process", film, "-o", again, "--invert"]) == 0
    assert len(list((tmp_path / "again").glob("out_*.png"))) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing is to be done"),
        (["--min-value", "300"], "--min-value: 300"),
        (["--threshold", "9"], "--threshold: is for --bitmap or --fill"),
        (["--keep-lines", "--invert"], "--keep-lines: is for colours"),
        (["--each", "--bitmap"], "--each: is for colours"),
        (["--fill", "red", "--min-value", "3"], "--min-value: changes nothing about colours"),
        (["--fill", "red", "--bitmap"], "--bitmap: changes nothing about colours"),
        (["--fill", "rde"], "'rde' is no colour"),
        (["--fill", "red", "--gap", "-1"], "--gap: -1"),
        (["--fill", "red", "--seed", "-1"], "--seed"),
        (["--fill", "none.png"], "none.png: does not exist"),
        (["--invert", "--fps", "5"], "--fps: "),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(drawings, tmp_path, capsys, options, said):
    assert run(["process", str(drawings), "-o", str(tmp_path / "out"), *options]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_is_named(tmp_path, capsys):
    assert run(["process", str(tmp_path / "none"), "-o", str(tmp_path / "out"), "--invert"]) == 2
    assert "none: does not exist" in capsys.readouterr().err
