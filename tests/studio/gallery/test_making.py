import dataclasses
import json
import os
import shlex

import pytest

from mutoscope.errors import MutoscopeError, RunError, SettingsError
from mutoscope.settings import load_settings
from mutoscope.sources import settings_of
from mutoscope.studio.gallery import making, waste
from mutoscope.studio.gallery.catalogue import Catalogue
from mutoscope.studio.queue.jobs import Jobs


@pytest.fixture
def jobs(place):
    return Jobs(place)


@pytest.fixture
def fox(place, small, draw):
    """The entry of a still that is complete, whose settings have a path in the place."""
    folder = place.runs / "fox" / "fox"
    (folder / "frames").mkdir(parents=True)
    settings = load_settings({**small, "file_namespace": "fox"}, base=place.root, quiet=True)
    (folder / "settings.yaml").write_text(settings.to_yaml())
    (folder / "run.json").write_text(json.dumps({"base": "fox"}))
    (folder / "log.jsonl").write_text('{"step": 4, "total": 1.0}\n')
    draw("a.png").rename(folder / "frames" / "fox_1.png")
    return Catalogue(place).all()[0]


@pytest.fixture
def film(fox):
    path = fox.path / "fox.mp4"
    path.write_bytes(b"film")
    return dataclasses.replace(fox, kind="film", film=path)


def test_again_is_the_same_with_another_seed(place, fox, jobs):
    wish = making.again(place, fox, 12)
    assert wish.command == ("render", "images_out/fox/fox/settings.yaml", "seed=12")
    before = settings_of(fox.path / "settings.yaml").to_dict()
    after = settings_of(place.root / wish.command[1], wish.command[2:]).to_dict()
    assert {key for key in after if after[key] != before[key]} == {"seed"}
    assert jobs.job(wish.queue(jobs)).command == wish.command
    assert len({making.again(place, fox).command for _ in range(8)}) > 1


def test_what_says_nothing_of_its_making_is_not_made_again(place, fox):
    mute = dataclasses.replace(fox, kind="finished", settings={})
    with pytest.raises(SettingsError, match="says nothing"):
        making.again(place, mute)


def test_a_contact_sheet_is_a_command_of_the_command_line(fox):
    from mutoscope.sweep.jobs import sweep_of

    wish = making.sheet_of_seeds(fox, 4)
    assert wish.command[:3] == ("image", "--count", "4")
    sweep = sweep_of(wish.command[3], wish.command[4:], count=4)
    assert [job.settings.seed for job in sweep.jobs] == [7, 8, 9, 10]
    assert sweep.jobs[0].settings.script.scenes[0].source == "a fox"


@pytest.mark.parametrize("count", [0, 101])
def test_a_sheet_has_its_limits(fox, count):
    with pytest.raises(SettingsError, match="give 1 to 100"):
        making.sheet_of_seeds(fox, count)


def test_larger_and_smoother_come_to_lie_among_what_is_finished(place, fox, film, jobs):
    assert making.larger(place, fox, 4, jobs).command == (
        "upscale", "images_out/fox/fox/frames/fox_1.png", "-o", "finished/fox-x4.png",
        "--scale", "4",
    )  # fmt: skip
    assert making.larger(place, film, 2, jobs).command[1:4:2] == (
        "images_out/fox/fox/fox.mp4", "finished/fox-x2.mp4",
    )  # fmt: skip
    smooth = making.smoother(place, film, 2, jobs)
    assert smooth.command == (
        "interpolate", "images_out/fox/fox", "-o", "finished/fox-2fold.mp4", "--factor", "2",
    )  # fmt: skip
    with pytest.raises(RunError, match="no film"):
        making.smoother(place, fox, 2, jobs)


def test_no_two_jobs_write_one_file(place, fox, jobs):
    making.larger(place, fox, 4, jobs).queue(jobs)
    assert "finished/fox-x4(2).png" in making.larger(place, fox, 4, jobs).command
    (place.root / "finished" / "fox-x4(2).png").write_bytes(b"")
    assert "finished/fox-x4(3).png" in making.larger(place, fox, 4, jobs).command


