"""What was recorded on the pad, as keys of a walk."""

import pytest

from mutoscope.errors import SettingsError
from mutoscope.studio.drawings.paths_recorded import MOST, Visit, evenly, film_command
from mutoscope.studio.place import Place
from mutoscope.studio.queue.allowed import refuse_others


def test_where_one_stood_is_asked_at_even_times():
    visits = [Visit("a", 10.0), Visit("b", 10.9), Visit("c", 13.0), Visit("c", 14.0)]
    assert [one.place for one in evenly(visits, 1.0)] == ["a", "b", "b", "c", "c"]
    assert [one.place for one in evenly(visits[:2], 1.0)] == ["a", "b"]
    assert evenly([]) == []
    assert len(evenly([Visit("a", 0.0), Visit("b", 1e5)])) == MOST


def test_the_command_is_one_that_the_studio_runs(tmp_path):
    keys = ["0.5*3 + 0.5*bird", "-0.5*42 + 1.5*8"]
    command = film_command("gan", "films/1.mp4", keys, seconds=4, truncation=0.7, timed=True)
    refuse_others(Place(tmp_path), command)
    assert "--keys=" + ",".join(keys) in command
    assert command[command.index("--pace") + 1] == "raw"


@pytest.mark.parametrize(
    ("keys", "seconds"), [([], 3), (["1"], 3), (["1"] * 401, 3), (["1", "2"], 0), (["1"] * 2, 9e9)]
)
def test_what_is_no_way_is_refused(keys, seconds):
    with pytest.raises(SettingsError):
        film_command("gan", "a.mp4", keys, seconds=seconds, truncation=0.7, timed=False)


def test_a_film_does_not_stand_still():
    command = film_command(
        "gan", "a.mp4", ["1", "1", "2", "2", "3", "1"], seconds=2, truncation=0.7, timed=True
    )
    assert "--keys=2,3,1" in command
    with pytest.raises(SettingsError, match="a walk needs"):
        film_command("gan", "a.mp4", ["1", "1"], seconds=2, truncation=0.7, timed=True)
