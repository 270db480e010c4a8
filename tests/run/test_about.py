import json
import os
import tracemalloc
from fractions import Fraction
from pathlib import Path

import pytest

from mutoscope.errors import RunError
from mutoscope.run.about import About, FilmPlan

ABOUT = About(
    version="0.1.0",
    base="fox(1)",
    relative_to=Path("/home/a/bilder ö"),
    started="2024-01-01T00:00:00+00:00",
    backups=None,
    film=FilmPlan(Fraction(30000, 1001), crf=12.5, title="a", recipe={"program": "mutoscope"}),
)


@pytest.mark.parametrize("about", [ABOUT, About("1", "a", Path("/"), "x", backups=3)])
def test_what_is_written_is_read(tmp_path, about):
    (tmp_path / "run.json").write_text(about.to_json(), encoding="utf-8")
    assert About.read(tmp_path / "run.json") == about


@pytest.mark.parametrize(
    "change",
    [{"program": "other"}, {"base": "../../etc"}, {"base": None}, {"backups": "x"}, {"film": [1]},
     {"film": {"rate": "0", "crf": 1, "title": None, "recipe": None}}, {"relative_to": None},
     {"backups": float("inf")}, {"resume_points": float("-inf")}],
)  # fmt: skip
def test_forged_values_are_refused(tmp_path, change):
    values = json.loads(ABOUT.to_json()) | change
    (tmp_path / "run.json").write_text(json.dumps(values))
    with pytest.raises(RunError, match=r"run\.json: is damaged"):
        About.read(tmp_path / "run.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, "\0"])
def test_damaged_files_are_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json: is damaged"):
        About.read(tmp_path / "run.json")


def test_runs_of_a_later_version_are_left_alone(tmp_path):
    values = json.loads(ABOUT.to_json()) | {"format": 2, "version": "9.0"}
    (tmp_path / "run.json").write_text(json.dumps(values))
    with pytest.raises(RunError, match=r"9\.0.*update"):
        About.read(tmp_path / "run.json")


def test_a_file_of_gigabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "run.json"
    path.write_bytes(b"{")
    os.truncate(path, 2 * 2**30)  # takes no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(RunError, match=r"run\.json: .* it is larger than the 16 MiB"):
            About.read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
