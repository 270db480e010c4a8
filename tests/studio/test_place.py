"""The folder of a studio: nothing leads out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.errors import MediaError
from mutoscope.studio.place import Place


def test_it_makes_its_folders_and_keeps_its_own_to_itself(place):
    assert all(folder.is_dir() for folder in (place.runs, place.uploads, place.drawings, place.own))
    assert place.runs == place.root / "images_out"
    assert place.own.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["a.png", "images_out/a/b c.png", "uploads", "", "ä/ö.png"])
def test_a_name_and_its_path_are_each_others(place, name):
    path = place.inside(name)
    assert path.is_relative_to(place.root)
    assert place.name_of(path) == (name or ".")


@pytest.mark.parametrize(
    "name",
    ["..", "../x", "a/../../x", "/etc/passwd", "~/x", "a\\..\\x", "a\0b", "a/..", "//x"],
)
def test_what_leads_out_is_refused(place, name):
    with pytest.raises(MediaError) as caught:
        place.inside(name)
    assert str(place.root) not in str(caught.value)


@given(st.lists(st.sampled_from([*"a./\\~ \0%:é", "..", "../"]), max_size=12))
def test_no_name_at_all_leads_out(tmp_path_factory, pieces):
    name = "".join(pieces)
    place = Place(tmp_path_factory.getbasetemp() / "any")
    try:
        path = place.inside(name)
    except MediaError:
        return
    assert path == place.root or place.root in path.parents


def test_a_link_that_leads_out_is_refused(place, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"x")
    (place.root / "mine.png").symlink_to(tmp_path / "secret.png")
    (place.uploads / "folder").symlink_to(tmp_path)
    for name in ("mine.png", "uploads/folder/secret.png"):
        with pytest.raises(MediaError, match="leads out"):
            place.inside(name)
        assert not place.holds(place.root / name)


def test_what_lies_outside_has_no_name(place, tmp_path):
    with pytest.raises(MediaError) as caught:
        place.name_of(tmp_path / "secret.png")
    assert str(tmp_path) not in str(caught.value)


def test_the_studios_own_files_are_not_held(place):
    (place.own / "key").write_bytes(b"x")
    assert not place.holds(place.own / "key")
    assert place.holds(place.uploads)


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="can't work there"):
        Place(tmp_path / "file").prepare()
