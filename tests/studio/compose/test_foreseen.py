"""What a draft will cost, asked of a process of its own."""

import asyncio

import pytest

from mutoscope.errors import RunError
from mutoscope.studio.compose import foreseen as module
from mutoscope.studio.compose.foreseen import foreseen

TOY = "scenes: a fox\nperceptors: tiny\nwidth: 32\nheight: 32\nsteps_per_scene: 4\ncutouts: 2\n"


@pytest.mark.slow  # another Python, and torch in it
def test_the_plan_is_that_of_the_command_line(place, draw):
    draw("a.png").rename(place.uploads / "a.png")
    lines = asyncio.run(foreseen(TOY + "init_image: uploads/a.png\n", place))
    assert lines[0].startswith("plan: ")
    assert "of memory" in lines[0]
    assert any("0-4" in line and "a fox" in line for line in lines)
    assert not (place.root / "images_out" / "default").exists()


@pytest.mark.slow  # another Python
def test_what_can_not_be_foreseen_says_why(place):
    with pytest.raises(RunError, match="nowhere") as error:
        asyncio.run(foreseen(TOY + "init_image: nowhere.png\n", place))
    assert str(place.root) not in str(error.value)


@pytest.mark.slow  # another Python
def test_no_plan_is_waited_for_for_ever(place, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with pytest.raises(RunError, match="given up"):
        asyncio.run(foreseen(TOY, place))