@pytest.mark.parametrize(("deed", "number"), [("larger", 5), ("larger", 0), ("smoother", 3)])
def test_only_what_the_command_line_takes(place, film, jobs, deed, number):
    with pytest.raises(SettingsError, match="there are"):
        getattr(making, deed)(place, film, number, jobs)


def test_a_fork_is_a_retake_of_changed_settings(place, fox, jobs):
    text = making.settings_text(fox)
    assert "paths_from" not in text
    assert str(place.root) not in text
    wish = making.fork(place, fox, text.replace("a fox", "an owl"), first=3)
    render, file, *rest = wish.command
    assert (render, rest) == ("render", ["--from", "images_out/fox/fox", "--frames", "3.."])
    settings = load_settings(place.root / file)
    assert settings.script.scenes[0].source == "an owl"
    was = load_settings(fox.path / "settings.yaml", quiet=True)
    assert os.path.realpath(settings.resolve("a.png")) == str(was.resolve("a.png"))
    assert shlex.join(jobs.job(wish.queue(jobs)).command) == shlex.join(wish.command)


def test_a_fork_with_a_mistake_is_refused_in_the_command_lines_words(place, fox):
    with pytest.raises(MutoscopeError, match="did you mean 'width'"):
        making.fork(place, fox, "scenes: a\nwidht: 3\n")


def test_a_fork_without_a_change_is_refused(place, fox):
    with pytest.raises(SettingsError, match="nothing is changed yet"):
        making.fork(place, fox, making.settings_text(fox), first=1)


def test_only_what_was_stopped_is_gone_on_with(fox):
    stopped = dataclasses.replace(fox, state="stopped")
    assert making.go_on(stopped).command == ("resume", "--", "images_out/fox/fox")
    with pytest.raises(RunError, match="nothing to go on with"):
        making.go_on(fox)


# ── the wastebasket ──


def test_what_is_thrown_away_can_be_put_back(place, fox, jobs):
    before = sorted(path.relative_to(place.runs) for path in place.runs.rglob("*"))
    id_ = waste.throw_away(place, fox, jobs)
    assert list(place.runs.iterdir()) == []
    (one,) = waste.wasted(place)
    assert (one.id, one.name, one.title) == (id_, "images_out/fox/fox", "a fox")
    assert waste.restore(place, id_) == "images_out/fox/fox"
    assert sorted(path.relative_to(place.runs) for path in place.runs.rglob("*")) == before
    assert waste.wasted(place) == []


def test_what_is_worked_on_is_not_thrown_away(place, fox, jobs):
    with pytest.raises(RunError, match="stop it first"):
        waste.throw_away(place, dataclasses.replace(fox, state="running"), jobs)
    making.again(place, fox).queue(jobs)  # it waits, and will read the settings
    with pytest.raises(RunError, match="stop it first"):
        waste.throw_away(place, fox, jobs)
    assert fox.path.is_dir()


def test_nothing_is_put_back_over_something_else(place, fox, jobs):
    id_ = waste.throw_away(place, fox, jobs)
    fox.path.mkdir(parents=True)
    with pytest.raises(RunError, match="another of that name"):
        waste.restore(place, id_)
    assert len(waste.wasted(place)) == 1


def test_a_basket_that_leads_out_of_the_place_is_refused(place, fox, jobs):
    id_ = waste.throw_away(place, fox, jobs)
    was = place.own / "waste" / id_ / "was.json"
    was.write_text(json.dumps({"name": "../out", "title": "x", "when": 1}))
    with pytest.raises(MutoscopeError, match="not a name within"):
        waste.restore(place, id_)
    with pytest.raises(RunError, match="not in the wastebasket"):
        waste.restore(place, "../../uploads")


def test_emptying_deletes_for_good(place, fox, jobs):
    waste.throw_away(place, fox, jobs)
    assert waste.empty(place) == 1
    assert waste.wasted(place) == []
    assert list((place.own / "waste").iterdir()) == []
