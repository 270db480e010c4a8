import fcntl
import json
import os
from dataclasses import replace

import pytest
from PIL import Image

from mutoscope.images import load_image, save_image
from mutoscope.run import layout
from mutoscope.settings import load_settings
from mutoscope.studio.gallery import catalogue as catalogue_module
from mutoscope.studio.gallery import holding
from mutoscope.studio.gallery.catalogue import (
    Catalogue,
    catalogue_of,
    found,
    frame_paths,
    last_step,
)
from mutoscope.studio.place import Place
from mutoscope.sweep import folder as sheets
from mutoscope.sweep.jobs import FILE

FILM = {"animation_mode": "2D", "steps_per_frame": 2, "pre_animation_steps": 2, "save_every": 2}


@pytest.fixture
def lay(place, small):
    """Lays the folder of a run as it is after so many steps, with a picture of 32 pixels."""

    def run(name, steps=4, parent=None, **changes):
        folder = (parent or place.runs / name) / name
        (folder / "frames").mkdir(parents=True)
        settings = load_settings({**small, **changes}, base=place.root, quiet=True)
        (folder / "settings.yaml").write_text(settings.to_yaml())
        (folder / "run.json").write_text(json.dumps({"program": "mutoscope", "base": name}))
        lines = [json.dumps({"step": k + 1, "total": 1.0 / (k + 1)}) for k in range(steps)]
        (folder / "log.jsonl").write_text("".join(f"{line}\n" for line in lines))
        if steps:
            Image.new("RGB", (32, 24), (200, 90, 10)).save(folder / "frames" / f"{name}_1.png")
            Image.new("RGB", (32, 24), (200, 90, 10)).save(folder / "latest.png")
        return folder

    return run


def test_it_knows_how_runs_are_laid_out():
    assert catalogue_module.ABOUT == layout.ABOUT
    assert catalogue_module.SETTINGS == layout.SETTINGS
    assert catalogue_module.LOG == layout.LOG
    assert catalogue_module.LATEST == layout.LATEST
    assert catalogue_module.FRAMES == layout.FRAMES
    assert (catalogue_module.SHEET_FILE, catalogue_module.SHEET) == (FILE, sheets.SHEET)


def test_a_run_is_told_as_it_is(place, lay):
    lay("fox", scenes="a red fox | snow:0.5")
    (entry,) = Catalogue(place).all()
    assert entry.name == "images_out/fox/fox"
    assert (entry.kind, entry.state, entry.title) == ("picture", "done", "a red fox | snow:0.5")
    assert (entry.size, entry.frames, entry.steps, entry.total) == ((32, 24), 1, 4, 4)
    assert entry.settings["seed"] == 7
    assert entry.picture.name == "latest.png"
    assert entry.film is None
    assert not entry.problem
    assert not any(str(place.root) in str(value) for value in entry.settings.values())


def test_the_steps_are_those_of_the_schedule(toy):
    from mutoscope.schedule import make_schedule

    loop = {**FILM, "steps_per_scene": 21, "loop": True, "loop_overlap": 3}
    for changes in ({}, FILM, loop, {**loop, "loop_overlap": 40}, {"scenes": "a || b || c"}):
        settings = toy(**changes)
        assert catalogue_module.total_steps(settings) == make_schedule(settings).total_steps


def test_a_run_that_is_not_complete_was_stopped(place, lay):
    lay("fox", steps=3)
    assert Catalogue(place).all()[0].state == "stopped"


def test_a_run_is_running_while_its_lock_is_held(place, lay):
    folder = lay("fox", steps=3)
    catalogue = Catalogue(place)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{os.getpid()}\n")
        file.flush()
        assert catalogue.all(anew=True)[0].state == "running"
    # Its process was killed: the number stays in the file, and nobody holds the lock.
    assert catalogue.all(anew=True)[0].state == "stopped"


def test_a_lock_of_a_dead_process_is_never_touched(tmp_path, monkeypatch):
    (tmp_path / ".lock").write_text("123\n")
    monkeypatch.setattr(holding, "_lives", lambda number: False)
    monkeypatch.setattr(holding, "_is_locked", lambda path: pytest.fail("it was tried"))
    assert not holding.is_held(tmp_path)


def test_a_sheet_stands_for_its_pictures(place, lay):
    parent = place.runs / "tower"
    run = lay("1-tall", parent=parent, scenes="a tall tower")
    (run / "losses.png").write_bytes(b"")
    lay("2-small", parent=parent, scenes="a small tower", steps=0)
    told = {"prompt": "a {tall,small} tower", "settings": {"seed": 7}, "jobs": [{}, {}]}
    (parent / "sheet.json").write_text(json.dumps(told))
    catalogue = Catalogue(place)
    (sheet,) = found(catalogue.all())
    assert (sheet.kind, sheet.state, sheet.frames, sheet.total) == ("sheet", "stopped", 1, 2)
    assert [entry.title for entry in catalogue.on_sheet(sheet.name)] == [
        "a tall tower", "a small tower",
    ]  # fmt: skip
    assert {entry.kind for entry in found(catalogue.all(), "tower")} == {"sheet", "picture"}


