"""A little of what ``make trust-faults`` tries: kills, losses of power, trouble with the disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux"),
]

LITTLE = """
import json, random, sys, tempfile
from pathlib import Path
import faults, faults_disk, faults_power

quiet = lambda *_: None
with tempfile.TemporaryDirectory() as temporary:
    base = Path(temporary)
    base.chmod(0o755)
    known = faults.begun(base, only=("film", "walk"), say=quiet)
    tally = faults.kill_many(4, known, seed=1, say=quiet)
    said = {"kills": sum(tally.kills.values()), "equal": [tally.equal, tally.trials]}
    wrong = [*tally.wrong]
    for name, (work, nursery, whole, _) in known.items():
        if name == "walk":
            said["cuts"], failed = faults_power.cut(
                nursery, work, whole, chance=random.Random(2), most=2, say=quiet
            )
            wrong += failed
        tried = list(faults_disk.trials(nursery, work, whole, small=True))
        said[f"trials of {name}"] = [what for what, _ in tried]
        wrong += [f"{what}: {failed}" for what, failed in tried if failed]
print(json.dumps({**said, "wrong": wrong}))
"""


def test_whatever_the_machine_does_the_work_ends_in_the_same_bytes():
    done = subprocess.run(
        [sys.executable, "-c", LITTLE],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("wrong") == []
    assert found["kills"] >= 4
    assert found["equal"][0] == found["equal"][1] > 0
    assert found["cuts"] == 6
    for name in ("film", "walk"):
        assert "the second of two" in found[f"trials of {name}"]
