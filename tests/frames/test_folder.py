import pytest
import torch

from mutoscope.errors import MediaError
from mutoscope.frames import FolderSink, FolderSource
from mutoscope.frames.folder import natural_key
from mutoscope.images import save_image
from mutoscope.provenance import read_recipe

RECIPE = {"program": "mutoscope", "version": "0", "settings": {"seed": 1}}


def flat(value, height=8, width=12):
    return torch.full((1, 3, height, width), value / 255)


def test_names_sort_as_people_count():
    names = ["b_1.png", "a_12.png", "a_2.png", "A_1.png", "a(2)_1.png", "a(10)_1.png", "7.png"]
    assert sorted(names, key=natural_key) == [
        "7.png", "a(2)_1.png", "a(10)_1.png", "A_1.png", "a_2.png", "a_12.png", "b_1.png",
    ]  # fmt: skip


def test_what_goes_in_comes_out_in_order(tmp_path):
    with FolderSink(tmp_path / "film", "fox", recipe=RECIPE) as sink:
        for value in range(12):
            sink.write(flat(value))
    assert sink.count == 12
    source = FolderSource(tmp_path / "film", rate=12)
    assert (source.size, source.rate, source.length) == ((12, 8), 12, 12)
    assert [round(float(image.mean()) * 255) for image in source] == list(range(12))
    assert [round(float(image.mean()) * 255) for image in source] == list(range(12))
    assert read_recipe(tmp_path / "film" / "fox_12.png") == {**RECIPE, "frame": 12}


def test_hidden_and_other_files_are_passed_over(tmp_path):
    save_image(flat(3), tmp_path / "a.png")
    (tmp_path / ".a.png.1-00000000.part").write_bytes(b"half")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "log.jsonl").write_text("{}")
    assert [path.name for path in FolderSource(tmp_path).paths] == ["a.png"]


def test_nothing_existing_is_overwritten_unasked(tmp_path):
    save_image(flat(3), tmp_path / "frame_1.png")
    with pytest.raises(MediaError, match=r"frame_1\.png: exists"):
        FolderSink(tmp_path).write(flat(4))
    FolderSink(tmp_path, overwrite=True).write(flat(4))
    assert next(iter(FolderSource(tmp_path))).mean() * 255 == pytest.approx(4)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(MediaError, match="holds no picture"):
        FolderSource(tmp_path)
    with pytest.raises(MediaError, match="does not exist"):
        FolderSource(tmp_path / "none")


def test_pictures_of_another_size_are_named(tmp_path):
    save_image(flat(3), tmp_path / "a_1.png")
    save_image(flat(3, 9, 9), tmp_path / "a_2.png")
    with pytest.raises(MediaError, match=r"a_2\.png: is 9 × 9"):
        list(FolderSource(tmp_path))
