"""Files that settings can name."""

import os

import pytest

from mutoscope.errors import MediaError
from mutoscope.settings import key_names
from mutoscope.studio.compose.offered import KINDS, MIDI, PICTURE, offered, room_for, safe_stem


def test_every_key_with_files_is_a_key():
    assert set(KINDS) <= set(key_names())


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("my picture (1).PNG", "my-picture-1"),
        ("../../etc/passwd.png", "passwd"),
        ("C:\\temp\\con.png", "file-con"),
        (".png", "png"),
        ("日本 語.png", "日本-語"),
        ("<b>\x00\n;rm -rf.png", "b-rm-rf"),
        ("…", "file"),
        ("é" * 300 + ".png", "é" * 60),
    ],
)
def test_a_name_does_no_harm(name, stem):
    assert safe_stem(name) == stem


def test_what_is_brought_takes_no_others_place(place):
    first = room_for(place, "a b.png", PICTURE, 10)
    second = room_for(place, "../a b.PNG", PICTURE, 10)
    assert [p.relative_to(place.root).as_posix() for p in (first, second)] == [
        "uploads/a-b.png",
        "uploads/a-b-2.png",
    ]


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("a.svg", 10, "is no picture; give one of"),
        ("a.png.exe", 10, "is no picture"),
        ("a.png", 2**30, "up to 64"),
        ("a.png", 0, "must have something in it"),
    ],
)
def test_what_is_no_such_file_is_refused(name, size, words, place):
    with pytest.raises(MediaError, match=words):
        room_for(place, name, PICTURE, size)
    assert not list(place.uploads.iterdir())


def test_there_is_a_limit_to_their_number(place, monkeypatch):
    monkeypatch.setattr("mutoscope.studio.compose.offered.MOST_FILES", 2)
    for _ in range(2):
        room_for(place, "a.mid", MIDI, 10)
    with pytest.raises(MediaError, match="delete some"):
        room_for(place, "a.mid", MIDI, 10)


def test_only_what_lies_open_in_the_place_is_offered(place, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"x")
    (place.uploads / "old.png").write_bytes(b"x")
    os.utime(place.uploads / "old.png", (1, 1))
    (place.runs / "run").mkdir()
    (place.runs / "run" / "new.PNG").write_bytes(b"x")
    (place.own / "own.png").write_bytes(b"x")
    (place.uploads / ".hidden.png").write_bytes(b"x")
    (place.uploads / "leads-out.png").symlink_to(tmp_path / "secret.png")
    (place.uploads / "song.wav").write_bytes(b"x")
    assert [p.name for p in offered(place, PICTURE)] == ["new.PNG", "old.png"]
