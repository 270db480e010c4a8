"""The README tells the truth: its Python runs, its commands exist, its files are there."""

import re
from pathlib import Path

import pytest

import mutoscope
from mutoscope.cli import COMMANDS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_runs_at_toy_size(tmp_path, monkeypatch):
    code, more = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    assert 10 <= len([line for line in code.splitlines() if line.strip()]) <= 14
    toy = {"perceptors": "tiny", "width": 32, "height": 32, "cutouts": 2}
    image, animate = mutoscope.image, mutoscope.animate
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        mutoscope, "image", lambda p, **kw: image(p, **kw, **toy, steps_per_scene=2), raising=False
    )
    monkeypatch.setattr(
        mutoscope,
        "animate",
        lambda film: animate({**film, **toy, "steps_per_scene": 20}),
        raising=False,
    )
    sheet = mutoscope.contact_sheet
    monkeypatch.setattr(
        mutoscope,
        "contact_sheet",
        lambda p, **kw: sheet(p, **kw, **toy, steps_per_scene=2),
        raising=False,
    )
    names = {}
    exec(compile(code + more, "README.md", "exec"), names)  # noqa: S102 - our own README
    assert (tmp_path / "fox.png").stat().st_size > 0
    assert names["frame"].image.shape == (1, 3, 32, 32)
    assert len(names["sheet"].pictures) == 4
    assert names["sheet"].path.is_file()


def test_every_command_is_named():
    for name in COMMANDS:
        assert f"mutoscope {name}" in TEXT or f"make {name}" in TEXT


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", TEXT))
def test_every_file_it_points_to_is_there(target):
    assert (ROOT / target).exists()
