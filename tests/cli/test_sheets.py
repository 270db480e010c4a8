"""Sheets: image --count and --explore, resume, render and show, as a user types them."""

import random
import shlex
import signal
import time
from contextlib import contextmanager

import pytest

from mutoscope.cli import sheets
from mutoscope.cli.sheets import SheetDisplay
from mutoscope.images import load_image
from mutoscope.provenance import read_recipe

GRID = ["image", "--explore", "{fox,owl} at {dawn,night}"]


@pytest.fixture
def stop_after(monkeypatch):
    """Ctrl-C after some steps."""

    def stop(steps):
        done = 0

        @contextmanager
        def stopping():
            def asked():
                nonlocal done
                done += 1
                return done >= steps

            yield asked

        monkeypatch.setattr(sheets, "stopping", stopping)

    yield stop
    monkeypatch.undo()


def test_some_seeds(call, here, small):
    code, out, err = call("image", "a red fox", "--count", "3", *small)
    assert (code, out) == (0, ["images_out/a-red-fox/sheet.png"])
    folders = sorted(path.parent.parent.name for path in here.glob("images_out/*/*/frames/*.png"))
    assert folders == [f"{k}-seed-{k + 6}" for k in range(1, 4)]
    assert len([line for line in err if line.startswith("plan: ")]) == 1
    assert "3 pictures" in err[0]
    assert err[0].startswith("plan: ")


def test_words_in_rows_and_columns(call, here, small):
    code, out, _ = call(*GRID, "-o", "grid.jpg", *small)
    assert (code, out) == (0, ["grid.jpg"])
    kept = here / "images_out/fox-owl-at-dawn-night/sheet.png"
    assert load_image(here / "grid.jpg").shape == load_image(kept).shape
    assert read_recipe(here / "grid.jpg") == read_recipe(kept)
    assert len(list(here.glob("images_out/*/*/frames/*.png"))) == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a {b,c", "--explore"], "prompt, column 3"),
        (["a fox", "--explore"], "nothing in braces"),
        (["a fox", "--count", "0"], "0"),
        (["a fox", "--count", "101"], "101"),
        (["a fox", "--count", "many"], "many"),
        (["a {b,c}", "--explore", "stepz={1,2}"], "steps_per_"),
        (["a {b,c}", "--explore", "-o", "no/x.png"], "there is no folder no"),
        (["a {b,c}", "--explore", "-o", "x.gif"], ".png, .jpg"),
        (["a | b:{1,x}", "--explore"], "'x'"),
        (["a", "{b,c}", "--explore"], "stands in quotes"),
        (["{1..17} {1..17}", "--explore"], "at most 256"),
        (["[{a,b}.png]", "--explore"], "a.png"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(refused, small, words, says):
    assert says in refused("image", *words, *small)


def test_braces_without_the_option_are_noticed(call, small):
    _, _, err = call("image", "a {fox,owl}", *small)
    assert "--explore" in err[0]
    _, _, err = call("image", "a {fox}", *small)
    assert err[0].startswith("plan: ")


# It is asked for after each of the four steps of a picture, and between two pictures.
@pytest.mark.parametrize(("asked", "done"), [(1, 0), (5, 1), (7, 1)])
def test_a_stopped_sheet_says_how_to_go_on_and_does(call, here, small, stop_after, asked, done):
    words = ["image", "--explore", "{fox,owl}", *small]
    call(*words, "file_namespace=whole")
    stop_after(asked)
    code, out, err = call(*words)
    assert (code, out) == (130, [])
    assert err[-1].startswith(f"stopped after {done} of 2 pictures; go on with: mutoscope ")
    stop_after(99)
    code, out, err = call(*shlex.split(err[-1].partition("go on with: mutoscope ")[2]))
    assert (code, out) == (0, ["images_out/fox-owl/sheet.png"])
    assert f"{2 - done} picture" in err[0]
    assert load_image(here / out[0]).equal(load_image(here / "images_out/whole/sheet.png"))
    for path in (here / "images_out/whole").glob("*/log.jsonl"):
        other = here / "images_out/fox-owl" / path.parent.name / path.name
        assert other.read_bytes() == path.read_bytes()


def test_a_complete_sheet_is_left_alone(call, here, small, monkeypatch):
    from mutoscope.crew import painting

    _, (sheet,), _ = call("image", "--count", "1", "a fox", *small)
    before = (here / sheet).read_bytes()
    monkeypatch.setattr(painting, "build", lambda *_, **__: pytest.fail("a network was loaded"))
    code, out, err = call("resume", (here / sheet).parent)
    assert (code, [here / line for line in out]) == (0, [here / sheet])
    assert err == [f"{(here / sheet).parent}: is complete; there is nothing left to do"]
    assert (here / sheet).read_bytes() == before


def test_a_picture_that_blows_up_is_told_of_and_the_sheet_made(call, here, small):
    code, out, err = call("image", "--explore", "a fox:{10**(20*step),1}", *small)
    assert (code, out) == (2, ["images_out/a-fox/sheet.png"])
    assert any("the loss of" in line for line in err)
    assert err[-1] == "1 of 2 pictures could not be made; their places are plain"
    assert len(list(here.glob("images_out/*/*/frames/*.png"))) == 1


def test_the_command_that_is_shown_makes_the_sheet_again(call, here, small):
    prompt = "-a {fox, owl} | it's"
    _, (sheet,), _ = call("image", "--explore", "--count", "2", "--", prompt, *small)
    code, out, err = call("show", sheet)
    assert (code, err) == (0, [])
    assert "# sheet, axis 1: fox | owl" in out
    assert "# sheet, axis 2: seed=7 | seed=8" in out
    command = shlex.split("\n".join(out[out.index("") + 1 :]))
    assert command[:2] == ["mutoscope", "image"]
    _, (again,), _ = call(*command[1:])
    assert again != sheet
    assert load_image(here / again).equal(load_image(here / sheet))


def test_a_sheet_is_rendered_again_from_its_recipe_and_with_changes(call, here, small):
    _, (sheet,), _ = call("image", "--explore", "{fox,owl}", *small)
    code, (again,), _ = call("render", sheet)
    assert code == 0
    assert load_image(here / again).equal(load_image(here / sheet))
    _, (larger,), _ = call("render", sheet, "width=200", "height=200")
    assert load_image(here / larger).shape[-1] > load_image(here / sheet).shape[-1]


def test_the_line_says_which_picture():
    display = SheetDisplay(40, device=None)
    display.picture(3, 9)
    assert display.line().startswith("picture 3 of 9 · step 0 of 40")


# ── kill -9 ──


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(call, here, small, nursery, contents):
    words = ["image", "--explore", "{fox,owl,hen}", *small, "steps_per_scene=24", "save_every=4"]
    folder = here / "images_out/fox-owl-hen"

    def lines():
        return sum(path.read_bytes().count(b"\n") for path in folder.glob("*/log.jsonl"))

    call(*words)
    whole = contents(folder, "run.json")
    folder.rename(here / "whole")

    chance = random.Random(3)  # noqa: S311
    nursery.begin(*words)
    for _ in range(4):
        goal = lines() + 4
        nursery.until(lambda goal=goal: lines() >= goal)
        time.sleep(chance.uniform(0, 0.02))
        nursery.signal(signal.SIGKILL)
        assert nursery.ended()[0] == -signal.SIGKILL
        nursery.begin("resume", folder)
    assert nursery.ended()[0] == 0
    assert contents(folder, "run.json") == whole
