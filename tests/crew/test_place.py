"""Places and what a crew does with them, in this process: Ray's part is played by a stand-in."""

import hashlib
import json
import types
from pathlib import Path

import pytest

from mutoscope.crew import place as placing
from mutoscope.crew import ray as crews
from mutoscope.crew.cluster import refuse_unprepared
from mutoscope.crew.place import Place
from mutoscope.crew.ray import RayCluster
from mutoscope.crew.task import MOST_TRIES, CrewWatch, Task
from mutoscope.elsewhere import BROUGHT, brought
from mutoscope.errors import RunError


class RayError(Exception):
    pass


class Call:
    def __init__(self, place, method, arguments):
        self.place, self.method, self.arguments = place, method, arguments


class Handle:
    """What Ray gives for an actor; after ``dies`` calls its machine is gone."""

    def __init__(self, place, dies):
        self.place, self.dies, self.killed = place, dies, False

    def __getattr__(self, name):
        return types.SimpleNamespace(remote=lambda *given: Call(self, name, given))


class StandIn:
    """Ray, as far as it is used: what is asked for is done when it is got."""

    exceptions = types.SimpleNamespace(RayError=RayError)

    def __init__(self, make=Place, dies=(), cpus=(1, 1)):
        self.make, self.dies, self.cpus, self.handles = make, list(dies), cpus, []
        self.turn = 0

    def remote(self, kind):
        def begin(threads):
            dies = self.dies.pop(0) if self.dies else 10**9
            self.handles.append(Handle(self.make(threads), dies))
            return self.handles[-1]

        options = lambda **_: types.SimpleNamespace(remote=begin)  # noqa: E731
        return types.SimpleNamespace(options=options)

    def get(self, call):
        if isinstance(call, list):
            return [self.get(one) for one in call]
        handle = call.place
        handle.dies -= 1
        assert not handle.killed
        if handle.dies < 0:
            raise RayError("the actor died\nits node was lost")
        return getattr(handle.place, call.method)(*call.arguments)

    def wait(self, calls, num_returns, timeout):
        self.turn += 1  # nobody is always last
        calls = calls[self.turn % len(calls) :] + calls[: self.turn % len(calls)]
        return calls[:num_returns], calls[num_returns:]

    def kill(self, handle):
        handle.killed = True

    def put(self, part):
        return part

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": count}} for count in self.cpus]

    def cluster_resources(self):
        return {"CPU": sum(self.cpus)}

    def shutdown(self):
        pass


