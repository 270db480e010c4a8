import os
import signal
import subprocess
import sys

import pytest

from mutoscope.errors import RunError
from mutoscope.lock import FolderLock, InUseError

HOLDER = """
import sys, time
from pathlib import Path
from mutoscope.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_one_holder_at_a_time(tmp_path):
    first = FolderLock(tmp_path)
    with pytest.raises(InUseError, match=str(os.getpid())):
        FolderLock(tmp_path)
    first.release()
    first.release()
    FolderLock(tmp_path).release()


def test_another_process_is_named_and_its_death_frees_the_folder(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(InUseError, match=f"in use by process {holder.pid}"):
                FolderLock(tmp_path)
        finally:
            holder.send_signal(signal.SIGKILL)
    FolderLock(tmp_path).release()


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(RunError, match="can't be locked: it does not exist"):
        FolderLock(tmp_path / "none")
