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


def test_it_is_always_whole(told):
    with report.reporting({report.VARIABLE: str(told)}):
        report.tell(done=1)
        first = told.stat()
        report.tell(done=2)
        assert told.stat().st_ino != first.st_ino  # replaced, not written over
    assert stat.S_ISREG(first.st_mode)
