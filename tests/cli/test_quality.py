"""quality: runs, films and folders measured."""

import json

import pytest

from mutoscope.images import load_image, save_image


@pytest.fixture
def run(call, film, here):
    """The folder of a painted run."""
    assert call("render", film)[0] == 0
    return here / "images_out/toy/toy"


def test_a_run_is_measured_and_its_report_lies_in_its_folder(call, run):
    frame = run / "frames/toy_3.png"
    save_image(load_image(frame) * 0, frame)
    code, out, err = call("quality", run)
    assert (code, err) == (0, [])
    assert out[0].startswith("toy: 4 frames")
    assert any("frame" in line and "3" in line and "black" in line for line in out)
    assert any(line.startswith("scene 1  a fox") for line in out)
    assert out[-1] == str(run / "quality.png")
    told = json.loads((run / "quality.json").read_text())
    assert told["worst"][0]["frame"] == 3


def test_weights_that_follow_the_sound_are_taken_out(call, film, here, play):
    sound = play("a.wav", hertz=60)
    assert call("render", film, f"input_audio={sound}", "scenes=a fox:1+loudness")[0] == 0
    code, _, err = call("quality", "images_out/toy/toy")
    assert (code, err) == (0, [])
    told = json.loads((here / "images_out/toy/toy/quality.json").read_text())
    assert told["prompts"][0]["agreement"]["mean"] is not None
    sound.unlink()
    code, _, err = call("quality", "images_out/toy/toy")
    assert code == 0
    assert len(err) == 1
    assert "compared with themselves only" in err[0]
    told = json.loads((here / "images_out/toy/toy/quality.json").read_text())
    assert told["prompts"][0]["agreement"]["mean"] is None


def test_json_on_stdout_is_what_is_written(call, run, here):
    code, out, _ = call("quality", run, "--json", "-o", here / "told")
    assert code == 0
    assert json.loads("\n".join(out)) == json.loads((here / "told/quality.json").read_text())


def test_a_film_file_is_measured_and_nothing_is_written(call, run, here):
    before = sorted(here.rglob("*"))
    code, out, err = call("quality", run / "toy.mp4", "--loop")
    assert (code, err) == (0, [])
    assert out[0].startswith("toy.mp4: 4 frames")
    assert any(line.startswith("loop seam") for line in out)
    assert not any(line.startswith("scene") for line in out)
    assert sorted(here.rglob("*")) == before


def test_a_folder_of_pictures(call, here, draw):
    (here / "p").mkdir()
    for number in (2, 10, 3):
        draw(f"p/a_{number}.png", (48, 40), seed=number)
    draw("p/a_11.png", (48, 40), colour=(255, 255, 255))
    code, out, _ = call("quality", "p", "--fps", "2")
    assert code == 0
    assert out[0] == "p: 4 frames, 2.0 s at 2 a second, 48 × 40"
    (white,) = [line for line in out if line.endswith("white")]
    assert white.split()[:3] == ["frame", "11", "1.50"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["missing"], "missing"),
        (["empty"], "holds no picture"),
        (["a.txt"], "a.txt"),
        (["p", "--fps", "0"], "--fps"),
        (["p", "-o", "a.txt"], "a.txt"),
    ],
)
def test_what_cannot_be_measured_is_one_line(refused, here, draw, words, says):
    (here / "empty").mkdir()
    (here / "p").mkdir()
    draw("p/a_1.png", (40, 40))
    (here / "a.txt").write_text("words")
    assert says in refused("quality", *words)


def test_a_film_has_its_own_rate(call, refused, run):
    assert "own rate, 12" in refused("quality", run / "toy.mp4", "--fps", "5")


def test_a_run_that_has_kept_nothing_yet_is_told_so(refused, run):
    for frame in (run / "frames").iterdir():
        frame.unlink()
    assert "has kept no frame yet" in refused("quality", run)
