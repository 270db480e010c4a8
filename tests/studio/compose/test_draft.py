"""Drafts: kept, checked in the command line's words, sent to be painted."""

import logging
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from mutoscope.cli import run
from mutoscope.errors import MutoscopeError, SettingsError
from mutoscope.settings import load_settings, presets
from mutoscope.settings.document import MAX_BYTES
from mutoscope.studio.compose.draft import (
    MOST_DRAFTS,
    Drafts,
    Fault,
    beginnings,
    check,
    recipe_folders,
    said,
)


def command_line(text, place, capsys, monkeypatch):
    """What `mutoscope plan` says of a text that lies in the place."""
    monkeypatch.chdir(place.root)
    (place.root / "settings").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert run(["plan", "settings"]) == 2
    return capsys.readouterr().err.strip().removeprefix("mutoscope: ")


WRONG = {
    "values": "scenes: fox\nwidth: abc\nhight: 3\nloop: true\nsteps_per_scene: 0",
    "scenes": 'scenes: "a:b:c | x:1_"\nzoom_x_2d: 2*sin(/3) + t /2',
    "open quote": "scenes: 'a \"b'\nanimation_mode: 2D",
    "no prompt": "width: 64",
    "no YAML": "scenes: fox\nwidth: [1",
    "twice": "width: 1\nscenes: x\nwidth: 2",
    "a list": "- scenes",
    "tag": "scenes: !!python/object/apply:os.system ['true']",
    "environment": "scenes: ${oc.env:HOME}",
    "circle": "width: ${height}\nheight: ${width}",
    "alias": "curves: &a [1, 2]\nmmc_models: *a",
    "deep": "curves: " + "[" * 400 + "]" * 400,
    "many": "scenes: x\ncurves: [" + "1," * 6000 + "1]",
    "merge": "scenes: x\n<<: {width: 3}",
    "control": "scenes: a\x07b",
    "half a pair": "scenes: \udc00",
    "documents": "scenes: x\n---\nwidth: 2",
    "folder name": "scenes: x\nfile_namespace: ../up",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_the_command_lines_words(text, place, capsys, monkeypatch):
    checked = check(text, place)
    assert checked.settings is None
    found = "; ".join(f"settings:{f.line}: {f.text}" if f.line else f.text for f in checked.faults)
    printed = command_line(text, place, capsys, monkeypatch)
    # Where there is no line, the command line still names the file.
    assert found in (printed, printed.removeprefix("settings: "))


def test_bombs_are_refused_at_once_and_nothing_grows(place):
    bomb = "a: &a ['x','x']\n" + "".join(
        f"{new}: &{new} [*{old},*{old},*{old}]\n" for old, new in pairwise("abcdefghi")
    )  # fmt: skip
    assert "alias" in check(bomb, place).faults[0].text
    grown = 'scenes: "' + "x" * 20_000 + '"\nscene_prefix: "' + "${scenes}" * 1000 + '"'
    assert "would grow" in check(grown, place).faults[0].text
    assert "larger than" in check("# " + "x" * MAX_BYTES, place).faults[0].text


def test_a_fault_knows_its_field_and_line(place):
    faults = check(WRONG["values"], place).faults
    assert [(f.key, f.line) for f in faults] == [
        ("hight", 3),
        ("width", 2),
        ("steps_per_scene", 5),
    ]
    assert said(faults[1]).startswith("line 2: width: 'abc' is not allowed")
    assert said(Fault("x: y")) == "x: y"
    assert check("width: ${foo:1}", place).faults[0].key == "width"


def test_what_has_no_effect_is_said_to_the_page_and_not_to_the_log(place, caplog):
    caplog.set_level(logging.DEBUG, logger="mutoscope")
    text = "scenes: fox\nzoom_x_2d: 3\nscene_prefix: oil\ntarget_pallete: ''"
    checked = check(text, place)
    assert checked.settings is not None
    assert "zoom_x_2d has no effect with animation_mode: off" in checked.notices
    assert "target_pallete is spelt target_palette" in checked.notices
    assert any("scene_prefix doesn't end with a bar" in notice for notice in checked.notices)
    assert not caplog.records


def test_no_message_tells_where_the_place_lies(place):
    text = f"scenes: x\ndevice: {place.root}/secret\nvideo_path: 3"
    (fault,) = check(text, place).faults
    assert str(place.root) not in fault.text
    assert "device" in fault.text


def test_checking_needs_no_torch():
    script = (
        "import sys, pathlib, tempfile\n"
        "from mutoscope.studio.compose import draft, rows, amending, offered\n"
        "from mutoscope.studio.place import Place\n"
        "place = Place(pathlib.Path(tempfile.mkdtemp())); place.prepare()\n"
        "for each in draft.beginnings(place):\n"
        "    draft.check(each.text + '\\nscene_suffix: x', place)\n"
        "assert 'torch' not in sys.modules and 'nicegui' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=dict(os.environ), timeout=120)


def test_drafts_outlive_whoever_wrote_them(place):
    first = Drafts(place).begin("scenes: fox")
    Drafts(place).write(first.id, "scenes: a red fox")
    second = Drafts(place).begin("file_namespace: harbour\n")
    drafts = Drafts(place)  # as after a restart
    assert drafts.open(first.id).text == "scenes: a red fox"
    assert [d.id for d in drafts.all()] == [second.id, first.id]
    assert [d.title for d in drafts.all()] == ["harbour", "a red fox"]
    assert drafts.newest() == drafts.open(second.id)
    assert drafts.changed(first.id) == drafts.open(first.id).changed
    drafts.remove(second.id)
    assert drafts.changed(second.id) is None
    with pytest.raises(SettingsError, match="not there any more"):
        drafts.open(second.id)


@pytest.mark.parametrize("name", ["", "../../x", "0123456", "0123456z", "/etc/pass"])
def test_a_draft_has_no_other_name_than_ours(name, place):
    with pytest.raises(SettingsError, match="no such draft"):
        Drafts(place).open(name)
    with pytest.raises(SettingsError, match="no such draft"):
        Drafts(place).write(name, "x")


def test_a_draft_that_can_not_be_read_is_kept_as_it_is(place):
    text = "scenes: [\udc00\r\n\ttab"
    draft = Drafts(place).begin(text)
    assert Drafts(place).open(draft.id).text == text
    assert draft.title.startswith("untitled")
    assert draft.document is None


def test_drafts_are_limited(place):
    drafts = Drafts(place)
    with pytest.raises(SettingsError, match="larger than the 256 KiB"):
        drafts.begin("x" * (MAX_BYTES + 1))
    for _ in range(MOST_DRAFTS):
        drafts.begin()
    with pytest.raises(SettingsError, match="delete old ones"):
        drafts.begin()


def test_what_is_kept_means_the_same_on_the_command_line(place, monkeypatch, tmp_path):
    (place.uploads / "a.png").write_bytes(b"x")
    drafts = Drafts(place)
    draft = drafts.begin("scenes: fox # red\ninit_image: uploads/a.png\nseed: 3")
    first, second = drafts.keep(draft), drafts.keep(draft)
    assert [path.relative_to(place.root).as_posix() for path in (first, second)] == [
        "compose/0001.yaml",
        "compose/0002.yaml",
    ]
    assert "scenes: fox # red" in first.read_text()
    monkeypatch.chdir(tmp_path)
    loaded, checked = load_settings(first), check(draft.text, place).settings
    for settings in (loaded, checked):
        assert Path(settings.resolve("uploads/a.png")).samefile(place.uploads / "a.png")
    assert loaded.to_dict(portable=True) == checked.to_dict(portable=True)


def test_paths_of_a_draft_may_begin_elsewhere_in_the_place(place):
    drafts = Drafts(place)
    path = drafts.keep(drafts.begin("scenes: fox\npaths_from: uploads\nseed: 1"))
    assert load_settings(path).resolve("a.png") == str(place.root / "compose/../uploads/a.png")
    with pytest.raises(MutoscopeError, match="outside"):
        drafts.keep(drafts.begin("scenes: fox\npaths_from: /etc"))


def test_what_is_wrong_is_not_sent_to_be_painted(place):
    drafts = Drafts(place)
    with pytest.raises(SettingsError, match=r"line 3: hight: .*; line 2: width: 'abc'"):
        drafts.keep(drafts.begin("scenes: fox\nwidth: abc\nhight: 2"))
    assert not (place.root / "compose").exists() or not list((place.root / "compose").iterdir())


def test_there_is_something_to_begin_with(place):
    (place.root / "mine.yaml").write_text("# My own.\nscenes: x\n")
    (place.root / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    (place.root / "out.yaml").symlink_to("/etc/hostname")
    found = {(each.kind, each.name): each for each in beginnings(place)}
    assert {("preset", name) for name in presets()} <= found.keys()
    assert found["file", "mine"].about == "My own."
    assert ("file", "big") not in found
    assert ("file", "out") not in found
    recipes = [path.stem for folder in recipe_folders() for path in folder.glob("*.yaml")]
    assert {("recipe", name) for name in recipes} <= found.keys()
    for each in found.values():
        faults = [f.text for f in check(each.text, place).faults]
        assert all("there is no prompt" in fault for fault in faults)
