"""What another run logged, as a number over time."""

import json

import pytest

from mutoscope.build.logs import read_logged
from mutoscope.errors import MediaError


@pytest.fixture
def log(tmp_path):
    def log(*records, end=""):
        lines = [json.dumps(record) if isinstance(record, dict) else record for record in records]
        path = tmp_path / "log.jsonl"
        path.write_text("".join(f"{line}\n" for line in lines) + end)
        return path

    return log


def read(path, value="total"):
    return read_logged(path, value, place="curves.pull")


def test_it_runs_straight_between_steps_and_is_held_at_the_ends(log):
    path = log({"t": 0, "total": 1.0}, {"t": 0.5, "total": 2.0}, {"t": 1.0, "total": -4})
    logged = read(path)
    values = [logged({"t": t}) for t in (-1, 0, 0.25, 0.5, 0.75, 1, 9)]
    assert values == pytest.approx([1, 1, 1.5, 2, -1, -4, -4])
    assert logged.names == {"t"}
    assert read(path.parent)({"t": 0.25}) == 1.5  # a run's folder


def test_steps_without_a_number_are_passed_over_and_a_torn_end_too(log):
    path = log({"t": 0, "fox": 1}, {"t": 1, "fox": None}, {"t": 2}, {"t": 3, "fox": 4},
               end='{"t": 4, "fo')  # fmt: skip
    assert read(path, "fox")({"t": 2}) == 3


def test_a_stretch_that_was_painted_again_counts_once(log):
    path = log(*({"t": t, "total": t} for t in (0, 1, 2, 3)), {"t": 1, "total": 10})
    assert [read(path)({"t": t}) for t in (0.5, 1, 3)] == [5, 10, 10]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "it is empty"),
        ([{"t": 0, "step": 1, "totals": 2}], "'total'; it holds 'totals'; did you mean 'totals'"),
        ([{"step": 1, "total": 2}], ":1: says no time t"),
        ([{"t": 0, "total": 2}, "not json"], ":2: is no line of a log"),
        ([{"t": 0, "total": 2}, "[1]"], ":2: is no line of a log"),
        (["[" * 100_000], ":1: is no line of a log"),
        ([{"t": 0, "total": True}], "has no number under 'total'"),
        ([{"t": 0, "total": 10**400}], "has no number under 'total'"),
        (["x" * (2**20 + 2)], ":1: is no line of a log"),
    ],
)
def test_what_is_no_log_is_refused_with_its_line(log, lines, says):
    with pytest.raises(MediaError, match=r"curves\.pull: .*log\.jsonl") as error:
        read(log(*lines))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_it_must_be_there(tmp_path):
    with pytest.raises(MediaError, match=r"curves\.pull: .*does not exist"):
        read(tmp_path / "none.jsonl")
