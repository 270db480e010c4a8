from pathlib import Path

import pytest

from mutoscope.home import expanded


def test_the_home_stands_for_its_sign(monkeypatch, tmp_path):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert expanded("~/a.pt") == tmp_path / "a.pt"
    assert expanded("~") == tmp_path


@pytest.mark.parametrize("path", ["~nobody-is-called-so/x", "~a\0b", "a/~", "./~/x", ""])
def test_what_names_no_home_is_a_path_like_any_other(path):
    assert expanded(path) == Path(path)
