import errno
import os
from pathlib import Path

import pytest

from mutoscope import atomic


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_bytes_are_written_and_nothing_else_is_left(tmp_path):
    atomic.write_bytes(tmp_path / "a.bin", b"one")
    atomic.write_bytes(tmp_path / "a.bin", b"two")
    assert (tmp_path / "a.bin").read_bytes() == b"two"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("trouble", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failed_block_leaves_the_old_file_whole(tmp_path, trouble):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write():
        with atomic.replacing(path) as file:
            file.write(b"half of the n")
            raise trouble

    with pytest.raises(type(trouble)):
        write()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_bytes_reach_the_disk_before_the_name_and_the_folder_after(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor):
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        events.append("folder" if target == tmp_path else "data")
        fsync(descriptor)

    def noted_replace(self, target):
        events.append("rename")
        return replace(self, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    atomic.write_bytes(tmp_path / "a.bin", b"x")
    assert events == ["data", "rename", "folder"]
    events.clear()
    atomic.write_bytes(tmp_path / "a.bin", b"x", durable=False)
    assert events == ["rename"]


def test_part_names_are_hidden_unique_and_recognised(tmp_path):
    path = tmp_path / ("ö" * 120 + ".png")
    first, second = atomic.part_path(path), atomic.part_path(path)
    assert first != second
    assert first.name.startswith(".")
    assert len(first.name.encode()) <= 255
    assert atomic.is_part(first)
    assert not atomic.is_part(tmp_path / ".notes.part")


def test_sweeping_takes_part_files_only(tmp_path):
    atomic.part_path(tmp_path / "a.png").write_bytes(b"half")
    film = atomic.part_of_kind(tmp_path / "a.MKV")
    film.write_bytes(b"half")
    assert film.suffix == ".MKV"
    (tmp_path / ".mine.part").write_text("kept")
    (tmp_path / "b.png").write_text("kept")
    atomic.sweep_parts(tmp_path)
    assert names(tmp_path) == [".mine.part", "b.png"]


def test_reasons_are_plain_words():
    assert atomic.reason(OSError(errno.ENOSPC, "x")) == "the disk is full"
    assert atomic.reason(OSError("odd")) == "odd"
