"""Which commands a studio runs, and on which files."""

import pytest

from mutoscope.errors import MediaError, MutoscopeError, SettingsError
from mutoscope.studio.queue.allowed import COMMANDS, refuse_others


def test_all_that_it_runs_are_commands():
    from mutoscope.cli import COMMANDS as KNOWN

    assert set(COMMANDS) <= set(KNOWN)


@pytest.mark.parametrize(
    "command",
    [
        ["render", "compose/0007.yaml", "seed=7"],
        ["image", "a fox / a boat ... and so on", "width=64"],
        ["image", "what? really: 1/2", "init_image=uploads/a.png"],
        ["restyle", "uploads/a b.mp4", "ink", "-o", "films/a.mp4"],
        ["resume", "--", "images_out/a/a(1)"],
        ["drawings", "tiles", "drawings/a"],
    ],
)
def test_what_stays_in_the_place_is_allowed(place, command):
    refuse_others(place, command)


@pytest.mark.parametrize(
    "words",
    [
        ["/etc/passwd"], ["../x.yaml"], ["~/x.yaml"], ["-o/tmp/x"], ["--output=/tmp/x"],
        ["a.yaml", "init_image=/etc/passwd"], ["a.yaml", "init_image=../x"],
        ["link.yaml"], [".studio/key"], ["a.yaml", "init_image=link.yaml"], ["a\0b"],
    ],
)  # fmt: skip
def test_what_leads_out_is_refused(place, tmp_path, words):
    (tmp_path / "x").write_text("")
    (place.own / "key").write_text("")
    (place.root / "link.yaml").symlink_to(tmp_path / "x")
    with pytest.raises(MediaError) as caught:
        refuse_others(place, ["render", *words])
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    "command",
    [[], ["studio"], ["models", "fetch", "x"], ["drawings", "pick", "x"], ["-v"], ["rendr"],
     ["image", "x" * 200_000], ["film", *["a"] * 500]],
)  # fmt: skip
def test_other_commands_are_refused(place, command):
    with pytest.raises(SettingsError):
        refuse_others(place, command)


def test_the_nearest_command_is_named(place):
    with pytest.raises(MutoscopeError, match="did you mean 'render'"):
        refuse_others(place, ["rendr", "x"])
