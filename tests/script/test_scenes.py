import logging
import math
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.curves import known_names
from mutoscope.errors import ScriptError
from mutoscope.script import (
    Mask,
    parse_direct_prompts,
    parse_scenes,
    parse_weight,
    quote,
)

BANDS = known_names(["fLo", "fHi"])


def prompts(text, **kwargs):
    (scene,) = parse_scenes(text, **kwargs).scenes
    return scene.prompts


def prompt(text):
    (one,) = prompts(text, names=BANDS)
    return one


def texts(script):
    return [[prompt.text for prompt in scene.prompts] for scene in script.scenes]


def refusal(text, **kwargs):
    with pytest.raises(ScriptError) as caught:
        parse_scenes(text, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def mask_words(mask):
    words = [mask.kind, f"{'-' * mask.inverted}{mask.value}", mask.cutoff and mask.cutoff.text]
    return " ".join(word for word in words if word)


# What PyTTI reads, and we too.
@pytest.mark.parametrize(
    ("text", "subject", "weight", "mask", "stop"),
    [
        ("sky", "sky", "1", "all", "-inf"),
        ("sky:2", "sky", "2", "all", "-inf"),
        ("sky:2:0.8", "sky", "2", "all", "0.8"),
        ("text:-1:-.95", "text", "-1", "all", "-.95"),
        ("sky:2_l", "sky", "2", "letter l", "-inf"),
        ("sky:2_l_0.3", "sky", "2", "letter l 0.3", "-inf"),
        ("sky:2_r_0.5*t", "sky", "2", "letter r 0.5*t", "-inf"),
        ("dragon:3_baby", "dragon", "3", "text baby", "-inf"),
        ("dragon:3_a baby in arms_0.4:0.7", "dragon", "3", "text a baby in arms 0.4", "0.7"),
        ("sun:3_[mask.mp4]", "sun", "3", "video mask.mp4", "-inf"),
        ("sun:3_[-mask.png]", "sun", "3", "image -mask.png", "-inf"),
        ("[img.png]", "[img.png", "1", "all", "-inf"),
        ("[https://x.y/a:b.png]:3", "[https://x.y/a:b.png", "3", "all", "-inf"),
        (r"[C:\img\a_b.png]:2_[C:\m_n.png]", r"[C:\img\a_b.png", "2", r"image C:\m_n.png", "-inf"),
        ("[a.png]:1_[b:c_d.png]_0.2:0.3", "[a.png", "1", "image b:c_d.png 0.2", "0.3"),
        ("snake_case words", "snake_case words", "1", "all", "-inf"),
        ("a_b:2_u", "a_b", "2", "letter u", "-inf"),
        ("beat:10*fLo", "beat", "10*fLo", "all", "-inf"),
        ("x:(1 if t>2 else 0)", "x", "(1 if t>2 else 0)", "all", "-inf"),
        ("weird [ text:2", "weird [ text", "2", "all", "-inf"),
        ("[a[1].png]:2", "[a[1].png", "2", "all", "-inf"),
        ("sun:3_mask.mp4", "sun", "3", "text mask.mp4", "-inf"),
        ("a:1_r_0.5_9", "a", "1", "letter r 0.5_9", "-inf"),
        ("x:[1,2][0]", "x", "[1,2][0]", "all", "-inf"),
    ],
)
def test_prompts_are_read_as_pytti_reads_them(text, subject, weight, mask, stop):
    read = prompt(text)
    assert read.kind == ("image" if subject.startswith("[") else "text")
    assert read.text == subject.removeprefix("[")
    assert read.weight.text == weight
    assert mask_words(read.mask) == mask
    assert read.stop.text == stop


def test_an_underscore_in_a_number_is_pythons():
    assert prompt("a:1_r_0.5_9").mask.cutoff.constant == 0.59
    assert prompt("x:[1,2][0]").weight.constant == 1


# Where we differ on purpose.
def test_a_known_band_with_an_underscore_is_a_variable():
    # PyTTI: the weight 10*fLo with the text mask "prev".
    read = prompt("beat:10*fLo_prev")
    assert read.weight.names == {"fLo_prev"}
    assert read.mask == Mask()
    # An underscore that isn't in a variable's name separates as ever.
    assert mask_words(prompt("beat:10*fLo_prev_l_fHi_prev").mask) == "letter l fHi_prev"
    (unknown,) = prompts("beat:10*t_prev")
    assert mask_words(unknown.mask) == "text prev"
    (long,) = prompts("x:f_lo_prev*f_lo_u", names=known_names(["f_lo"]))
    assert long.weight.names == {"f_lo", "f_lo_prev"}
    assert mask_words(long.mask) == "letter u"


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        # PyTTI fails at the first step, as the text stands where a number must.
        ("12:30 clock", 7, r"weight of '12': '30 clock' can't be read at 'clock'"),
        ("a: b", 4, "weight of 'a': unknown name 'b'"),
        ("w:2:0.5:9", 8, "stop of 'w': '0.5:9' can't be read at ':'"),
        ("text:_l", 6, "weight of 'text': an empty expression"),
        ("sky:", 5, "weight of 'sky': an empty expression"),
        # PyTTI: one text with weight 1. A bracket without partner protects nothing here.
        ("cat:2 ] dog", 7, "weight of 'cat': '2 ] dog' can't be read"),
        # PyTTI: an IndexError without any place.
        ("sky:2_", 7, "mask of 'sky': it is empty"),
        ("sky:2_[]", 8, "mask of 'sky': the path is empty"),
        ("sky:2_[-]", 8, "mask of 'sky': the path is empty"),
        ("sky:2_l_", 9, "cutoff of 'sky': an empty expression"),
        ("sky:2:", 7, "stop of 'sky': an empty expression"),
        (":2", 1, "':2' has no text"),
        ('"":2', 1, "has no text"),
        ("[ ]:2", 1, "has no path in the brackets"),
        ("a | b:2*speed", 9, "unknown name 'speed'"),
        ("b:2_l_speed", 7, "cutoff of 'b': unknown name 'speed'"),
        ("b:1/0", 3, "division by zero"),
        ("b:nan", 3, "a finite number is needed"),
        ("b:inf", 3, "a finite number is needed"),
        ("b:1:nan", 5, "a number or ±inf is needed"),
        ("b:9**9**9", 3, "too large"),
        ("b:().real", 3, "not allowed"),
        ("b:().__class__", 8, "cutoff of 'b': unknown name 'class__'"),
        ('b | "c:2', 5, "never closed"),
        ("http://x/y.png:2", 6, "put the path in brackets"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_stands(text, column, words):
    message = refusal(text)
    assert message.startswith(f"scenes, column {column}: "), message
    assert words in message


def test_a_colon_in_the_text_comes_with_the_way_out():
    assert r"is written \: or the text put in quotes" in refusal("12:30 clock")
    assert prompt(r"12\:30 clock").text == "12:30 clock"
    assert prompt('"12:30 clock":2').text == "12:30 clock"


def test_lines_and_columns_are_those_of_the_settings():
    assert refusal("a:2 |\n b:3*x").startswith("scenes, line 2, column 6: ")
    assert refusal("a", prefix="p:x|").startswith("scene_prefix, column 3: ")
    assert refusal("a", suffix="|s:x").startswith("scene_suffix, column 4: ")
    assert refusal("a:x", place="film").startswith("film, column 3: ")


@pytest.mark.parametrize(
    ("prefix", "scenes", "suffix", "expected"),
    [
        ("p|", "a||b", "|s", [["p", "a", "s"], ["p", "b", "s"]]),
        ("", "a||||b", "", [["a"], ["b"]]),
        ("", "a|| ", "", [["a"], []]),
        ("", " a | |b| ", "", [["a", "b"]]),
        ("x||y|", "a||b", "", [["x", "y", "a"], ["x", "y", "b"]]),
        ("", "a|||b", "", [["a"], ["b"]]),
        ("", "", "", []),
        ("p", "", "s", []),
        ("p", " ", "s", [["p", "s"]]),
        # PyTTI glues: one prompt "three" with the weight "2onetwo".
        ("three:2", "one", "two", [["three", "one", "two"]]),
        # PyTTI tears these apart at their bars.
        ("", "[a|b.png]|c", "", [["a|b.png", "c"]]),
        ("", '"a||b"|c', "", [["a||b", "c"]]),
        ("", r"a\||b", "", [["a|", "b"]]),
    ],
)
def test_scenes_are_cut_and_surrounded(prefix, scenes, suffix, expected):
    assert texts(parse_scenes(scenes, prefix=prefix, suffix=suffix)) == expected


def test_a_forgotten_bar_is_mentioned(caplog):
    with caplog.at_level(logging.INFO, "mutoscope"):
        parse_scenes("a", prefix="p|", suffix="|s")
        assert not caplog.messages
        parse_scenes("a", prefix="p", suffix="s")
    assert ["scene_prefix" in caplog.messages[0], "scene_suffix" in caplog.messages[1]] == [
        True
    ] * 2


def test_a_file_name_as_words_is_mentioned(caplog):
    prompt("sun:3_mask.mp4")
    assert "write [mask.mp4]" in caplog.text


def test_quoted_masks_are_words():
    assert mask_words(prompt('sky:2_"l"').mask) == "text l"
    assert mask_words(prompt('sky:2_"a_b"_0.3').mask) == "text a_b 0.3"
    assert mask_words(prompt('sky:2_["-x.png"]').mask) == "image -x.png"
    assert mask_words(prompt("sky:2_a_0.3").mask) == "all 0.3"
    assert mask_words(prompt("sky:2_L").mask) == "text L"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("m.mp4", "video"),
        ("M.MOV", "video"),
        ("a.webm", "video"),
        ("a.mkv", "video"),
        ("a.m4v", "video"),
        ("a.avi", "video"),
        ("a.gif", "video"),
        ("a.png", "image"),
        ("mp4", "image"),
        ("https://h/a.mp4?x=1#t", "video"),
        ("https://h/a.png?x=.mp4", "image"),
    ],
)
def test_films_are_told_from_pictures_by_their_names(path, kind):
    assert prompt(f"sun:3_[{path}]").mask == Mask(kind, path)
    assert prompt(f"sun:3_[-{path}]").mask == Mask(kind, path, inverted=True)


