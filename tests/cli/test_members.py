"""Several processes of one command end together."""

import os
import signal
import sys
import threading
import time

import pytest

from mutoscope.cli import members


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Makes every process run a few lines of Python instead; gives a place for their files."""

    def be(source):
        path = tmp_path / "program.py"
        path.write_text("import os, sys, time, pathlib, signal\n" + source)
        popen = members.subprocess.Popen

        def start(command, **kwargs):
            assert command[:3] == [sys.executable, "-m", "mutoscope"]
            return popen([sys.executable, str(path), *command[3:]], **kwargs)

        monkeypatch.setattr(members.subprocess, "Popen", start)
        return tmp_path

    return be


def test_each_knows_its_number_and_all_are_told_the_same(program):
    place = program(
        "pathlib.Path(sys.argv[1], os.environ['RANK']).write_text("
        "' '.join(os.environ[n] for n in ('WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')))"
    )
    assert members.start_together(3, [str(place)]) == 0
    told = [(place / str(rank)).read_text() for rank in range(3)]
    assert len(set(told)) == 1
    assert told[0].startswith("3 127.0.0.1 ")


def test_when_one_fails_the_others_are_ended_and_its_code_is_the_answer(program, monkeypatch):
    monkeypatch.setattr(members, "GRACE_SECONDS", 0.5)
    program("sys.exit(7) if os.environ['RANK'] == '1' else time.sleep(60)")
    begun = time.monotonic()
    assert members.start_together(2, []) == 7
    assert time.monotonic() - begun < 30


def test_a_stop_reaches_the_first_alone(program):
    place = program(
        "here = pathlib.Path(sys.argv[1])\n"
        "rank = os.environ['RANK']\n"
        "def stop(*_):\n    (here / ('stopped' + rank)).touch(); sys.exit(130)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        "(here / ('ready' + rank)).touch()\n"
        "while not (here / 'stopped0').exists(): time.sleep(0.05)\n"
    )

    def interrupt():
        while not all((place / f"ready{rank}").exists() for rank in range(2)):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    assert members.start_together(2, [str(place)]) == 130
    thread.join()
    assert not (place / "stopped1").exists()
    assert signal.getsignal(signal.SIGINT) is before
