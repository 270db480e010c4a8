"""What is shown while painting, on a terminal and in a pipe."""

import io
import logging
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from mutoscope.cli import Notices, display
from mutoscope.cli.display import Display, FetchDisplay, brief
from mutoscope.weights import Transfer

CPU = torch.device("cpu")


class Screen:
    """A terminal, or a pipe, and all that was ever written to it."""

    def __init__(self, *, terminal):
        self.file = io.StringIO()
        self.console = Console(file=self.file, force_terminal=terminal, width=60)

    @property
    def text(self):
        return self.file.getvalue()

    @property
    def words(self):
        """The same without colours and cursors."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text)

    def display(self, total=10, **how):
        return Display(total, device=CPU, console=self.console, **how)


def losses(**values):
    return {name: torch.tensor(value) for name, value in values.items()}


def test_a_terminal_sees_progress_losses_and_the_newest_picture():
    screen = Screen(terminal=True)
    with screen.display() as shown:
        shown.step(3, losses(fox=1.0))
        shown.frame({"step": 3, "fox": 1.25, "total": 1.5}, Path("runs/[red](1)/latest.png"))
    assert " 3/10 steps" in screen.words
    assert "left" in screen.words
    assert "loss 1.500, fox 1.250\n" in screen.words
    assert "runs/[red](1)/latest.png\n" in screen.words


def test_losses_are_read_now_and_then_only(monkeypatch):
    class Costly:
        read = 0

        def __float__(self):
            Costly.read += 1
            return 1.0

    now = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    with Screen(terminal=True).display(1000) as shown:
        for step in range(100):
            now[0] += 0.1
            shown.step(step + 1, {"fox": Costly()})
    assert 15 <= Costly.read <= 20
    assert shown.losses == "loss 1.000, fox 1.000"


def test_a_pipe_gets_a_plain_line_every_twenty_seconds(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    screen = Screen(terminal=False)
    with screen.display(100, done=40) as shown:
        for step in range(41, 86):
            now[0] += 1
            shown.frame({"total": 1.5, "[x.png]": 1.5}, Path("a/[b]/latest.png"))
            shown.step(step, losses(**{"[x.png]": 1.5}))
    lines = screen.text.splitlines()
    assert lines == [
        "step 60 of 100 · 40 s left · loss 1.500, [x.png] 1.500 · newest: a/[b]/latest.png",
        "step 80 of 100 · 20 s left · loss 1.500, [x.png] 1.500 · newest: a/[b]/latest.png",
    ]
    assert "\x1b" not in screen.text


@pytest.mark.parametrize(("terminal", "times"), [(True, 3), (False, 0)])
def test_the_screen_is_cleared_as_often_as_is_wanted(terminal, times):
    screen = Screen(terminal=terminal)
    with screen.display(clear_every=3) as shown:
        for step in range(1, 11):
            shown.step(step, {})
    assert screen.text.count("\x1b[2J") == times


def test_memory():
    screen = Screen(terminal=False)
    screen.display().memory()
    assert screen.text.startswith("memory so far: ")
    assert screen.text.split()[-1] in ("MB", "GB")


def test_notices_do_not_tear_the_live_lines(monkeypatch):
    """They go to stderr as it is at that moment: rich puts them above the lines."""
    screen = Screen(terminal=True)
    log = logging.Logger("a logger of its own")
    log.addHandler(Notices())
    with screen.display() as shown:
        shown.step(1, {})
        log.warning("a notice\nof two lines")
        shown.step(2, {})
    before, _, after = screen.text.partition("a notice of two lines")
    assert "painting" in before
    assert "painting" in after


def test_the_heaviest_terms_are_shown():
    record = {
        "step": 1,
        "frame": 0,
        "t": 0.0,
        "a": 0.1,
        "b": -3.0,
        "c": 2.0,
        "d": 1.0,
        "total": 0.1,
    }
    assert brief(record) == "loss 0.100, b -3.000, c 2.000, d 1.000"
    assert brief({}) == "loss 0.000"
    assert len(brief({"x" * 100: 1.0})) < 60


def test_a_download_says_its_name_once_in_a_pipe(capsys):
    shown = FetchDisplay("ViT-B/32")
    for done in (0, 50, 100):
        shown(Transfer("file", done, 100, None))
    assert capsys.readouterr().err.splitlines() == ["fetching ViT-B/32"]
    assert shown.progress is None
