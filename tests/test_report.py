"""What a command tells another program of how it goes."""

import json
import stat

import pytest

from mutoscope import report


@pytest.fixture
def told(tmp_path):
    return tmp_path / "told.json"


def test_what_is_told_is_read(told):
    environment = {report.VARIABLE: str(told)}
    with report.reporting(environment):
        report.tell(run="/a/b", total=10)
        report.tell(done=3, losses={"a fox": 0.5}, seconds_left=2.5)
    assert environment == {}
    assert report.read_report(told) == report.Report(
        run="/a/b", done=3, total=10, seconds_left=2.5, losses={"a fox": 0.5}
    )


def test_without_a_listener_nothing_is_written(tmp_path):
    report.tell(done=1)
    with report.reporting({}):
        report.tell(done=1)
    assert list(tmp_path.iterdir()) == []


def test_after_the_block_nobody_listens(told):
    with report.reporting({report.VARIABLE: str(told)}):
        report.tell(done=1)
    report.tell(done=2)
    assert report.read_report(told).done == 1


def test_a_listener_that_is_gone_disturbs_nothing(tmp_path):
    with report.reporting({report.VARIABLE: str(tmp_path / "gone/told.json")}):
        report.tell(done=1)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", '{"done": 1}', "[" * 9999, '{"losses": 3}',
     json.dumps({"run": None, "done": "x", "total": 1, "seconds_left": None, "losses": {},
                 "newest": None, "exit": None})],
)  # fmt: skip
def test_what_is_damaged_is_none(told, text):
    told.write_text(text)
    assert report.read_report(told) is None


def test_numbers_that_are_none_are_left_out(told):
    with report.reporting({report.VARIABLE: str(told)}):
        report.tell(losses={"a": float("nan"), "b": 1.0}, seconds_left=float("inf"))
    found = report.read_report(told)
    assert found.losses == {"b": 1.0}
    assert found.seconds_left is None


def test_a_count_is_told_now_and_then_and_at_its_end(told, monkeypatch):
    clock = iter([0.0, 10.0, 10.1, 11.0, 11.1])
    monkeypatch.setattr(report.time, "monotonic", lambda: next(clock))
    with report.reporting({report.VARIABLE: str(told)}):
        counter = report.Counter()
        counter(40, 100)  # gone on with: forty were done before
        first = report.read_report(told)
        counter(41, 100)  # too soon
        same = report.read_report(told)
        counter(50, 100)
        later = report.read_report(told)
        counter(100, 100)
    assert (first.done, first.seconds_left) == (40, None)
    assert same == first
    assert (later.done, later.total) == (50, 100)
    assert later.seconds_left == pytest.approx(5.0)
    assert report.read_report(told).done == 100


def test_a_count_of_unknown_end_is_not_told(told):
    with report.reporting({report.VARIABLE: str(told)}):
        report.Counter()(3, None)
    assert not told.exists()


def test_it_is_always_whole(told):
    with report.reporting({report.VARIABLE: str(told)}):
        report.tell(done=1)
        first = told.stat()
        report.tell(done=2)
        assert told.stat().st_ino != first.st_ino  # replaced, not written over
    assert stat.S_ISREG(first.st_mode)
