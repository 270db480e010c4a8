"""`curves`, `input_midi`: names that settings give to expressions."""

import pytest

from mutoscope.errors import SettingsError
from mutoscope.settings import load_settings
from mutoscope.settings.reading import CURVES, MIDI_NAMES, names_for, read_named
from mutoscope.settings.values import LogCurve

FILM = {"scenes": "a fox", "animation_mode": "2D"}


def settings(**changes):
    return load_settings({**FILM, **changes})


def test_every_number_over_time_may_use_every_curve_and_midi():
    names = {"curves": {"sway": "sin(t)", "push": "2*sway"}, "input_midi": "a.mid"}
    text = "sway + push_prev + note + velocity*notes + note_on + midi_beat + ch1 + key36 + cc1"
    made = settings(**names, **dict.fromkeys(CURVES, f"{text} + bend_prev"))
    wanted = {"sway", "push_prev", "key36", "cc1", "bend_prev"}
    assert all(wanted < made.curve(key).names for key in CURVES)
    made = settings(**names, rotate_3d="[1, sway, key36, 0]", scenes="a fox:1+sway:cc1 | b:push",
                    direct_init_weight="push*key0", init_image="a.png")  # fmt: skip
    assert made.rotation.names == {"sway", "key36"}
    assert made.weight("direct_init_weight").weight.names == {"push", "key0"}


def test_curves_are_read_in_order_with_place():
    made = settings(curves={"a": 2, "b": "0:(a), 12:(a_prev)", "c": {"log": "log.jsonl"}})
    read = read_named(made)
    assert list(read) == ["a", "b", "c"]
    assert (read["a"].constant, read["b"].names) == (2, {"a", "a_prev", "frame"})
    assert read["c"] == LogCurve(log="log.jsonl", value="total")
    assert {"a", "a_prev", "c", "c_prev"} < names_for(made)


@pytest.mark.parametrize(
    ("curves", "says"),
    [
        ({"a": "b", "b": "1"}, r"curves\.a.*unknown name 'b'"),
        ({"a": "a_prev"}, r"curves\.a.*unknown name 'a_prev'"),
        ({"a": "sin("}, r"curves\.a, column"),
        ({"a": "1/0"}, r"curves\.a.*division by zero"),
        ({"a": ""}, "a is ''; write a number, an expression"),
        ({"a": "[1, 2]"}, "a is .*write a number"),
        ({"a": [1, 2]}, "a is .*write a number"),
        ({"a": None}, "a is"),
        ({"a": True}, "a is"),
        ({"a": {"log": ""}}, r"a is not understood; write .*\{log: FILE, value: NAME\}"),
        ({"a": {"log": "x", "values": "y"}}, "a is not understood"),
        ({"a b": "1"}, "'a b' can't name a curve"),
        ({"1a": "1"}, "'1a' can't name a curve"),
        ({"if": "1"}, "'if' can't name a curve"),
        ({"ä": "1"}, "can't name a curve"),
        ({"t": "1"}, "'t' already has a meaning"),
        ({"pi": "1"}, "'pi' already has a meaning"),
        ({"R": "1"}, "'R' already has a meaning"),
        ({"key36": "1"}, "'key36' already has a meaning"),
        ({"a": "1", "a_prev": "2"}, "'a_prev' already has a meaning"),
        ({"a_prev": "1", "a": "2"}, "'a_prev' already has a meaning"),
        ({f"c{n}": "1" for n in range(65)}, "holds 65 curves"),
        ("sin(t)", r"curves: 'sin\(t\)' is not allowed; give a mapping of names"),
        (["sin(t)"], "give a mapping of names"),
    ],
)
def test_what_can_not_be_a_curve_is_refused_in_one_line(curves, says):
    with pytest.raises(SettingsError, match=says) as error:
        settings(curves=curves, input_midi="a.mid")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 700


def test_a_midi_name_without_a_file_says_how_to_get_it():
    with pytest.raises(SettingsError, match=r"unknown name 'key36'.*by input_midi"):
        settings(zoom_x_2d="key36")
    with pytest.raises(
        SettingsError, match=r"unknown name 'key128'.*cc0 to cc127,.*key0 to key127,"
    ):
        settings(zoom_x_2d="key128", input_midi="a.mid")


def test_a_filter_of_ones_own_takes_the_place_of_a_midi_name():
    band = {"variable_name": "key36", "f_center": 100, "f_width": 20}
    made = settings(input_midi="a.mid", input_audio="a.wav", input_audio_filters=[band])
    assert {*MIDI_NAMES} < names_for(made)


def test_a_file_and_the_command_line_name_curves_and_yaml_keeps_them(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "scenes: a fox\ncurves:\n  pulse: 0:(0), 12:(1)\n  two: 2\n"
        '  run: {log: old/log.jsonl, value: "fox # 1"}\n'
    )
    made = load_settings(path, ["curves.two=3 if t > 1 else pulse", "curves.more = {log: x}"])
    assert made.curves["pulse"] == "0:(0), 12:(1)"
    assert made.curves["two"] == "3 if t > 1 else pulse"
    assert made.curves["run"] == LogCurve(log="old/log.jsonl", value="fox # 1")
    assert made.curves["more"].log.startswith("/")  # it lies in the current folder
    again = tmp_path / "b.yaml"
    again.write_text(made.to_yaml())
    assert load_settings(again).curves == made.curves
    assert load_settings(path, ["curves={only: t}"]).curves == {"only": "t"}
    assert made.replace(seed=3).curves == made.curves


def test_an_override_with_a_bad_curve_names_it(tmp_path):
    with pytest.raises(SettingsError, match=r"curves\.a=b: curves\.a.*unknown name 'b'"):
        load_settings(FILM, ["curves.a=b"])
    with pytest.raises(SettingsError, match="can't name a curve"):
        load_settings(FILM, ["curves.=b"])


def test_an_offset_without_a_file_is_told_of(caplog):
    caplog.set_level("INFO", "mutoscope")
    settings(input_midi_offset=2)
    assert "input_midi_offset has no effect without input_midi" in caplog.text