def test_keyframes_stand_wherever_a_number_does():
    read = prompt("sky:0:(1), 30:(2*t)_l_0:(.1), 5:(.2):0:(.3), 4:(-inf)")
    assert read.weight({"t": 3.0, "frame": 15}) == 3.5
    assert read.mask.cutoff({"frame": 5}) == 0.2
    assert read.stop({"frame": 9}) == -math.inf
    # A single one can't be told from weight and stop, unless it stands in quotes.
    assert prompt("sky:0:(1)").stop.constant == 1
    assert prompt('sky:"3:(t)":0.5').weight.names == {"t"}
    # Before the first colon it is text.
    assert prompt("0\\:(1), 3\\:(2)").text == "0:(1), 3:(2)"


def test_an_expression_without_value_names_its_prompt():
    _, read = prompts("b | sky:1/t")
    with pytest.raises(ScriptError, match=r"scenes, column 9, weight of 'sky': '1/t' has no value"):
        read.weight({"t": 0.0})


def test_labels_are_unique_short_and_on_one_line():
    script = parse_scenes(
        "a | a:2 | [a] || a (2) | a\n  b | " + "long words " * 9, prefix="p|", names=BANDS
    )
    labels = [prompt.label for scene in script.scenes for prompt in scene.prompts]
    assert labels[:8] == ["p", "a", "a (2)", "[a]", "p (2)", "a (2) (2)", "a b", labels[7]]
    assert len(labels) == len(set(labels))
    assert len(labels[7]) <= 40
    assert labels[7].startswith("long words")
    assert labels[7].endswith("long words")
    assert "…" in labels[7]


