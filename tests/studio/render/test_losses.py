import itertools
import json
import xml.etree.ElementTree as ET

from mutoscope.studio.render.losses import MOST_LINES, MOST_POINTS, Losses, drawn


def write(path, steps, first=1, mode="w", **more):
    with path.open(mode) as file:
        for step in range(first, first + steps):
            told = {"step": step, "frame": 0, "t": 0.0, "a fox": 1 / step, "total": 2 / step}
            file.write(json.dumps({**told, **more}) + "\n")


def test_losses_are_read_as_the_log_grows(tmp_path):
    log = tmp_path / "log.jsonl"
    losses = Losses(log)
    assert not losses.look()
    write(log, 3)
    assert losses.look()
    assert not losses.look()
    with log.open("a") as file:
        file.write('{"step": 4, "tot')
    assert not losses.look()  # a line that is not whole yet
    with log.open("a") as file:
        file.write('al": 0.5}\n')
    assert losses.look()
    assert list(losses.series()) == ["total", "a fox"]
    assert losses.series()["total"] == ((1, 2), (2, 1), (3, 2 / 3), (4, 0.5))


def test_a_run_that_was_rewound_is_read_anew(tmp_path):
    log = tmp_path / "log.jsonl"
    losses = Losses(log)
    write(log, 9)
    losses.look()
    write(log, 2)
    assert losses.look()
    assert [step for step, _ in losses.series()["total"]] == [1, 2]


def test_a_long_log_is_thinned_evenly(tmp_path):
    log = tmp_path / "log.jsonl"
    losses = Losses(log)
    write(log, 1500)
    losses.look()
    write(log, 1500, first=1501, mode="a")
    losses.look()
    steps = [step for step, _ in losses.series()["total"]]
    assert MOST_POINTS / 2 <= len(steps) <= MOST_POINTS
    assert len({b - a for a, b in itertools.pairwise(steps)}) == 1
    assert steps[-1] > 2900


def test_what_is_no_number_is_passed_over(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1, "total": null, "x": "y", "b": true}\n[]\nnonsense\n'
                   '{"step": 2, "total": 1.0}\n')  # fmt: skip
    losses = Losses(log)
    losses.look()
    assert losses.series() == {"total": ((2, 1.0),)}


def test_the_plot_is_sound_and_its_words_are_only_words(tmp_path):
    log = tmp_path / "log.jsonl"
    write(log, 5, **{"<script>alert(1)</script>": 9.0, **{f"n{k}": k for k in range(9)}})
    losses = Losses(log)
    losses.look()
    text = drawn(losses.series())
    assert "<script" not in text
    tree = ET.fromstring(f"<all>{text}</all>")  # noqa: S314 - our own
    assert len(tree.findall(".//polyline")) == MOST_LINES
    for line in tree.findall(".//polyline"):
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 100
            assert 0 <= y <= 40


def test_one_point_is_no_line():
    assert drawn({"total": [(1, 1.0)]}) == ""
    assert "polyline" in drawn({"total": [(1, 1.0), (2, 1.0)]})