def write(bench):
    """A kind that appends a line a checkpoint, and ends as its order says."""
    path = bench.folder / "lines"
    done = len(path.read_text().split()) if path.exists() else 0
    while done < bench.order["lines"]:
        if bench.stopped():
            return False
        done += 1
        with path.open("a") as file:
            file.write(f"{done}\n")
        bench.tell(done, bench.order["lines"], {"loss": 0.5})
        yield
    if "read" in bench.order:
        (bench.folder / "read").write_bytes(brought(Path(bench.order["read"])).read_bytes())
    if fate := bench.order.get("fate"):
        raise fate
    return True


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    from mutoscope.crew import kinds

    for name in (BROUGHT, "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        monkeypatch.setenv(name, "1" if name != BROUGHT else "")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(placing.tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kinds, "KINDS", {"write": write})
    monkeypatch.setattr(placing, "WAIT", 0.05)


@pytest.fixture
def crew(monkeypatch):
    def made(**options):
        stand_in = StandIn(**options)
        monkeypatch.setattr(crews, "connected", lambda address: stand_in)
        monkeypatch.setattr(crews, "_LOOK", 0.0)
        return RayCluster("ray")

    return made


def tasks(folder, count=3, **order):
    return [Task(f"t{n}", "write", folder / f"t{n}", {"lines": 5, **order}) for n in range(count)]


def work(crew, tasks, **watch):
    with crew:
        return {o.task.name: o for o in crew.work(tasks, watch=CrewWatch(**watch))}


def test_what_places_make_comes_into_the_folders_of_the_tasks(crew, tmp_path):
    told = []
    outcomes = work(crew(), tasks(tmp_path), news=lambda task, news: told.append(news))
    assert {name: (o.error, o.tries) for name, o in outcomes.items()} == {
        f"t{n}": (None, 1) for n in range(3)
    }
    for n in range(3):
        assert (tmp_path / f"t{n}" / "lines").read_text() == "1\n2\n3\n4\n5\n"
    assert (told[-1].done, told[-1].total, told[-1].losses) == (5, 5, {"loss": 0.5})
    assert list((tmp_path / "tmp").iterdir()) == []  # places tidy up


def test_a_lost_place_is_replaced_and_its_task_goes_on(crew, tmp_path, caplog):
    outcomes = work(crew(dies=[7, 9]), tasks(tmp_path))
    assert [o.error for o in outcomes.values()] == [None] * 3
    assert max(o.tries for o in outcomes.values()) > 1
    for n in range(3):
        assert (tmp_path / f"t{n}" / "lines").read_text() == "1\n2\n3\n4\n5\n"
    assert "its worker was lost; another goes on with it" in caplog.text


def test_a_task_whose_places_are_always_lost_fails_alone(crew, tmp_path):
    (outcome,) = work(crew(dies=[4] * MOST_TRIES, cpus=(1,)), tasks(tmp_path, 1)).values()
    assert outcome.tries == MOST_TRIES
    assert outcome.error == "t0: its worker was lost 3 times, at last: its node was lost"


@pytest.mark.parametrize(
    ("fate", "said"),
    [(RunError("the loss is nan"), "the loss is nan"), (ValueError("odd"), "ValueError: odd")],
)
def test_a_task_that_fails_stops_no_other(crew, tmp_path, fate, said, monkeypatch):
    fates = {"t1": fate}
    real = json.loads
    monkeypatch.setattr(
        placing.json, "loads",
        lambda text: (o := real(text)) | ({"fate": fates[o["name"]]} if o["name"] in fates else {}),
    )  # fmt: skip
    given = [Task(t.name, t.kind, t.folder, {**t.order, "name": t.name}) for t in tasks(tmp_path)]
    outcomes = work(crew(), given)
    assert outcomes["t1"].error.startswith(said)
    assert [outcomes[name].error for name in ("t0", "t2")] == [None, None]
    assert (tmp_path / "t1" / "lines").read_text().endswith("5\n")  # what it made came back


def test_files_that_an_order_names_are_brought_once(crew, tmp_path):
    (tmp_path / "song.wav").write_bytes(b"la" * 1000)
    order = {"read": str(tmp_path / "song.wav"), "files": [str(tmp_path / "song.wav")]}
    work(crew(cpus=(1,)), tasks(tmp_path, **order))
    for n in range(3):
        assert (tmp_path / f"t{n}" / "read").read_bytes() == b"la" * 1000
    digest = hashlib.sha256(b"la" * 1000).hexdigest()
    cached = tmp_path / "cache" / "mutoscope" / "brought"
    assert [path.name for path in cached.iterdir()] == [digest]


def test_a_file_that_is_not_what_it_was_is_refused(tmp_path):
    place = Place(1)
    with pytest.raises(RunError, match="changed on its way"):
        place.stock("0" * 64, b"other")
    with pytest.raises(RunError, match="is no SHA-256"):
        place.stock("../../evil", b"other")
    assert place.missing(["0" * 64]) == ["0" * 64]
    place.leave()


def test_asked_to_stop_places_keep_what_they_have(crew, tmp_path):
    seen = []
    outcomes = work(
        crew(), tasks(tmp_path, lines=10**9),
        news=lambda task, news: seen.append(news), stopped=lambda: len(seen) > 3,
    )  # fmt: skip
    assert outcomes == {}
    lines = (tmp_path / "t0" / "lines").read_text().split()
    assert lines == [str(n) for n in range(1, len(lines) + 1)]
    assert not (tmp_path / "t2").exists()


def test_a_place_that_sends_what_it_may_not_is_let_go(crew, tmp_path):
    class Hostile(Place):
        def news(self):
            return {**super().news(), "files": [("../evil", 0, 1, b"x")]}

    (outcome,) = work(crew(make=Hostile), tasks(tmp_path, 1)).values()
    assert "may not lie in it" in outcome.error
    assert not (tmp_path / "evil").exists()


def test_machines_with_other_versions_are_refused(crew, tmp_path):
    class Old(Place):
        def hello(self):
            return {**super().hello(), "torch": "1.0"}

    with pytest.raises(RunError, match=r"has torch 1\.0 and this machine"):
        work(crew(make=Old), tasks(tmp_path))


def test_a_cluster_without_room_is_refused(crew, tmp_path, monkeypatch):
    monkeypatch.setattr(crews, "_PATIENT", 0.1)
    with pytest.raises(RunError, match="no machine of the cluster has 1 CPUs"):
        work(crew(cpus=()), tasks(tmp_path))


def test_machines_without_mutoscope_are_refused():
    with pytest.raises(
        RunError, match=r"install this one on each: pip install 'mutoscope\[ray\]=="
    ):
        refuse_unprepared(RayError("died\nModuleNotFoundError: No module named 'mutoscope'"))
    refuse_unprepared(RayError("the node was lost"))