def test_the_source_reads_back():
    script = parse_scenes(r'a:2_l | "x|y":t || [b|c.png] | 5\:3', prefix="p", suffix="|s:-1:-.9|")
    again = parse_scenes(" || ".join(scene.source for scene in script.scenes))
    assert again == script
    assert script.scenes[1].source == r"p | [b|c.png] | 5\:3 | s:-1:-.9"


def test_users_recipes_give_the_prompts_they_expect():
    script = parse_scenes(
        "eternal feminine | big translucent women eyes | rivers of wine",
        prefix="astrophotography #pixelart | artstation art | #conceptart eternal feminine | ",
        suffix=" | satellite image:-1:-.95 | text:-1:-.95",
    )
    assert texts(script) == [
        [
            "astrophotography #pixelart",
            "artstation art",
            "#conceptart eternal feminine",
            "eternal feminine",
            "big translucent women eyes",
            "rivers of wine",
            "satellite image",
            "text",
        ]
    ]
    assert [p.stop.constant for p in script.scenes[0].prompts[-2:]] == [-0.95, -0.95]


SOUND = (
    "  a photograph of a beautiful spring day:2 | flowers blooming: 10*fHi |\n"
    "colourful sparks: (fHi+fLo) | sun rays: fHi |\nominous: fLo/(fLo + fHi) |\n "
)


