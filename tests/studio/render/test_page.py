from mutoscope.studio.gallery.catalogue import Entry
from mutoscope.studio.queue.jobs import Job, Progress
from mutoscope.studio.render.page import duration, elsewhere, part_of, said_of


def job(state, run=None, **more):
    return Job("a" * 12, "a fox", ("render", "fox.yaml"), state, run=run, **more)


def entry(tmp_path, name, kind="picture", state="running", sheet=None):
    return Entry(name=name, kind=kind, title=name, state=state, path=tmp_path, sheet=sheet)


def test_each_state_has_its_part_of_the_page():
    parts = {"running": "now", "stopping": "now", "waiting": "next", "paused": "next",
             "stopped": "rest", "done": "rest", "failed": "rest"}  # fmt: skip
    assert {state: part_of(job(state)) for state in parts} == parts


def test_how_it_goes_is_said_in_a_line():
    progress = Progress(30, 120, 95.0, {}, None)
    told = said_of(job("stopped", started=10.0, ended=20.0), progress)
    assert told == "stopped · 30 of 120 · 1 min 35 s left"
    assert said_of(job("waiting"), None) == "waiting"
    assert said_of(job("done", started=10.0, ended=20.0), progress) == "done · took 10 s"


def test_durations_are_said_as_people_do():
    assert [duration(s) for s in (-3, 59.4, 60, 3599, 7380)] == [
        "0 s", "59 s", "1 min 00 s", "59 min 59 s", "2 h 03 min",
    ]  # fmt: skip


def test_runs_of_a_terminal_are_shown_too(tmp_path):
    ours, theirs = entry(tmp_path, "ours"), entry(tmp_path, "theirs")
    sheet = entry(tmp_path, "sheet", "sheet")
    on_sheet = entry(tmp_path, "sheet/1", sheet="sheet")
    still = entry(tmp_path, "still", state="done")
    found = elsewhere([ours, theirs, sheet, on_sheet, still], [job("running", run="ours")])
    assert found == [theirs, sheet]
    ended = [job("done", run="ours")]
    assert elsewhere([ours], ended) == [ours]  # it was taken up again, in a terminal


def test_a_run_of_ours_is_not_foreign_before_its_job_has_told_of_it(tmp_path):
    (tmp_path / "settings.yaml").write_text("scenes: a fox\n")
    begun, found = (tmp_path / "settings.yaml").stat().st_mtime, entry(tmp_path, "new")
    assert elsewhere([found], [job("running", started=begun - 3.0)]) == []
    assert elsewhere([found], [job("running", started=begun + 3.0)]) == [found]
    assert elsewhere([found], [job("running", run="other", started=begun - 3.0)]) == [found]


def test_the_pictures_of_our_own_sheet_are_not_foreign(tmp_path):
    sheet, picture = entry(tmp_path, "s", "sheet"), entry(tmp_path, "s/1", sheet="s")
    assert elsewhere([sheet, picture], [job("running", run="s")]) == []
