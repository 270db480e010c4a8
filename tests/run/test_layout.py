import threading

import pytest

from mutoscope.errors import RunError, SettingsError
from mutoscope.run import layout
from mutoscope.run.layout import check_namespace, claim, frame_paths, own_files, reclaim


@pytest.mark.parametrize("name", ["fox", "a b", "snö-狐_2", "fox(1)", "a.b", "v1.0-x", "x" * 120])
def test_plain_names_are_taken(name):
    assert check_namespace(name) == name


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "../x", "a/b", "a\\b", "/etc", "C:x", ".hidden", "a.", "a ", " a", "a\nb",
     "a\0", "con", "NUL.txt", "lpt1", "x" * 121, "ö" * 61, "a*", 'a"b', "a|b"],
)  # fmt: skip
def test_names_that_could_lead_elsewhere_are_refused(name):
    with pytest.raises(SettingsError, match="file_namespace: ") as caught:
        check_namespace(name)
    assert "\n" not in str(caught.value)


def occupy(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.yaml").write_text("x")


def test_the_first_free_name_is_taken(tmp_path):
    names = []
    for _ in range(3):
        folder, lock = claim(tmp_path / "fox", "fox")
        occupy(folder)
        (folder / "run.json").write_text("{}")
        lock.release()
        names.append(folder.name)
    assert names == ["fox", "fox(1)", "fox(2)"]


def test_gaps_and_false_starts_are_used_again_and_files_passed_over(tmp_path):
    occupy(tmp_path / "fox")
    occupy(tmp_path / "fox(2)")
    (tmp_path / "fox(1)").mkdir()
    (tmp_path / "fox(1)" / ".lock").touch()
    (tmp_path / "fox(1)" / "settings.yaml").touch()  # died before run.json was there
    (tmp_path / "fox(1)" / ".settings.yaml.12-0123abcd.part").write_text("half")
    folder, lock = claim(tmp_path, "fox")
    assert folder.name == "fox(1)"
    assert [path.name for path in folder.iterdir()] == [".lock"]
    (tmp_path / "fox(3)").write_text("a file")
    second, other = claim(tmp_path, "fox")
    assert second.name == "fox(4)"
    lock.release()
    other.release()


def test_many_at_once_get_different_folders(tmp_path):
    found, locks = [], []

    def take():
        folder, lock = claim(tmp_path / "fox", "fox")
        found.append(folder.name)
        locks.append(lock)

    threads = [threading.Thread(target=take) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lock in locks:
        lock.release()
    assert len(set(found)) == 12


def test_a_place_that_can_not_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    for take in (claim, reclaim):
        with pytest.raises(RunError, match="can't be made"):
            take(tmp_path / "file" / "fox", "fox")


def test_own_files_are_those_of_the_layout_only(tmp_path):
    ours = ["settings.yaml", "run.json", "log.jsonl", "latest.png", "losses.png", "fox.mp4",
            "frames/fox_1.png", "frames/fox_10.png", "state/10.safetensors",
            "state/paused.safetensors"]  # fmt: skip
    theirs = ["notes.txt", "other.mp4", "frames/fox_01.png", "frames/cat_1.png", "frames/fox_1.jpg",
              "state/best.safetensors", "frames/fox_1.png.bak"]  # fmt: skip
    for name in ours + theirs:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert {str(path.relative_to(tmp_path)) for path in own_files(tmp_path, "fox")} == set(ours)
    layout.clear(tmp_path, "fox")
    assert all((tmp_path / name).exists() for name in theirs)
    assert not any((tmp_path / name).exists() for name in ours)


def test_numbers_sort_as_numbers_and_names_are_literal(tmp_path):
    (tmp_path / "frames").mkdir()
    for number in (10, 9, 2):
        (tmp_path / "frames" / f"a(1)_{number}.png").touch()
    assert [number for number, _ in frame_paths(tmp_path, "a(1)")] == [2, 9, 10]
    assert frame_paths(tmp_path, "a.1.") == []
    assert frame_paths(tmp_path / "none", "a") == []


def test_a_strangers_folder_is_not_reclaimed(tmp_path):
    occupy(tmp_path / "fox")
    with pytest.raises(RunError, match=r"settings\.yaml.*another file_namespace"):
        reclaim(tmp_path, "fox")
    assert [path.name for path in (tmp_path / "fox").iterdir()] == ["settings.yaml"]
