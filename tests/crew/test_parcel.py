"""Files on their way: what is sent is what arrives, and nothing else is ever written."""

import os

import pytest

from mutoscope.crew import parcel
from mutoscope.crew.parcel import Arrival, Chunk, Sent, marks_of, messages, target
from mutoscope.errors import RunError


@pytest.fixture
def folders(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    return here, there


def fill(folder):
    (folder / "frames").mkdir(exist_ok=True)
    (folder / "log.jsonl").write_text("one\n")
    (folder / "frames" / "fox_1.png").write_bytes(os.urandom(1000))
    (folder / "empty").write_bytes(b"")


def contents(folder):
    return {name: (folder / name).read_bytes() for name in marks_of(folder)}


def carry(sent, folder):
    chunks, gone = sent.changes()
    arrival = Arrival(folder)
    for message in messages(chunks):
        arrival.add(message)
    arrival.settle(gone)
    return {chunk.name for chunk in chunks}, gone


def test_a_folder_arrives_as_it_is_whatever_the_size_of_messages(folders, monkeypatch):
    here, there = folders
    fill(here)
    monkeypatch.setattr(parcel, "CHUNK", 300)
    sent = Sent(here)
    assert len(list(messages(sent.changes()[0]))) > 3
    carry(Sent(here), there)
    assert contents(there) == contents(here)
    assert len(contents(there)) == 3


def test_only_what_changed_travels_again_and_what_went_goes(folders):
    here, there = folders
    fill(here)
    sent = Sent(here)
    carry(sent, there)
    assert carry(sent, there) == (set(), [])
    with (here / "log.jsonl").open("a") as file:
        file.write("two\n")
    (here / "empty").unlink()
    (here / "frames" / "fox_2.png").write_bytes(b"2")
    assert carry(sent, there) == ({"log.jsonl", "frames/fox_2.png"}, ["empty"])
    assert contents(there) == contents(here)


def test_a_file_that_was_replaced_by_one_of_its_size_travels(folders):
    here, there = folders
    fill(here)
    sent = Sent(here)
    carry(sent, there)
    stat = (here / "log.jsonl").stat()
    (here / "new").write_text("ONE\n")
    os.utime(here / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (here / "new").replace(here / "log.jsonl")
    carry(sent, there)
    assert (there / "log.jsonl").read_text() == "ONE\n"


def test_locks_parts_and_links_stay_where_they_are(folders, tmp_path):
    here, _ = folders
    fill(here)
    (here / ".lock").write_text("1")
    (here / ".log.jsonl.12-0123abcd.part").write_text("half")
    (tmp_path / "secret").write_text("mine")
    (here / "link").symlink_to(tmp_path / "secret")
    assert set(marks_of(here)) == {"log.jsonl", "frames/fox_1.png", "empty"}


def test_files_come_in_the_order_in_which_they_were_written(folders):
    here, _ = folders
    fill(here)
    for number, name in enumerate(["frames/fox_1.png", "empty", "log.jsonl"]):
        os.utime(here / name, ns=(number, number))
    names = [chunk.name for chunk in Sent(here).changes()[0]]
    assert names == ["frames/fox_1.png", "empty", "log.jsonl"]


def test_nothing_is_seen_of_what_has_not_arrived_whole(folders):
    _, there = folders
    (there / "log.jsonl").write_text("old")
    arrival = Arrival(there)
    arrival.add([("frames/a.png", 0, 3, b"abc"), ("log.jsonl", 0, 6, b"new")])
    assert contents(there) == {"log.jsonl": b"old"}
    with pytest.raises(RunError, match="cut off"):
        arrival.settle()
    arrival.drop()
    assert [path.name for path in there.rglob("*") if path.is_file()] == ["log.jsonl"]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../evil",
            "a/../../evil",
            "/etc/passwd",
            "",
            ".",
            "..",
            "a//b",
            "a/",
            "/",
            "a\\..\\evil",
        ),
        *("C:evil", "a\0b", "a\nb", ".lock", "state/.lock", ".x.12-0123abcd.part", "x" * 2000),
        *("link/evil", "frames", 7, None, b"bytes"),
    ],
)
def test_a_name_that_may_not_be_written_is_refused(folders, tmp_path, name):
    _, there = folders
    fill(there)
    outside = tmp_path / "outside"
    outside.mkdir()
    (there / "link").symlink_to(outside)
    before = contents(there)
    arrival = Arrival(there)
    with pytest.raises(RunError):
        arrival.add([(name, 0, 4, b"evil")])
    with pytest.raises(RunError):
        arrival.settle([name])
    assert contents(there) == before
    assert list(outside.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"here", "there", "outside"}


def test_a_file_is_not_written_through_a_link(folders, tmp_path):
    _, there = folders
    (tmp_path / "mine").write_text("mine")
    (there / "log.jsonl").symlink_to(tmp_path / "mine")
    with pytest.raises(RunError, match="may not lie"):
        target(there, "log.jsonl")


@pytest.mark.parametrize(
    "values",
    [
        "text", 7, [], ("a", 0, 1), ("a", 0, 1, "text"), ("a", -1, 3, b"abc"), ("a", 0, 2, b"abc"),
        ("a", 0, 2**40, b"abc"), ("a", "0", 3, b"abc"), ("a", 3, 6, b"abc"),
    ],
)  # fmt: skip
def test_what_is_no_part_of_a_file_is_refused(folders, values):
    _, there = folders
    with pytest.raises(RunError):
        Arrival(there).add([values])
    assert contents(there) == {}


def test_more_than_anybody_needs_is_refused(folders, monkeypatch):
    _, there = folders
    monkeypatch.setattr(parcel, "MOST_BYTES", 100)
    monkeypatch.setattr(parcel, "MOST_FILES", 3)
    arrival = Arrival(there)
    arrival.add([("a", 0, 60, b"x")])
    with pytest.raises(RunError, match="more than 3 files"):
        arrival.add([("b", 0, 60, b"x")])
    arrival.drop()
    arrival.add([(str(number), 0, 0, b"") for number in range(3)])
    with pytest.raises(RunError, match="at once"):
        arrival.add([("3", 0, 0, b"")])


def test_a_chunk_is_what_it_was():
    chunk = Chunk("frames/a.png", 3, 9, b"abc")
    assert Chunk.unpacked(chunk.packed()) == chunk
    assert Chunk.unpacked(list(chunk.packed())) == chunk