def test_finished_files_tell_of_their_making(place, lay):
    folder = lay("fox", scenes="a red fox")
    (place.root / "finished").mkdir()
    recipe = {
        "program": "mutoscope",
        "version": "1",
        "settings": {"scenes": "a red fox", "seed": 3},
    }
    image = load_image(folder / "latest.png")
    save_image(image, place.root / "finished" / "fox-x4.png", recipe=recipe)
    save_image(image, place.root / "finished" / "plain.jpg")
    (place.root / "finished" / "notes.txt").write_text("no picture")
    entries = {e.name: e for e in Catalogue(place).all() if e.kind == "finished"}
    assert set(entries) == {"finished/fox-x4.png", "finished/plain.jpg"}
    assert entries["finished/fox-x4.png"].title == "a red fox"
    assert entries["finished/plain.jpg"].title == "plain"
    assert entries["finished/plain.jpg"].size == (32, 24)


def test_only_what_has_changed_is_read_again(place, lay, monkeypatch):
    lay("fox")
    owl = lay("owl", steps=2)
    catalogue = Catalogue(place)
    before = {entry.name: entry for entry in catalogue.all()}
    read = []
    monkeypatch.setattr(
        catalogue_module, "load_settings",
        lambda path, **how: read.append(path.parent.name) or load_settings(path, **how),
    )  # fmt: skip
    with (owl / "log.jsonl").open("a") as file:
        file.write('{"step": 3}\n')
    after = {entry.name: entry for entry in catalogue.all(anew=True)}
    assert read == ["owl"]
    assert after["images_out/fox/fox"] is before["images_out/fox/fox"]
    assert after["images_out/owl/owl"].steps == 3


def test_what_was_removed_is_gone(place, lay):
    folder = lay("fox")
    catalogue = Catalogue(place)
    assert catalogue.entry("images_out/fox/fox") is not None
    folder.rename(place.own / "elsewhere")
    catalogue.all(anew=True)
    assert catalogue.entry("images_out/fox/fox") is None


def test_settings_that_are_not_understood_keep_nothing_from_being_shown(place, lay):
    folder = lay("fox")
    (folder / "settings.yaml").write_text("widht: 12\n")
    lay("owl", scenes="an owl")
    entries = {entry.name: entry for entry in Catalogue(place).all()}
    assert "widht" in entries["images_out/fox/fox"].problem
    assert entries["images_out/fox/fox"].picture is not None
    assert entries["images_out/owl/owl"].title == "an owl"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"base": "../../x"}', '{"base": 3}'])
def test_a_damaged_run_is_shown_as_far_as_it_goes(place, lay, text):
    (lay("fox") / "run.json").write_text(text)
    (entry,) = Catalogue(place).all()
    assert entry.name == "images_out/fox/fox"
    assert entry.frames == 1


def test_links_lead_nowhere(place, lay, tmp_path):
    outside = tmp_path / "secret" / "fox"
    lay("fox").parent.rename(outside.parent)
    (place.runs / "fox").symlink_to(outside.parent)
    assert Catalogue(place).all() == []


def test_every_word_is_looked_for_in_prompts_and_settings(place, lay):
    lay("fox", scenes="a red fox in the snow")
    lay("owl", scenes="an owl in the snow", seed=70)
    entries = Catalogue(place).all()

    def names(words):
        return sorted(entry.path.name for entry in found(entries, words))

    assert names("SNOW") == ["fox", "owl"]
    assert names("snow fox") == ["fox"]
    assert names("seed=70") == ["owl"]
    assert names("perceptors=tiny") == ["fox", "owl"]
    assert names("harbour") == []


def test_entries_are_sorted(place, lay):
    lay("fox", scenes="b")
    (entry,) = Catalogue(place).all()
    small = replace(entry, name="a", title="A", made=entry.made - 9, size=(1, 1))
    assert [e.name for e in found([entry, small])] == [entry.name, "a"]
    assert [e.name for e in found([entry, small], order="oldest")] == ["a", entry.name]
    assert [e.name for e in found([entry, small], order="title")] == ["a", entry.name]
    assert [e.name for e in found([small, entry], order="largest")] == [entry.name, "a"]
    assert found([entry], kind="film") == []


def test_frames_are_in_the_order_of_their_numbers(lay):
    folder = lay("fox")
    for number in (10, 2):
        (folder / "frames" / f"fox_{number}.png").write_bytes(b"")
    (folder / "frames" / "other_3.png").write_bytes(b"")
    assert [number for number, _ in frame_paths(folder)] == [1, 2, 10]


def test_the_last_step_is_that_of_the_last_whole_line(tmp_path):
    log = tmp_path / "log.jsonl"
    assert last_step(log) == 0
    log.write_text('{"step": 7}\n{"step": 8}\n{"st')
    assert last_step(log) == 8


def test_all_pages_of_a_place_share_one_catalogue(place):
    assert catalogue_of(place) is catalogue_of(Place(place.root))
