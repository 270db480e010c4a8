"""Work on a real Ray cluster of two nodes, of which one is killed in the middle."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch

from mutoscope.cli import run
from mutoscope.crew import cluster
from mutoscope.crew.cluster import connected, refuse_other_versions
from mutoscope.crew.place import versions
from mutoscope.crew.task import CrewWatch, Task
from mutoscope.errors import ExtraError, RunError, SettingsError
from mutoscope.finish.produce import work_folder
from mutoscope.frames import FilmSink
from mutoscope.settings import load_settings

pytestmark = [pytest.mark.extra, pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")]

SAVE = 10
STEPS = 30 * SAVE


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


class Nodes:
    """A head and a second node, one CPU each, and all of their processes."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = free_port(), free_port()
        quick = {
            "RAY_health_check_initial_delay_ms": "500",
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_timeout_ms": "1000",
            "RAY_health_check_failure_threshold": "3",
        }
        self.environment = {
            **os.environ, **quick, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled",
            "XDG_CACHE_HOME": str(folder),
        }  # fmt: skip
        self.second = -1

    def begin(self):
        self.start(
            "--head", f"--port={self.ports[0]}", f"--ray-client-server-port={self.ports[1]}",
            f"--temp-dir={self.folder / 'ray'}", "--include-dashboard=false",
        )  # fmt: skip
        first = self.raylets()
        self.start(f"--address=127.0.0.1:{self.ports[0]}")
        (self.second,) = set(self.raylets()) - set(first)

    @property
    def address(self):
        return f"ray://127.0.0.1:{self.ports[1]}"

    def start(self, *options):
        ray = Path(sys.executable).with_name("ray")
        command = [ray, "start", *options, "--num-cpus=1", "--object-store-memory=100000000"]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def raylets(self):
        return [number for number, words in self.processes().items() if "raylet/raylet" in words]

    def processes(self):
        """All processes of this cluster and no other, by its folder or the address of its head."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                if str(self.folder) in words or ("/ray/" in words and f":{self.ports[0]}" in words):
                    found[int(entry.name)] = words
        return found

    def kill_second(self):
        """End the second node and all that it has begun, without a word to anyone."""
        family = {self.second}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = (entry / "stat").read_text()
                if int(stat.rpartition(")")[2].split()[1]) in family:
                    family.add(int(entry.name))
        for number in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def end(self):
        for _ in range(3):
            for number in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.1)


@pytest.fixture(scope="module")
def nodes():
    pytest.importorskip("ray")
    folder = Path(tempfile.mkdtemp(prefix="rt"))  # short: a socket's path is at most 107 bytes
    made = Nodes(folder)
    try:
        made.begin()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


def settings_of(name, seed):
    return load_settings(
        {
            "scenes": "a fox", "perceptors": ["tiny"], "width": 32, "height": 32, "cutouts": 2,
            "seed": seed, "steps_per_scene": STEPS, "save_every": SAVE, "steps_per_frame": SAVE,
            "backups": 1, "file_namespace": name,
        },
        quiet=True,
    )  # fmt: skip


def pictures(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "frames").iterdir())}


def steps_of(folder):
    from mutoscope.chart import read_records

    return [record["step"] for record in read_records(folder / "log.jsonl")]


@pytest.fixture
def clip(tmp_path):
    with FilmSink(tmp_path / "clip.mkv", 12) as sink:
        for number in range(25):
            noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
            large = torch.nn.functional.interpolate(noise, (96, 128), mode="bicubic").clamp(0, 1)
            sink.write(large.roll(number, -1))
    return tmp_path / "clip.mkv"


@pytest.mark.long
def test_a_film_made_on_a_cluster_is_the_same_bytes(nodes, clip, tmp_path, single_thread):
    alone, shared = tmp_path / "alone.mp4", tmp_path / "shared.mp4"
    assert run(["interpolate", str(clip), "-o", str(alone), "--factor", "4"]) == 0
    words = ["interpolate", str(clip), "-o", str(shared), "--factor", "4", "--on", nodes.address]
    assert run(words) == 0
    assert shared.read_bytes() == alone.read_bytes()
    assert not work_folder(shared).exists()


@pytest.mark.long  # two nodes are begun for it; test_place.py shows the half of it
def test_a_node_that_dies_costs_nothing_but_time(nodes, tmp_path, single_thread):
    """Nothing is lost and nothing is there twice; its job goes on from its last checkpoint."""
    from mutoscope.crew.painting import paint_run
    from mutoscope.crew.ray import RayCluster

    jobs = {f"job-{seed}": settings_of(f"job-{seed}", seed) for seed in range(4)}
    tasks = [
        Task(name, "run", tmp_path / name, {"settings": settings.to_dict()})
        for name, settings in jobs.items()
    ]
    told, at, killed = {}, {}, []

    def hear(task, news):
        told.setdefault((task.name, news.tries), []).append(news.done)
        at[news.worker] = news.done
        amid = [done for done in at.values() if 4 * SAVE <= done <= STEPS - 4 * SAVE]
        if not killed and len(amid) == 2:
            nodes.kill_second()
            killed.append(task.name)

    with RayCluster(nodes.address) as crew:
        outcomes = list(crew.work(tasks, watch=CrewWatch(news=hear)))
    assert sorted(outcome.task.name for outcome in outcomes) == sorted(jobs)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sorted(outcome.tries for outcome in outcomes) == [1, 1, 1, 2]
    again = next(outcome.task.name for outcome in outcomes if outcome.tries == 2)
    # It goes on from the last checkpoint that came; a few of these quick ones were on their way.
    assert told[again, 2][0] > told[again, 1][-1] - 5 * SAVE
    assert told[again, 2][0] >= 3 * SAVE
    (tmp_path / "here").mkdir()
    for name in jobs:
        assert len(pictures(tmp_path / name)) == STEPS // SAVE
        assert steps_of(tmp_path / name) == sorted(set(steps_of(tmp_path / name)))
    for name in {again, min(jobs.keys() - {again})}:
        for _ in paint_run(tmp_path / "here" / name, jobs[name], {}):
            pass
        assert pictures(tmp_path / name) == pictures(tmp_path / "here" / name)
        assert steps_of(tmp_path / name) == steps_of(tmp_path / "here" / name)


@pytest.mark.parametrize(
    "address", ["ray:/x", "http://a:1", "10.0.0.1:6379", "ray://", "ray://a:b"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(SettingsError, match="is no cluster; give ray://HOST:PORT"):
        connected(address)


def test_an_address_where_nothing_answers_is_refused_within_seconds():
    pytest.importorskip("ray")
    began = time.monotonic()
    with pytest.raises(RunError, match=r"no cluster answers \(.*refused"):
        connected(f"ray://127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 20  # of which most is loading Ray, on a busy machine


def test_an_address_where_something_else_listens_is_refused(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(cluster, "REACH", 0.3)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        with pytest.raises(RunError, match="something else than Ray listens there"):
            connected(f"ray://127.0.0.1:{door.getsockname()[1]}")


def test_ray_that_is_not_installed_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExtraError, match=r"pip install 'mutoscope\[ray\]'"):
        connected("ray")


@pytest.mark.parametrize("package", ["mutoscope", "torch", "python"])
def test_a_machine_with_other_versions_is_refused(package):
    refuse_other_versions({**versions(), "machine": "node-7"})
    with pytest.raises(RunError, match=f"node-7: has {package} 0.1 and this machine"):
        refuse_other_versions({**versions(), "machine": "node-7", package: "0.1"})
    with pytest.raises(RunError, match="None"):
        refuse_other_versions("nonsense")
