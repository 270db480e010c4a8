"""The pictures of a sheet: what they are, and their folder, however it was stopped."""

import json
import os
import shutil

import pytest

import mutoscope
from mutoscope.crew.task import CrewWatch, Outcome
from mutoscope.errors import MutoscopeError, RunError, SettingsError
from mutoscope.images import load_image
from mutoscope.lock import FolderLock
from mutoscope.provenance import read_recipe
from mutoscope.run import Run
from mutoscope.sweep import folder as sweeping
from mutoscope.sweep.folder import SheetFolder, is_sheet
from mutoscope.sweep.jobs import Sweep, command_of, sweep_of, sweep_of_axes, sweep_of_recipe
from mutoscope.sweep.outlook import foresee
from mutoscope.sweep.results import Results
from mutoscope.sweep.sweeping import make_swept

pytestmark = pytest.mark.usefixtures("single_thread")

SMALL = ["perceptors=tiny", "width=32", "height=32", "steps_per_scene=4", "cutouts=2"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(sweep, here, *, stop_after=None):
    """Begin a sheet and make its pictures, or the first of them; its folder."""
    with SheetFolder.start(here, sweep) as sheet:
        for index in sheet.unfinished()[:stop_after]:
            for _ in sheet.paint(index, {}):
                pass
        return sheet.folder


def resumed(folder):
    return mutoscope.resume(folder)


def contents(folder):
    """Every file but those that tell when and by whom."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.json", ".lock")
    }


# ── what is made ──


def test_seeds_follow_one_another_and_all_else_is_the_same():
    sweep = sweep_of("a fox", [*SMALL, "seed=7"], count=3)
    assert [job.settings.seed for job in sweep.jobs] == [7, 8, 9]
    assert sweep.axes == (("seed=7", "seed=8", "seed=9"),)
    assert [job.name for job in sweep.jobs] == ["1-seed-7", "2-seed-8", "3-seed-9"]
    assert len({job.settings.replace(seed=0).to_yaml() for job in sweep.jobs}) == 1
    assert sweep.name == sweep.jobs[0].settings.file_namespace == "a-fox"


def test_a_seed_that_nobody_gave_is_written_down():
    sweep = sweep_of("a fox", SMALL, count=2)
    first, second = (job.settings.seed for job in sweep.jobs)
    assert second == first + 1
    assert sweep_of("a fox", SMALL, count=2).jobs[0].settings.seed != first


def test_only_the_words_differ_when_they_are_explored():
    sweep = sweep_of("{fox,owl} at {dawn,night}", SMALL, explored=True)
    assert [job.settings.scenes for job in sweep.jobs] == [
        "fox at dawn", "fox at night", "owl at dawn", "owl at night",
    ]  # fmt: skip
    assert len({job.settings.seed for job in sweep.jobs}) == 1
    assert [job.name for job in sweep.jobs] == ["1-fox-dawn", "2-fox-night", "3-owl-dawn",
                                                "4-owl-night"]  # fmt: skip


def test_settings_and_seeds_are_further_axes():
    sweep = sweep_of("{a,b}", [*SMALL, "seed=5", "learning_rate={0.1,0.2}"], count=2, explored=True)
    assert sweep.axes == (
        ("a", "b"), ("learning_rate=0.1", "learning_rate=0.2"), ("seed=5", "seed=6"),
    )  # fmt: skip
    assert [(j.settings.scenes, j.settings.learning_rate, j.settings.seed) for j in sweep.jobs] == [
        (scenes, rate, seed) for scenes in "ab" for rate in (0.1, 0.2) for seed in (5, 6)
    ]


def test_braces_are_words_where_nothing_is_explored():
    assert sweep_of("a {b,c}", SMALL, count=1).jobs[0].settings.scenes == "a {b,c}"


@pytest.mark.parametrize(
    ("prompt", "changes", "asked", "says"),
    [
        ("a", [], {"count": 0}, "1 to 100"),
        ("a", [], {"count": 101}, "1 to 100"),
        ("{1..16}", [], {"count": 17, "explored": True}, "16 × 17 = 272"),
        ("a", ["seed={1,2}"], {"count": 2, "explored": True}, "seed"),
        ("a", ["file_namespace={x,y}"], {"explored": True}, "file_namespace"),
        ("a", ["allow_overwrite={true,false}"], {"explored": True}, "allow_overwrite"),
        ("a", ["animation_mode=2D"], {"count": 2}, "stills"),
        ("a | b:{1,x}", [], {"explored": True}, "'x'"),
        ("{a,}", [], {"explored": True}, "no prompt"),
        ("a", ["stepz_per_scene={1,2}"], {"explored": True}, "steps_per_scene"),
        ("a", [f"seed={2**64 - 1}"], {"count": 2}, "seed"),
        ("a", ["width={32,8}"], {"explored": True}, "width"),
        ("a {b", [], {"explored": True}, "column 3"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(prompt, changes, asked, says):
    rest = [one for one in SMALL if not changes or one.split("=")[0] != changes[0].split("=")[0]]
    with pytest.raises(MutoscopeError) as refused:
        sweep_of(prompt, [*rest, *changes], **asked)
    assert says in str(refused.value)


def test_a_file_gives_back_what_was_written(here):
    sweep = sweep_of(
        "夜 {a,b}", [*SMALL, "seed=5", "image_model={Fourier,Limited Palette}"], explored=True
    )
    (here / "sheet.json").write_text(sweep.to_json())
    assert Sweep.read(here / "sheet.json") == sweep


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.update(program="other"),
        lambda told: told.update(format=99),
        lambda told: told["jobs"].pop(),
        lambda told: told["jobs"][0].update(name="../../x"),
        lambda told: told["jobs"][0].update(name=told["jobs"][1]["name"]),
        lambda told: told.update(name="../x"),
        lambda told: told.pop("settings"),
        lambda told: told["settings"].update(width=1),
        lambda told: told.update(axes=3),
        lambda told: told.update(prompt=[1]),
    ],
)
def test_a_damaged_file_is_refused(here, spoil):
    told = json.loads(sweep_of("a fox", SMALL, count=2).to_json())
    spoil(told)
    (here / "sheet.json").write_text(json.dumps(told))
    with pytest.raises(RunError, match=r"sheet\.json: "):
        Sweep.read(here / "sheet.json")


@pytest.mark.parametrize(
    ("prompt", "changes", "asked"),
    [
        ("a fox", ["seed=5"], {"count": 3}),
        ("-a fox | it's:{0.5,1}", ["contrast_weight=0"], {"explored": True}),
        ("a {b,c}", ["learning_rate={0.1..0.3}", "seed={1,2}"], {"explored": True}),
        ("{a,b}", ["scene_suffix=| \\{c\\, d\\}"], {"count": 2, "explored": True}),
        ("a {b,c}", ["scene_suffix=| {c, d}"], {"count": 2}),
    ],
)
def test_the_recipe_makes_the_same_pictures(prompt, changes, asked):
    from mutoscope.provenance import parse_recipe, recipe_text

    sweep = sweep_of(prompt, [*SMALL, *changes], **asked)
    recipe = parse_recipe(recipe_text(sweep.recipe()), "here")
    again = sweep_of_recipe(recipe)
    assert [job.settings for job in again.jobs] == [job.settings for job in sweep.jobs]
    assert (again.axes, again.name) == (sweep.axes, sweep.name)
    assert command_of(recipe).startswith("mutoscope image ")


def test_a_recipe_with_changes():
    sweep = sweep_of("{a,b}", [*SMALL, "learning_rate={0.1,0.2}"], explored=True)
    again = sweep_of_recipe(sweep.recipe(), ["learning_rate=0.3", "width=64"])
    assert [(job.settings.learning_rate, job.settings.width) for job in again.jobs] == [
        (0.3, 64), (0.3, 64),
    ]  # fmt: skip


def test_a_pictures_recipe_is_no_sheet():
    sweep = sweep_of("a fox", SMALL, count=1)
    recipe = {**sweep.recipe()}
    del recipe["sheet"]
    assert sweep_of_recipe(recipe) is None


@pytest.mark.parametrize("told", [3, {}, {"prompt": 1, "count": None, "explored": 1, "tried": []}])
def test_a_forged_recipe_is_refused(told):
    recipe = sweep_of("a fox", SMALL, count=1).recipe()
    with pytest.raises(SettingsError, match="damaged"):
        sweep_of_recipe({**recipe, "sheet": told})


# ── the folder ──


def test_each_picture_is_the_one_that_is_made_alone(here):
    sheet = mutoscope.contact_sheet(
        "{a fox,a boat}", explore=True, count=2, out=here,
        perceptors="tiny", width=32, height=32, steps_per_scene=4, cutouts=2, seed=7,
    )  # fmt: skip
    assert sheet.folder == here / "images_out/a-fox-a-boat"
    assert sheet.axes == (("a fox", "a boat"), ("seed=7", "seed=8"))
    alone = mutoscope.image(
        "a boat", perceptors="tiny", width=32, height=32, steps_per_scene=4, cutouts=2, seed=8
    )
    assert load_image(sheet.pictures[3]).mul(255).round().equal(alone.tensor.mul(255).round())
    assert sheet._repr_png_() == sheet.path.read_bytes()
    assert read_recipe(sheet.path)["sheet"]["prompt"] == "{a fox,a boat}"
    for path in sheet.pictures:
        assert (path.parents[1] / "settings.yaml").exists()
        assert (path.parents[1] / "log.jsonl").read_bytes().count(b"\n") == 4


def test_the_sheet_grows_with_every_picture(here):
    seen = []
    with SheetFolder.start(here, sweep_of("a fox", [*SMALL, "seed=1"], count=3)) as sheet:
        seen.append(sheet.path.read_bytes())
        for index in range(3):
            for _ in sheet.paint(index, {}):
                pass
            seen.append(sheet.path.read_bytes())
            assert sheet.unfinished() == list(range(index + 1, 3))
    assert len(set(seen)) == 4
    assert load_image(sheet.path).shape[1] == 3


def test_networks_are_loaded_once(here, monkeypatch):
    from mutoscope.build import parts

    loads = []
    load = parts.load_perceptor
    monkeypatch.setattr(
        parts, "load_perceptor", lambda name, **more: loads.append(name) or load(name, **more)
    )
    mutoscope.contact_sheet(
        "a fox", count=3, out=here, perceptors="tiny", width=32, height=32, steps_per_scene=2
    )
    assert loads == ["tiny"]


def test_no_sheet_overwrites_another(here):
    sweep = sweep_of("a fox", [*SMALL, "seed=1"], count=1)
    folders = [made(sweep, here) for _ in range(3)]
    assert [folder.name for folder in folders] == ["a-fox", "a-fox(1)", "a-fox(2)"]
    assert contents(folders[0]) == contents(folders[2])


def test_a_sheet_does_not_mix_with_other_runs(here):
    (here / "images_out/a-fox/a-fox").mkdir(parents=True)
    (here / "images_out/a-fox(1)").write_text("a file")
    assert made(sweep_of("a fox", SMALL, count=1), here, stop_after=0).name == "a-fox(2)"


def test_overwriting_where_it_may(here):
    more = [*SMALL, "seed=1", "allow_overwrite=true"]
    folder = made(sweep_of("a fox", more, count=3), here)
    (folder / "mine.txt").write_text("mine")
    (folder / "1-seed-1/mine.txt").write_text("mine")
    again = made(sweep_of("a fox", [*more, "steps_per_scene=5"], count=2), here)
    assert again == folder
    assert sorted(path.name for path in folder.iterdir() if path.name != ".lock") == [
        "1-seed-1", "2-seed-2", "mine.txt", "sheet.json", "sheet.png",
    ]  # fmt: skip
    assert (folder / "1-seed-1/mine.txt").exists()
    assert (folder / "1-seed-1/log.jsonl").read_bytes().count(b"\n") == 5


def test_what_is_not_ours_is_not_overwritten(here):
    more = [*SMALL, "seed=1", "allow_overwrite=true"]
    folder = here / "images_out/a-fox"
    folder.mkdir(parents=True)
    (folder / "sheet.png").write_bytes(b"mine")
    with pytest.raises(RunError, match="nothing is overwritten"):
        made(sweep_of("a fox", more, count=1), here)
    (folder / "sheet.png").unlink()
    (folder / "1-seed-1").mkdir()
    (folder / "1-seed-1/settings.yaml").write_text("mine")
    with pytest.raises(RunError, match="nothing is overwritten"):
        made(sweep_of("a fox", more, count=1), here)
    assert (folder / "1-seed-1/settings.yaml").read_text() == "mine"
    assert not is_sheet(folder)


def test_an_older_sheet_stays_while_one_of_its_runs_is_in_use(here):
    more = [*SMALL, "seed=1", "allow_overwrite=true"]
    folder = made(sweep_of("a fox", more, count=2), here)
    before = contents(folder)
    lock = FolderLock(folder / "2-seed-2")
    with pytest.raises(RunError, match="in use"):
        made(sweep_of("a fox", [*more, "steps_per_scene=5"], count=1), here)
    lock.release()
    assert contents(folder) == before


def test_a_sheet_in_use_is_refused(here):
    sheet = SheetFolder.start(here, sweep_of("a fox", SMALL, count=1))
    with pytest.raises(RunError, match="in use"):
        SheetFolder.open(sheet.folder)
    sheet.close()
    SheetFolder.open(sheet.folder).close()


def test_what_cannot_be_written_leaves_nothing(here, monkeypatch):
    (here / "images_out").write_text("in the way")
    with pytest.raises(RunError, match="images_out"):
        made(sweep_of("a fox", SMALL, count=1), here)
    (here / "images_out").unlink()

    def full(*_, **__):
        raise OSError(28, "full")

    monkeypatch.setattr(sweeping.atomic, "write_bytes", full)
    with pytest.raises(RunError, match="the disk is full"):
        made(sweep_of("a fox", SMALL, count=1), here)
    assert list((here / "images_out").iterdir()) == []


# ── going on ──


@pytest.fixture
def whole(here):
    """A sheet that was never stopped, and its contents."""
    sweep = sweep_of("a fox", [*SMALL, "seed=1", "save_every=2"], count=3)
    return sweep, contents(made(sweep, here / "whole"))


@pytest.mark.parametrize("finished", [0, 1, 3])
def test_it_goes_on_with_what_is_missing(here, whole, finished):
    sweep, expected = whole
    folder = made(sweep, here, stop_after=finished)
    times = {path: path.stat().st_mtime_ns for path in folder.glob("*/frames/*.png")}
    assert resumed(folder) == folder
    assert contents(folder) == expected
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_it_goes_on_within_a_picture(here, whole):
    sweep, expected = whole
    with SheetFolder.start(here, sweep) as sheet:
        painting = sheet.paint(0, {})
        next(painting)
        painting.close()
        assert sheet.unfinished() == [0, 1, 2]
        assert sheet.picture(0) is None
    resumed(sheet.folder)
    assert contents(sheet.folder) == expected


@pytest.mark.parametrize(
    "lost", ["1-seed-1", "2-seed-2/losses.png", "sheet.png", "3-seed-3/run.json"]
)
def test_what_was_lost_is_made_again(here, whole, lost):
    sweep, expected = whole
    folder = made(sweep, here)
    (shutil.rmtree if (folder / lost).is_dir() else os.unlink)(folder / lost)
    resumed(folder)
    assert contents(folder) == expected


def test_a_film_of_a_sheet_that_was_not_measured_is_measured_later(here, monkeypatch):
    asked = [*SMALL, "animation_mode=2D", "frames_per_second=6", "steps_per_frame=2", "seed=1,2"]
    folder = made(sweep_of_axes(None, asked, prompt="a fox"), here)
    names = [job.name for job in Sweep.read(folder / "sheet.json").jobs]
    expected = contents(folder)
    (folder / names[0] / "quality.png").unlink()
    with SheetFolder.open(folder) as sheet, monkeypatch.context() as patch:
        assert (sheet.unfinished(), sheet.left()) == ([], [0])
        patch.setattr("mutoscope.perform.keep_quality", lambda *_, **__: None)  # as if it failed
        for _ in sheet.paint(0, {}):
            pass
        assert sheet.picture(0) is not None
        assert (sheet.unfinished(), sheet.left()) == ([], [0])
    with SheetFolder.open(folder) as sheet:
        for _ in sheet.paint(0, {}):
            pass
        assert sheet.left() == []
    assert contents(folder) == expected


def test_a_picture_whose_process_was_killed_after_its_last_step_gets_its_plot(here, whole):
    sweep, expected = whole
    folder = made(sweep, here)
    # As a plot of its beginning, which an earlier stop had drawn, would still be there.
    (folder / "2-seed-2" / "losses.png").write_bytes(b"that of the first steps")
    (folder / "2-seed-2" / ".lock").write_text("12345\n")
    resumed(folder)
    assert contents(folder) == expected
    assert (folder / "2-seed-2" / ".lock").read_text() == ""


def test_a_job_that_a_worker_without_a_caller_finishes_meanwhile_is_on_the_page(here, monkeypatch):
    folder = made(sweep_of_axes(None, [*SMALL, "seed=1,2"], prompt="a fox"), here)
    names = [job.name for job in Sweep.read(folder / "sheet.json").jobs]
    held, write = folder / names[0] / ".lock", Results.write
    held.write_text("12345\n")

    def written(results):
        held.write_text("")  # it lets go
        write(results)

    class AtOnce:
        def work(self, tasks, *, watch):
            return (Outcome(task, None, 1, 0.1) for task in tasks)

    monkeypatch.setattr(Results, "write", written)
    with SheetFolder.open(folder) as sheet:
        list(make_swept(sheet, AtOnce(), watch=CrewWatch()))
    assert {path.stem for path in folder.glob("thumbs/*.jpg")} == set(names)


def test_one_picture_may_be_gone_on_with_by_itself(here, whole):
    sweep, expected = whole
    with SheetFolder.start(here, sweep) as sheet:
        painting = sheet.paint(0, {})
        next(painting)
        painting.close()
    mutoscope.resume(sheet.folder / "1-seed-1")
    with SheetFolder.open(sheet.folder) as again:
        assert again.unfinished() == [1, 2]
    resumed(sheet.folder)
    assert contents(sheet.folder) == expected


def test_a_picture_that_blows_up_keeps_none_of_the_others(here, caplog):
    sheet = mutoscope.contact_sheet(
        "a fox:{1,10**(20*step)}", explore=True, out=here,
        perceptors="tiny", width=32, height=32, steps_per_scene=4, seed=1,
    )  # fmt: skip
    assert [path is not None for path in sheet.pictures] == [True, False]
    assert "the loss of" in caplog.text


def test_a_full_disk_ends_it_and_it_goes_on(here, whole, monkeypatch):
    _, expected = whole
    keep = Run.keep
    words = dict(one.split("=") for one in SMALL)

    def full(self, number, *rest, **more):
        if self.base == "2-seed-2":
            raise RunError("the disk is full") from OSError(28, "full")
        return keep(self, number, *rest, **more)

    monkeypatch.setattr(Run, "keep", full)
    with pytest.raises(RunError, match="the disk is full"):
        mutoscope.contact_sheet("a fox", count=3, out=here, seed=1, save_every=2, **words)
    monkeypatch.setattr(Run, "keep", keep)
    folder = here / "images_out/a-fox"
    assert not (folder / "3-seed-3").exists()
    resumed(folder)
    assert contents(folder) == expected


# ── what it costs ──


def test_the_cost_is_that_of_all(here):
    one = foresee(sweep_of("a fox", SMALL, count=1), {}).plan
    many = foresee(sweep_of("a fox", SMALL, count=50), {}).plan
    assert many.disk == pytest.approx(50 * one.disk, rel=0.01)
    assert "50 pictures" in many.line()
    assert not (here / "images_out").exists()


def test_every_kind_is_tried_and_what_cannot_be_had_refused(here, draw):
    draw("a.png")
    with pytest.raises(MutoscopeError, match="missing"):
        foresee(sweep_of("[{a,missing}.png]", SMALL, explored=True), {})
    sizes = foresee(sweep_of("a", [*SMALL[:1], "width={32,64}", *SMALL[2:]], explored=True), {})
    assert sizes.plan.disk > 0


def test_what_was_chosen_for_auto_is_written_down(here, monkeypatch):
    from mutoscope.build import parts
    from mutoscope.perceptors.tiny import Tiny

    monkeypatch.setattr(parts, "load_perceptor", lambda *_, **__: Tiny())
    sweep = sweep_of("a fox", ["perceptors=auto", *SMALL[1:]], count=2)
    named = foresee(sweep, {}).sweep
    assert [job.settings.perceptors for job in named.jobs] == [("tiny",)] * 2
