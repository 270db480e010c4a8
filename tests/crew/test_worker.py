"""A worker: what it reads, what it tells, and that nothing in one task ends the next."""

import json
import os
import threading

import pytest

from mutoscope.crew.worker import Worker
from mutoscope.images import load_image
from mutoscope.settings import load_settings

pytestmark = pytest.mark.usefixtures("single_thread")


class Caller:
    """The other end of a worker's pipes; the worker serves in a thread of its own."""

    def __init__(self):
        ends = [*os.pipe(), *os.pipe()]
        self.files = [
            os.fdopen(end, mode) for end, mode in zip(ends, ["rb", "wb"] * 2, strict=True)
        ]
        orders, self.orders, self.news, news = self.files
        self.worker = Worker(orders, news)
        self.thread = threading.Thread(target=self.worker.serve)
        self.thread.start()

    def order(self, **order):
        self.orders.write(json.dumps(order).encode() + b"\n")
        self.orders.flush()

    def do(self, folder, kind="run", **settings):
        told = load_settings(
            {"scenes": "a fox", "perceptors": "tiny", "width": 32, "height": 32, "cutouts": 2,
             "steps_per_scene": 4, "seed": 1} | settings, preset="still", quiet=True,
        ).to_dict()  # fmt: skip
        order = {"settings": told} if kind == "run" else {}
        self.order(do={"name": folder.name, "kind": kind, "folder": str(folder), "order": order})

    def heard(self, *keys):
        """The next news that has one of the keys."""
        while True:
            news = json.loads(self.news.readline())
            if any(key in news for key in keys):
                return news


@pytest.fixture
def caller():
    caller = Caller()
    yield caller
    caller.orders.close()
    caller.thread.join(30)
    assert not caller.thread.is_alive()
    for file in caller.files:
        file.close()


def test_it_does_one_task_after_the_other_and_a_bad_one_ends_none(caller, tmp_path):
    assert caller.heard("ready") == {"ready": os.getpid()}
    caller.do(tmp_path / "one")
    caller.do(tmp_path / "two", kind="wash")
    caller.do(tmp_path / "three", init_image="none.png")
    caller.do(tmp_path / "four", seed=2)
    ends = [caller.heard("done", "failed") for _ in range(4)]
    assert [next(iter(end)) for end in ends] == ["done", "failed", "failed", "done"]
    assert "kind: 'wash'" in ends[1]["why"]
    assert "none.png" in ends[2]["why"]
    assert not (tmp_path / "three").exists()
    one, four = (load_image(tmp_path / f"{n}/frames/{n}_1.png") for n in ("one", "four"))
    assert not one.equal(four)


def test_what_is_complete_is_not_done_again(caller, tmp_path):
    caller.do(tmp_path / "one")
    caller.heard("done")
    picture = tmp_path / "one/frames/one_1.png"
    before = picture.stat().st_mtime_ns
    caller.do(tmp_path / "one")
    assert caller.heard("news", "done") == {"done": "one"}
    assert picture.stat().st_mtime_ns == before


@pytest.mark.parametrize("gone", [False, True])
def test_stopped_or_left_alone_it_keeps_what_it_has_and_ends(caller, tmp_path, gone):
    caller.do(tmp_path / "one", steps_per_scene=2000, save_every=5)
    caller.heard("news")
    if gone:
        caller.orders.close()
    else:
        caller.order(stop=True)
    assert caller.heard("stopped", "done", "failed") == {"stopped": "one"}
    caller.thread.join(30)
    kept = (tmp_path / "one/log.jsonl").read_bytes().count(b"\n")
    assert 0 < kept < 2000
    assert list((tmp_path / "one/state").glob("*.safetensors"))
