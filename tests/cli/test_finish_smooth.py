"""``mutoscope smooth``."""

import pytest

from mutoscope.cli import run
from mutoscope.frames import ClipSource
from mutoscope.images import load_image

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture
def pictures(draw, tmp_path):
    """A folder of four small pictures of noise."""
    (tmp_path / "frames").mkdir()
    for number in range(1, 5):
        draw(f"frames/a_{number}.png", (40, 36), seed=number)
    return tmp_path / "frames"


def test_a_folder_becomes_a_folder_or_a_film(pictures, tmp_path, capsys):
    assert run(["smooth", str(pictures), "-o", str(tmp_path / "calm")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'calm'}\n"
    assert load_image(tmp_path / "calm" / "a_3.png").shape == (1, 3, 36, 40)
    assert run(["smooth", str(pictures), "-o", str(tmp_path / "take_0.5")]) == 0
    assert len(list((tmp_path / "take_0.5").glob("*.png"))) == 4
    film = str(tmp_path / "calm.mkv")
    assert run(["smooth", str(pictures), "-o", film, "--fps", "5", "--alpha", "0"]) == 0
    assert ClipSource(film).rate == 5
    assert len(list(ClipSource(film))) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--buffer", "4"], "a window of 4 frames has no middle"),
        (["--alpha", "2"], "alpha is 2.0; allowed is 0"),
        (["--fps", "5"], "--fps: "),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(pictures, tmp_path, capsys, options, said):
    assert run(["smooth", str(pictures), "-o", str(tmp_path / "calm"), *options]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "calm").exists()


def test_an_unknown_kind_of_film_is_refused(pictures, tmp_path, capsys):
    assert run(["smooth", str(pictures), "-o", str(tmp_path / "calm.xyz")]) == 2
    assert ".mp4" in capsys.readouterr().err
