"""The suite itself: nothing that lies in it is passed over."""

from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).parent


def test_every_folder_with_tests_is_looked_into(pytestconfig):
    # By default pytest looks into no folder of the name `build`, and says nothing.
    passed_over = pytestconfig.getini("norecursedirs")
    folders = {path.parent.relative_to(HERE) for path in HERE.rglob("test_*.py")}
    assert Path("build") in folders
    assert [f for f in folders if any(fnmatch(p, n) for p in f.parts for n in passed_over)] == []
