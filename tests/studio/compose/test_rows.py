"""Scenes as rows, and back."""

import pytest

from mutoscope.errors import ScriptError
from mutoscope.script import parse_scenes
from mutoscope.settings import load_settings
from mutoscope.studio.compose.rows import place_of, read_rows, scene_times, subject_of

TEXTS = [
    "",
    " ",
    "a",
    " a fox | snow :2\n || \n night ",
    "a||||b",
    "a|| ",
    "a ||| b | |",
    'a:2*sin(t)_l_0.3:-.9 | [x|y.png]:1_[-m.png] || "q: 1 | 2":3',
    'a:0:(1.0), 30:(2*sin(t))_sky:0.5 | 5" nail | C:\\img\\x.png',
    " | text:-1:-.9 |",
    "a \\| b\\: c:2 || it's [a",
]


def fields(text, **options):
    return [
        [tuple(row.fields.values()) for _, row in rows]
        for _, rows in read_rows(text, **options).shown()
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_rows_lose_nothing(text):
    rows = read_rows(text)
    assert rows.text == text
    for scene, shown in rows.shown():
        for place, row in shown:
            assert rows.with_prompt(scene, place, row.written(row.fields)) == text


@pytest.mark.parametrize("text", TEXTS[2:8])
def test_rows_are_what_the_language_reads(text):
    script = parse_scenes(text)
    shown = read_rows(text).shown()
    assert [len(scene.prompts) for scene in script.scenes] == [len(rows) for _, rows in shown]


def test_every_field_has_what_is_written():
    assert fields(TEXTS[7]) == [
        [("a", "2*sin(t)", "l_0.3", "-.9"), ("[x|y.png]", "1", "[-m.png]", "")],
        [('"q: 1 | 2"', "3", "", "")],
    ]
    assert fields(TEXTS[8])[0][0] == ("a", "0:(1.0), 30:(2*sin(t))", "sky", "0.5")


def test_variables_with_an_underscore_are_not_masks():
    assert fields("a:fLo_prev_l") == [[("a", "fLo", "prev_l", "")]]
    assert fields("a:fLo_prev_l", names={"t", "fLo", "fLo_prev"}) == [[("a", "fLo_prev", "l", "")]]


def test_two_bars_part_no_scenes_in_a_prefix():
    assert fields("a || b |", scenes=False) == [[("a", "", "", ""), ("b", "", "", "")]]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"weight": "2"}, " a:2 "),
        ({"mask": "l"}, " a:1_l "),
        ({"stop": "0.5"}, " a:1:0.5 "),
        ({"weight": "t", "mask": "[m.png]", "stop": "0.5"}, " a:t_[m.png]:0.5 "),
        ({"subject": "  b "}, " b "),
        ({}, " a "),
    ],
)
def test_a_field_changes_and_the_others_stay(changes, text):
    rows = read_rows("x | a | y")
    row = rows.scenes[0][1]
    assert rows.with_prompt(0, 1, row.written({**row.fields, **changes})) == f"x |{text}| y"


def test_prompts_and_scenes_come_go_and_move():
    rows = read_rows("a | b || c:2 ||d")
    assert rows.with_added_prompt(0, "z") == "a | b | z || c:2 ||d"
    assert rows.with_added_prompt(2, "z") == "a | b || c:2 ||d | z"
    assert rows.with_added_scene("n") == "a | b || c:2 ||d\n|| n"
    assert read_rows("").with_added_scene("n") == "n"
    assert rows.without_prompt(0, 0) == " b || c:2 ||d"
    assert fields(rows.without_prompt(1, 0)) == [
        [("a", "", "", ""), ("b", "", "", "")],
        [],
        [("d", "", "", "")],
    ]
    assert rows.without_scene(0) == "c:2 ||d"
    assert read_rows("a").without_scene(0) == ""
    assert rows.with_moved_scene(2, -9) == "d || a | b ||c:2"
    assert rows.with_moved_scene(0, 1) == "c:2 || a | b ||d"
    assert rows.with_moved_scene(1, 0) == rows.text


def test_a_blank_row_is_shown_where_it_was_asked_for():
    rows = read_rows(read_rows("a || b").with_added_prompt(0, ""))
    assert [len(shown) for _, shown in rows.shown()] == [1, 1]
    (_, shown), _ = rows.shown(also=(0, 1))
    row = shown[1][1]
    text = rows.with_prompt(0, 1, row.written({**row.fields, "subject": "c"}))
    assert text == "a | c || b"
    rows = read_rows(read_rows("a\n|| b").with_added_prompt(0, ""))
    row = rows.scenes[0][1]
    text = rows.with_prompt(0, 1, row.written({**row.fields, "subject": "c"}))
    assert text == "a | c\n|| b"


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("a fox", "a fox"),
        (" a fox:2 |  snow ", "a fox:2 | snow"),
        ("Star Wars: a hope", '"Star Wars: a hope"'),
        ("[uploads/a.png]", "[uploads/a.png]"),
        ("", ""),
    ],
)
def test_a_prompt_is_taken_in_the_language_or_quoted(typed, text):
    assert subject_of(typed) == text


def test_a_colon_is_quoted_where_the_weight_has_its_own_field():
    assert subject_of("12:30", more=True) == '"12:30"'
    assert subject_of("12:30") == "12:30"
    assert subject_of("a: 2 | b", more=True) == "a: 2 | b"
    wild = subject_of('say "a | b:c')
    assert [p.text for s in parse_scenes(wild).scenes for p in s.prompts] == ['say "a | b:c']


def test_an_open_quote_is_no_rows():
    with pytest.raises(ScriptError):
        read_rows('a | "b')


@pytest.mark.parametrize("text", ["ok | a:b", "ok ||\n x | a:b", "\n\nok | a:b:3 | c"])
def test_a_message_leads_to_its_prompt(text):
    with pytest.raises(ScriptError) as error:
        parse_scenes(text)
    rows = read_rows(text)
    scene, place = rows.at(place_of(str(error.value), text))
    assert rows.scenes[scene][place].subject == "a"
    assert place_of("width: 'abc' is not allowed", text) is None


def test_scenes_have_their_times():
    film = load_settings(
        {"scenes": "a || b", "animation_mode": "2D", "steps_per_scene": 120, "steps_per_frame": 10,
         "pre_animation_steps": 20, "frames_per_second": 5}
    )  # fmt: skip
    assert list(scene_times(film)) == [(0.0, 2.0), (2.0, 4.4)]
    still = load_settings({"scenes": "a || b", "steps_per_scene": 120})
    assert list(scene_times(still)) == [(0.0, 120.0), (120.0, 240.0)]
