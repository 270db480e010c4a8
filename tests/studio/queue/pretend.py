"""A program that behaves as commands may: it is run in the place of ``mutoscope`` in tests.

``image WHAT`` does what WHAT says. Its run folder is images_out/pretend; `resume` goes on there.
"""

import os
import signal
import sys
import time
from pathlib import Path

from mutoscope import report

asked = False


def ask(*_):
    global asked
    if asked:
        sys.exit(finish(130))
    asked = True
    sys.stderr.write("stopping after this step\n")


def finish(code):
    report.tell(exit=code)
    return code


def main(command, what):
    run = Path("images_out/pretend").absolute()
    if command == "resume":
        assert (run / "run.json").is_file()
        what = "quick"
    if what == "fail":
        sys.stderr.write(f"mutoscope: {run}/x.png: is damaged\n")
        return finish(2)
    if what == "fault":
        sys.stderr.write("Traceback\nZeroDivisionError: hf_secretsecret\n")
        return 1
    if what == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    run.mkdir(parents=True, exist_ok=True)
    (run / "run.json").write_text("{}")
    (run / "latest.png").write_bytes(b"x")
    (run / "environment").write_text("\n".join(f"{k}={v}" for k, v in os.environ.items()))
    if what == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if what in ("works", "slow"):
        signal.signal(signal.SIGINT, ask)
    report.tell(run=str(run), done=1, total=4, seconds_left=9.0, losses={"a fox": 0.5})
    while what in ("works", "deaf", "slow") and not (asked and what == "works"):
        time.sleep(0.01)
    if what == "works":
        return finish(130)
    report.tell(done=4, seconds_left=0.0)
    return finish(0)


if __name__ == "__main__":
    with report.reporting():
        code = main(sys.argv[1], sys.argv[-1])
    sys.exit(code)