def test_sound_drives_prompts():
    read = prompts(SOUND, names=BANDS)
    assert [p.text for p in read] == [
        "a photograph of a beautiful spring day",
        "flowers blooming",
        "colourful sparks",
        "sun rays",
        "ominous",
    ]
    values = {"fHi": 0.2, "fLo": 0.6}
    assert [p.weight(values) for p in read] == pytest.approx([2, 2, 0.8, 0.2, 0.75])


def test_sound_without_bands_is_refused_with_the_setting_that_brings_them():
    message = refusal(SOUND)
    column = SOUND.index("fHi") + 1
    assert message.startswith(f"scenes, line 1, column {column}: weight of 'flowers blooming'")
    assert "unknown name 'fHi'" in message
    assert "input_audio_filters" in message


@pytest.mark.parametrize(
    ("text", "path", "weight", "mask", "stop"),
    [
        ("a.png:2_-mask_x.png:0.1", "a.png", "2", "image -mask_x.png", "0.1"),
        (
            "https://h/a.png:2_https://h/m.png:0.5",
            "https://h/a.png",
            "2",
            "image https://h/m.png",
            "0.5",
        ),
        ("http://h/a.png:2", "http://h/a.png", "2", "all", "-inf"),
        # From here on PyTTI cuts the paths at their first colons.
        ("https://h:8080/a.png:2", "https://h:8080/a.png", "2", "all", "-inf"),
        ("https://u:p@h:80/a.png", "https://u:p@h:80/a.png", "1", "all", "-inf"),
        (r"C:\a.png:2", r"C:\a.png", "2", "all", "-inf"),
        ("C:/a.png:2:t", "C:/a.png", "2", "all", "t"),
        ("a.png:2_http://h/m.png", "a.png", "2", "image http://h/m.png", "-inf"),
        (
            "direct init image (http://x/y.png):1",
            "direct init image (http://x/y.png)",
            "1",
            "all",
            "-inf",
        ),
        # PyTTI opens a bracketed path literally, and fails.
        (r"[C:\a|b:c.png]:2_[-C:\_m.mp4]", r"C:\a|b:c.png", "2", r"video -C:\_m.mp4", "-inf"),
        (r"\\host\_s\a.png:2", r"\\host\_s\a.png", "2", "all", "-inf"),
        ('"a:b.png":2', "a:b.png", "2", "all", "-inf"),
        (r"a\:b.png:2", "a:b.png", "2", "all", "-inf"),
        ("a.png:7//2", "a.png", "7//2", "all", "-inf"),
        ("a.png:fLo_prev", "a.png", "fLo_prev", "all", "-inf"),
        ("a.png:1_M.MP4", "a.png", "1", "video M.MP4", "-inf"),
    ],
)
def test_direct_prompts(text, path, weight, mask, stop):
    (read,) = parse_direct_prompts(text, names=BANDS)
    assert (read.path, read.weight.text, read.stop.text) == (path, weight, stop)
    assert mask_words(read.mask) == mask


