"""`mutoscope render --from` and `--frames`, as they are typed."""

import hashlib
import signal
import time

import pytest

from mutoscope.images import load_image
from mutoscope.run import Run

RUN, NEW = "images_out/toy/toy", "images_out/toy/toy(1)"
SHIP = "scenes=a fox || a ship"
CLOCKED = ("run.json", ".lock")


@pytest.fixture
def take(call, film, here):
    """A run of 4 frames whose states are all kept."""
    film.write_text(film.read_text() + "backups: all\n")
    assert call("render", film)[0] == 0
    return here / RUN


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def pixels(folder):
    return [load_image(path).numpy().tobytes() for path in sorted(folder.glob("frames/*.png"))]


def test_a_changed_scene_is_painted_anew_and_all_before_it_stands(call, film, take, here):
    before = digests(take)
    code, out, err = call("render", film, "--from", RUN, SHIP)
    assert (code, out) == (0, [f"{NEW}/toy(1).mp4"])
    assert err[0] == (
        f"frames 1-2 of {RUN} stand "
        "(the change begins at frame 3, t = 0.1 s: scenes); 2 frames to paint"
    )
    assert digests(take) == before
    assert call("render", film, SHIP, "file_namespace=full")[0] == 0
    assert pixels(here / NEW) == pixels(here / "images_out/full/full")
    assert pixels(here / NEW)[:2] == pixels(take)[:2]


def test_nothing_is_made_where_nothing_differs(call, film, take, here):
    code, out, err = call("render", film, "--from", RUN, "film_quality=30")
    assert (code, out) == (0, [])
    assert "nothing that is painted differs" in err[0]
    assert f"mutoscope resume {RUN}" in err[0]
    assert not (here / NEW).exists()


def test_a_seed_that_nobody_wrote_is_the_runs(call, film, take, here):
    film.write_text(film.read_text().replace("seed: 7\n", "").replace("a boat", "a ship"))
    code, _, err = call("render", film, "--from", RUN)
    assert code == 0
    assert err[0] == f"seed 7, which {film} leaves open, as in {RUN}"
    assert err[1].startswith(f"frames 1-2 of {RUN} stand")


def test_the_old_take_is_kept_whatever_may_be_overwritten(call, film, take, here):
    before = digests(take)
    assert call("render", film, "--from", RUN, SHIP, "allow_overwrite=true")[0] == 0
    assert digests(take) == before
    assert len(pixels(here / NEW)) == 4


def test_frames_in_the_middle(call, film, take, here):
    code, out, err = call("render", film, "--from", RUN, "--frames", "3..3", "smoothing_weight=3")
    assert (code, out) == (0, [f"{NEW}/toy(1).mp4"])
    assert err[0] == (
        f"frames 1-2 of {RUN} stand (the change begins at frame 1, t = -0.1 s: "
        "smoothing_weight; frames 1-2 are the old take's although it touches them); "
        "1 frame to paint"
    )
    assert err[-1].endswith(f"stopped after 9 of 12 steps; go on with: mutoscope resume '{NEW}'")
    assert len(pixels(here / NEW)) == 3
    assert pixels(here / NEW)[:2] == pixels(take)[:2]
    assert pixels(here / NEW)[2] != pixels(take)[2]
    assert call("resume", NEW)[0] == 0
    assert len(pixels(here / NEW)) == 4


def test_frames_up_to_one_and_then_the_rest(call, film, take, here):
    assert call("render", film, "--frames", "..2")[:2] == (0, [f"{NEW}/toy(1).mp4"])
    assert len(pixels(here / NEW)) == 2
    assert call("resume", NEW, "--frames", "..3")[0] == 0
    assert len(pixels(here / NEW)) == 3
    assert call("resume", NEW)[0] == 0
    assert pixels(here / NEW) == pixels(take)
    log = (here / NEW / "log.jsonl").read_text()
    assert log == (take / "log.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frames", "3..4"], "begins at frame 3, and what comes before it"),
        (["--frames", "..9"], "frames 1 to 4 only"),
        (["--frames", "x"], "no stretch of frames"),
        (["--from", "nowhere"], "does not exist"),
        (["--from", RUN, "--frames", "..2", SHIP], "the change begins at frame 3"),
        (["--from", RUN, "--frames", "3..", "image_model=Fourier"], "was painted with"),
        (["--from", RUN, "--frames", "3..", "width=48"], "another canvas"),
    ],
)
def test_refused(refused, film, take, arguments, words):
    assert words in refused("render", film, *arguments)


def test_resume_goes_on_where_it_is(refused, call, film, here):
    assert call("render", film, "--frames", "..2")[0] == 0
    assert "which is painted already" in refused("resume", RUN, "--frames", "..2")
    assert "write ..4" in refused("resume", RUN, "--frames", "3..4")


def test_a_run_that_is_painted_gives_nothing(refused, film, take):
    with Run.open(take):
        assert "is in use by process" in refused("render", film, "--from", RUN, SHIP)


@pytest.mark.slow
def test_killed_at_any_moment_it_resumes_or_is_not_there(call, film, take, here, nursery):
    before = digests(take)
    assert call("render", film, SHIP, "file_namespace=full")[0] == 0
    full = pixels(here / "images_out/full/full")
    for wait in (0.0, 0.004, 0.01, 0.02, 0.04, 0.08):
        nursery.begin("render", film, "--from", RUN, SHIP)
        nursery.until((here / NEW).exists)
        time.sleep(wait)
        nursery.signal(signal.SIGKILL)
        nursery.ended()
        if call("resume", NEW)[0] == 0:
            assert pixels(here / NEW) == full
        assert call("render", film, "--from", RUN, SHIP)[0] == 0
        newest = max((here / "images_out/toy").iterdir(), key=lambda p: p.stat().st_mtime_ns)
        assert pixels(newest) == full
        for path in (here / "images_out/toy").iterdir():
            if path != take:
                path.rename(here / f"done-{wait}-{path.name}")
    after = digests(take)
    assert {k: v for k, v in after.items() if k not in CLOCKED} == {
        k: v for k, v in before.items() if k not in CLOCKED
    }
