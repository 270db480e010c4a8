"""Named curves over what is heard, now and a frame ago."""

import pytest

from mutoscope.build.signals import Signals
from mutoscope.curves import TIME_NAMES, parse_curve
from mutoscope.errors import ScriptError
from mutoscope.schedule import Schedule

FILM = Schedule(
    scenes=1, steps_per_scene=40, steps_per_frame=4, pre_animation_steps=8, save_every=4,
    frames_per_second=10, animated=True,
)  # fmt: skip


def curves(**texts):
    """Each may look at those before it."""
    read, names = {}, {*TIME_NAMES, "bass", "bass_prev"}
    for name, text in texts.items():
        read[name] = parse_curve(text, place=f"curves.{name}", names=names)
        names |= {name, f"{name}_prev"}
    return read


def bass(t):
    return {"bass": 10 + t, "bass_prev": 9.9 + t}


def at(signals, step):
    return signals.values(FILM.moment(step).t)


def test_time_is_that_of_the_moment_at_every_step():
    signals = Signals(FILM, (), curves(a="t", b="frame", c="step"))
    for step in range(40):
        moment, found = FILM.moment(step), at(signals, step)
        assert (found["a"], found["b"], found["c"]) == (
            pytest.approx(moment.t), moment.frame, step,
        )  # fmt: skip


def test_prev_is_what_it_was_a_frame_ago_however_deep():
    written = curves(a="bass**2 + frame", b="a - a_prev", c="b - b_prev + bass_prev", d="c*c_prev")
    signals = Signals(FILM, (bass,), written)
    for step in range(20, 40):
        now, before = at(signals, step), at(signals, step - 4)
        for name in ("a", "b", "c", "d"):
            assert now[f"{name}_prev"] == pytest.approx(before[name])
        assert now["b"] == pytest.approx(now["a"] - before["a"])
        assert now["c"] == pytest.approx(now["b"] - before["b"] + now["bass_prev"])
    assert not {*TIME_NAMES} & signals.values(0).keys()


def test_keyframes_go_by_the_frame():
    signals = Signals(FILM, (), curves(pulse="0:(0), 4:(1)"))
    assert [at(signals, 8 + 4 * n)["pulse"] for n in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_later_source_takes_the_earlier_ones_place():
    signals = Signals(FILM, (lambda t: {"a": 1.0, "b": 2.0}, lambda t: {"b": 3.0}))
    assert signals.values(0) == {"a": 1, "b": 3}


def test_only_what_is_wanted_is_computed():
    written = curves(never="1/(t-t)", root="sqrt(t)", twice="2*root")
    found = Signals(FILM, (), written, wanted={"twice"}).values(0.0)
    assert found == {"root": 0, "twice": 0}
    with pytest.raises(ScriptError, match=r"curves\.root: 'sqrt\(t\)' has no value at .*t=-0\.1"):
        Signals(FILM, (), written, wanted={"twice_prev"}).values(0.0)
    with pytest.raises(ScriptError, match=r"curves\.never: .*t=0"):
        Signals(FILM, (), written).values(0.0)


def test_a_long_chain_is_no_trouble():
    texts = {f"c{n}": f"c{n - 1} + c{n - 1}_prev" if n else "bass" for n in range(64)}
    found = Signals(FILM, (lambda t: {"bass": 1.0},), curves(**texts)).values(1.0)
    assert found["c63"] == 2.0**63