def test_direct_prompts_stand_between_bars_and_have_labels():
    read = parse_direct_prompts("a.png | |a.png:2|b.png|")
    assert [p.label for p in read] == ["a.png", "a.png (2)", "b.png"]
    assert parse_direct_prompts(" ") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (":2", "':2' has no path"),
        ("a.png:2_l", "letters are masks of prompts only"),
        ("a.png:2_", "the path is empty"),
        ("a.png:2 b", "can't be read at 'b'"),
        ("a:b.png", "the path put in brackets"),
    ],
)
def test_wrong_direct_prompts_are_refused(text, words):
    with pytest.raises(ScriptError, match=r"^direct_image_prompts, column \d+: ") as caught:
        parse_direct_prompts(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "files", "weight", "mask", "stop"),
    [
        (1, False, 1, "all", -math.inf),
        (0.5, True, 0.5, "all", -math.inf),
        ("2", True, 2, "all", -math.inf),
        ("1_mask.mp4:0.2", True, 1, "video mask.mp4", 0.2),
        ("1_mask phrase_0.4:0.2", False, 1, "text mask phrase 0.4", 0.2),
        ("1_l", False, 1, "letter l", -math.inf),
        (r"1_-C:\_m.png:0.2", True, 1, r"image -C:\_m.png", 0.2),
        ("1_[-a_b.png]:inf", True, 1, "image -a_b.png", math.inf),
        ("0:(1), 10:(3):0.2", True, 2, "all", 0.2),
    ],
)
def test_weights_of_other_losses(text, files, weight, mask, stop):
    read = parse_weight(text, place="direct_init_weight", files=files)
    assert read.weight({"frame": 5}) == weight
    assert mask_words(read.mask) == mask
    assert read.stop({"frame": 5}) == stop


@pytest.mark.parametrize("text", ["", "nan", "1:2:3", "1_", True, None, [1], "1 2"])
def test_wrong_weights_are_refused_with_their_key(text):
    with pytest.raises(ScriptError, match=r"^direct_init_weight[,:]"):
        parse_weight(text, place="direct_init_weight")


@settings(deadline=None, max_examples=200, database=None)
@given(st.lists(st.text().filter(str.strip), min_size=1, max_size=4))
def test_any_texts_quoted_come_back(words):
    row = " | ".join(f"{quote(text)}:2_{quote(f'm{text}')}:0.5" for text in words)
    read = prompts(row)
    assert [p.text for p in read] == words
    assert [p.mask.value for p in read] == [f"m{text}" for text in words]
    assert {p.kind for p in read} == {"text"}


SYNTAX = st.text(alphabet='al1. "\\|:_^[]()t+-\n/,') | st.text()


@settings(deadline=None, max_examples=300, database=None)
@given(SYNTAX, SYNTAX)
def test_any_text_is_read_or_refused(text, prefix):
    for read in (
        lambda: parse_scenes(text, prefix=prefix, names=BANDS),
        lambda: parse_direct_prompts(text, names=BANDS),
        lambda: parse_weight(text, place="x", names=BANDS),
        lambda: parse_weight(text, place="x", names=BANDS, files=True),
    ):
        message = ""
        try:
            read()
        except ScriptError as error:
            message = str(error)
        assert "\n" not in message


@pytest.mark.parametrize("unit", ["a:1_l|", "a:0:(1), 2:(3)|", "[a:", "a:fLo_prev|", "a||", "a|\n"])
def test_the_longest_texts_are_quick(unit):
    start = time.process_time()
    with suppress(ScriptError):
        parse_scenes(unit * (20_000 // len(unit)), names=BANDS)
    assert time.process_time() - start < 2


def test_the_language_needs_no_heavy_import():
    code = (
        "import sys, mutoscope.script\n"
        "print(sorted({'torch', 'numpy', 'pydantic', 'asyncio'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_mask_whose_bracket_is_not_closed_is_refused():
    with pytest.raises(ScriptError, match=r"not closed; write \[mask\.png\]"):
        parse_scenes("a fox:1_[mask.png")


def test_a_mask_broken_over_lines_is_told_of_in_one():
    with pytest.raises(ScriptError) as caught:
        parse_weight("_[\n1", place="x", names=BANDS)
    assert "\n" not in str(caught.value)
