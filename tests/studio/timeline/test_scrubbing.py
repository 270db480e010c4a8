"""Previews are kept by what they show, made by processes of their own, and given up alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from mutoscope.errors import SettingsError
from mutoscope.schedule import Schedule
from mutoscope.settings import load_settings
from mutoscope.studio.timeline import previewing, scrubbing
from mutoscope.studio.timeline.previewing import FRAMES, STATE, read_state, refuse_endless, there
from mutoscope.studio.timeline.scrubbing import Previews, asked, digest_of

FILM = {
    "animation_mode": "2D",
    "pre_animation_steps": 2,
    "steps_per_frame": 2,
    "save_every": 2,
    "steps_per_scene": 16,
    "scenes": "a fox:1+t",
    "translate_x": "2",
    "width": 64,
    "height": 48,
    "seed": 1,
}
PATIENCE = 120


@pytest.fixture
def previews(place):
    made = Previews(place)
    yield made
    made.close()


def film(place, **changes):
    return load_settings({**FILM, **changes}, base=place.root, quiet=True)


def until(previews, what, who, wanted):
    deadline = time.monotonic() + PATIENCE
    while True:
        seen = previews.look(what, who)
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)


class Pretended:
    """A process that does nothing: ``code`` is how it has ended, None while it runs."""

    begun: list  # of all of them

    def __init__(self, line, **_):
        self.folder, self.code = line[-1], None
        Pretended.begun.append(self)

    def poll(self):
        return self.code

    def kill(self):
        self.code = -9

    def wait(self):
        return self.code


@pytest.fixture
def pretended(monkeypatch):
    """Lets no real process be begun, and lists those that would have been."""
    Pretended.begun = []
    monkeypatch.setattr(subprocess, "Popen", Pretended)
    return Pretended.begun


def tells(previews, what, **state):
    """Writes the state that a process would have written."""
    path = previews.place.own / "previews" / what.digest / STATE
    values = {"stage": "drawing", "made": 0, "total": 8, "every": 1, "rate": 12, "figure": 1,
              "sheet": [638, 400], "picture": [384, 288, 56], "message": ""}  # fmt: skip
    path.write_text(json.dumps(values | state))


# ── what is the same, and what another ──


@pytest.mark.parametrize(
    "change",
    [
        {"translate_x": "2.5"}, {"scenes": "a fox:1+2*t"}, {"steps_per_scene": 18},
        {"width": 80}, {"frames_per_second": 24}, {"animation_mode": "off"},
    ],
)  # fmt: skip
def test_other_settings_are_another_preview(place, change):
    assert digest_of(film(place)) != digest_of(film(place, **change))


def test_what_shows_nothing_else_is_the_same_preview(place):
    other = film(place, seed=9, file_namespace="elsewhere")
    assert digest_of(film(place)) == digest_of(other) == digest_of(film(place))


def test_a_picture_that_was_changed_is_another_preview(place):
    path = place.root / "start.png"
    digests = set()
    for colour in ("red", "blue"):
        Image.new("RGB", (8, 8), colour).save(path)
        os.utime(path, ns=(len(digests), len(digests)))
        digests.add(digest_of(film(place, init_image="start.png")))
        digests.add(digest_of(film(place, scenes="a fox | [start.png]:1")))
    assert len(digests) == 4


# ── processes ──


def test_two_are_made_and_others_wait(place, previews, pretended):
    films = [asked(film(place, translate_x=str(x))) for x in range(3)]
    doing = [previews.look(each, f"page {i}").doing for i, each in enumerate(films)]
    assert doing == ["reading", "reading", "waiting"]
    tells(previews, films[0], stage="done", made=8)
    pretended[0].code = 0
    assert previews.look(films[0], "page 0").doing == "done"
    assert previews.look(films[2], "page 2").doing == "reading"
    assert [Path(p.folder).name for p in pretended] == [each.digest for each in films]


def test_new_settings_end_what_nobody_looks_at_any_more(place, previews, pretended):
    first, second = (asked(film(place, translate_x=x)) for x in "12")
    previews.look(first, "one")
    previews.look(first, "other")
    previews.look(second, "one")
    assert pretended[0].code is None  # the other still looks
    previews.look(second, "other")
    assert pretended[0].code == -9
    previews.leave("one")
    assert pretended[1].code is None
    previews.leave("other")
    assert pretended[1].code == -9


def test_what_is_done_is_not_made_again(place, previews, pretended):
    what = asked(film(place))
    previews.look(what, "one")
    tells(previews, what, stage="done", made=8)
    pretended[0].code = 0
    previews.look(what, "one")
    anew = Previews(place)  # the server was started again
    assert anew.look(what, "two").doing == "done"
    assert len(pretended) == 1


def test_a_killed_process_is_begun_again_but_not_for_ever(place, previews, pretended):
    what = asked(film(place))
    for tries in range(scrubbing.MOST_TRIES):
        assert previews.look(what, "one").doing != "failed"
        assert len(pretended) == tries + 1
        pretended[-1].code = -9
    seen = previews.look(what, "one")
    assert seen.doing == "failed"
    assert "ended from outside" in seen.message
    previews.again(what)
    assert previews.look(what, "one").doing == "reading"
    assert len(pretended) == scrubbing.MOST_TRIES + 1


def test_a_process_of_which_nothing_is_heard_is_given_up(place, previews, pretended, monkeypatch):
    monkeypatch.setattr(scrubbing, "SILENCE", -1.0)
    what = asked(film(place))
    previews.look(what, "one")
    seen = previews.look(what, "one")
    assert (seen.doing, pretended[0].code) == ("failed", -9)
    assert "nothing was heard" in seen.message


def test_what_failed_is_tried_again_by_the_next_who_comes(place, previews, pretended):
    what = asked(film(place))
    previews.look(what, "one")
    tells(previews, what, stage="failed", message="the weights of x can't be had")
    pretended[0].code = 2
    assert previews.look(what, "one").message == "the weights of x can't be had"
    assert len(pretended) == 1
    previews.leave("one")
    assert previews.look(what, "two").doing == "reading"
    assert len(pretended) == 2


def test_old_previews_are_removed(place, previews, pretended, monkeypatch):
    monkeypatch.setattr(scrubbing, "MOST_KEPT", 2)
    films = [asked(film(place, translate_x=str(x))) for x in range(5)]
    folder = place.own / "previews"
    for age, each in enumerate(films):
        previews.look(each, "one")
        os.utime(folder / each.digest / "wanted", (1000 + age, 1000 + age))
    kept = {path.name for path in folder.iterdir()}
    assert kept == {each.digest for each in films[2:]}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "odd"}', '{"stage": "done"}', "9" * 99])
def test_a_damaged_state_is_none(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    assert read_state(path) is None


def test_only_figures_and_pictures_of_previews_can_be_had(place, previews, pretended):
    what = asked(film(place))
    previews.look(what, "one")
    folder = place.own / "previews" / what.digest
    (folder / FRAMES).mkdir()
    for path in (folder / "figure.json", folder / FRAMES / "000003.jpg"):
        path.write_bytes(b"x")
    assert previews.file(what.digest, "figure.json") == folder / "figure.json"
    assert previews.file(what.digest, "000003.jpg") == folder / FRAMES / "000003.jpg"
    for digest, name in (
        (what.digest, "settings.yaml"), (what.digest, "000004.jpg"), ("..", "figure.json"),
        (what.digest, "../../key"), (what.digest, "000003.jpg\n"), ("0" * 32, "figure.json"),
        (what.digest + "\n", "figure.json"), (f"../previews/{what.digest}", "figure.json"),
    ):  # fmt: skip
        assert previews.file(digest, name) is None


# ── films that are too much ──


def test_a_film_without_end_is_refused_before_it_is_counted():
    with pytest.raises(SettingsError, match="a film of 100000000 frames; the timeline shows up to"):
        refuse_endless(Schedule(1, 100_000_000, steps_per_frame=1, animated=True))
    with pytest.raises(SettingsError, match="stop at more than 2000000 steps"):
        refuse_endless(Schedule(1, 100_000_000, steps_per_frame=10_000, display_every=1))
    refuse_endless(Schedule(3, 6000, steps_per_frame=50, save_every=50, animated=True))


def test_the_server_needs_no_torch():
    code = (
        "import sys, mutoscope.studio.timeline.page, mutoscope.studio.timeline.scrubbing\n"
        "print(sorted({'torch', 'cv2', 'av'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# ── the process itself, in this one ──


@pytest.fixture
def folder(place, previews, pretended):
    """The folder of a preview that is to be made."""
    what = asked(film(place))
    previews.look(what, "one")
    return place.own / "previews" / what.digest


def test_a_preview_is_made_and_gone_on_with_where_it_was_broken_off(folder, single_thread):
    previewing.Making(folder).make()
    state = read_state(folder / STATE)
    assert (state.stage, state.made, state.total) == ("done", 8, 8)
    assert there(folder / FRAMES) == 8
    with Image.open(folder / FRAMES / "000000.jpg") as image:
        assert image.size == state.sheet
    assert state.picture[2] == (state.sheet[1] - state.picture[1]) // 2
    figure = json.loads((folder / "figure.json").read_text())
    titles = [panel["title"] for panel in figure["panels"]]
    assert "how far the picture moves, pixels per frame" in titles
    before = {path.name: path.read_bytes() for path in (folder / FRAMES).iterdir()}
    stays = (folder / FRAMES / "000002.jpg").stat().st_mtime_ns
    for place in range(3, 8):
        (folder / FRAMES / f"{place:06d}.jpg").unlink()
    previewing.Making(folder).make()
    assert {path.name: path.read_bytes() for path in (folder / FRAMES).iterdir()} == before
    assert (folder / FRAMES / "000002.jpg").stat().st_mtime_ns == stays


def test_a_number_without_a_value_is_told_in_the_words_of_the_command_line(
    place, previews, pretended, single_thread
):
    what = asked(film(place, translate_x="1/(frame - 3)"))
    previews.look(what, "one")
    folder = place.own / "previews" / what.digest
    assert previewing.main(folder) == 2
    state = read_state(folder / STATE)
    assert state.stage == "failed"
    assert "translate_x: '1/(frame - 3)' has no value at frame=3" in state.message


# ── and as a process ──


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_a_preview_that_is_made_all_the_same(place):
    previews = Previews(place)
    what = asked(film(place, steps_per_scene=200))
    try:
        until(previews, what, "one", lambda seen: seen.state.made > 0)
        os.kill(previews._making[what.digest].process.pid, signal.SIGKILL)
        seen = until(previews, what, "one", lambda seen: seen.doing in ("done", "failed"))
        assert (seen.doing, seen.state.made) == ("done", 100)
        assert there(place.own / "previews" / what.digest / FRAMES) == 100
    finally:
        previews.close()


@pytest.mark.slow
def test_hostile_settings_are_told_off_and_nothing_else(place):
    previews = Previews(place)
    what = asked(film(place, steps_per_scene=100_000_000, steps_per_frame=1))
    try:
        seen = until(previews, what, "one", lambda seen: seen.doing in ("done", "failed"))
        assert seen.doing == "failed"
        assert "the timeline shows up to" in seen.message
    finally:
        previews.close()
