"""A little of the fuzzing, and that its watch sees what it is there to see."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def run(*words):
    return subprocess.run(
        [sys.executable, "-B", *words], capture_output=True, text=True, cwd=HERE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.slow
def test_no_reader_does_worse_than_refuse(tmp_path):
    # More of each, and the films, sounds and whole networks: make trust-fuzz
    ran = run("fuzz.py", "--count", "12", "--kept", str(tmp_path))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    targets, inputs = re.search(r"(\d+) targets, ([\d,]+) inputs, 0 findings", ran.stdout).groups()
    assert int(targets) >= 60
    assert int(inputs.replace(",", "")) == 12 * int(targets)


MISDEEDS = {
    "writes": "open(room.parent / 'beside', 'w')",
    "program": "__import__('subprocess').run(['true'])",
    "shell": "__import__('os').system('true')",
    "code": "exec('1')",
    "socket": "__import__('socket').create_connection(('127.0.0.1', 9))",
    "pickle": "__import__('pickle').loads(b'cos\\nsystem\\n.')",
    "import": "__import__('fuzz_stranger')",
    "hang": "next(x for x in iter(int, 1) if x)",
    "memory": "bytearray(range(1)) * (60 << 20)",
    "space": "bytearray(1 << 40)",
}


def test_the_watch_sees_every_misdeed(tmp_path):
    room = tmp_path / "room"
    room.mkdir()
    (HERE / "fuzz_guard.py").stat()
    misdeeds = {name: f"lambda room: {text}" for name, text in MISDEEDS.items()}
    program = "\n".join([
        "import json, os, pickle, socket, subprocess, sys",
        "from pathlib import Path",
        "from fuzz_guard import Guard, HangError, TrespassError",
        "room = Path(sys.argv[1])",
        f"deeds = {{{', '.join(f'{n!r}: {t}' for n, t in misdeeds.items())}}}",
        "guard = Guard(room, address_space=1 << 30)",
        "said = {}",
        "for name, deed in deeds.items():",
        "    with guard.watch(0.2) as spent:",
        "        try:",
        "            deed(room)",
        "        except BaseException as error:",
        "            said[name] = type(error).__name__",
        "    if spent.bytes > 50 << 20:",
        "        said[name] = 'grew'",
        "with guard.watch(0.2) as spent:",
        "    (room / 'inside').write_text('x')",
        "print(json.dumps(said))",
    ])  # fmt: skip
    ran = run("-c", program, str(room))
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        **dict.fromkeys(MISDEEDS, "TrespassError"),
        "hang": "HangError",
        "memory": "grew",
        "space": "MemoryError",
    }
    assert (room / "inside").exists()
    assert not (tmp_path / "beside").exists()


def test_native_code_that_never_returns_is_ended_by_processor_time(tmp_path):
    program = "\n".join([
        "import sys, time",
        "from pathlib import Path",
        "from fuzz_guard import Guard",
        "guard = Guard(Path(sys.argv[1]), address_space=1 << 30)",
        "with guard.watch(0.05):",
        "    time.sleep(0.4)  # waiting is none of it",
        "print('waited', flush=True)",
        "with guard.watch(0.05):",
        "    sum(range(10**11))",
    ])  # fmt: skip
    ran = run("-c", program, str(tmp_path))
    assert (ran.returncode, ran.stdout) == (-signal.SIGVTALRM, "waited\n")
    assert "line 9 in <module>" in ran.stderr
