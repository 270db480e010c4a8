import pytest

from mutoscope.errors import MediaError
from mutoscope.training.files import find_pictures, fingerprint


def test_pictures_are_found_in_folders_inside_in_order(tmp_path, draw):
    for name in ("b", "a/deep", ".hidden", "out"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("z.png", "b/1.JPG", "a/deep/x.webp", ".hidden/no.png", ".no.png", "out/no.png"):
        draw(name)
    (tmp_path / "notes.txt").write_text("no picture")
    found = find_pictures(tmp_path, besides=tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "a/deep/x.webp", "b/1.JPG", "z.png"
    ]  # fmt: skip


def test_links_to_folders_are_not_followed(tmp_path, draw):
    draw("a.png")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(find_pictures(tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no", "does not exist"),
        ("a.png", "is a file"),
        ("empty", "there is no picture in it; allowed are PNG"),
    ],
)
def test_a_folder_without_pictures_is_refused(tmp_path, draw, name, says):
    draw("a.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match=says):
        find_pictures(tmp_path / name)


def test_the_fingerprint_is_of_names_and_sizes(tmp_path, draw):
    draw("a.png", (8, 8))
    before = fingerprint(tmp_path, find_pictures(tmp_path))
    assert before == fingerprint(tmp_path, find_pictures(tmp_path))
    draw("b.png", (8, 8))
    assert before != fingerprint(tmp_path, find_pictures(tmp_path))
