import subprocess
import sys

import pytest

from mutoscope.colours import (
    LENGTH,
    MOST_COLOURS,
    STEPS,
    PicturePalette,
    parse_colour,
    parse_palette,
)
from mutoscope.errors import SettingsError

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 128 / 255, 0.0), (0.0, 0.0, 1.0)
BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
ORANGE = (1.0, 128 / 255, 0.0)


def refusal(read, text):
    with pytest.raises(SettingsError) as error:
        read(text, place="the_key")
    message = str(error.value)
    assert message.startswith("the_key: ")
    assert "\n" not in message
    return message


def colour(text):
    return parse_colour(text, place="the_key")


def palette(text):
    return parse_palette(text, place="the_key")


@pytest.mark.parametrize(
    "text",
    ["#ff8000", " #FF8000\n", "rgb(255, 128, 0)", "rgb(255,128,0)", "hsl(30, 100%, 50%)",
     "hsv(30,100%,100%)", "(255+128+0)", "( 255 + 128 + 0 )"],
)  # fmt: skip
def test_one_colour_in_many_spellings(text):
    assert colour(text) == ORANGE


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("red", RED), ("Green", GREEN), ("#00f", BLUE), ("DARK SLATE-GREY", colour("#2f4f4f")),
     ("dark_slate gray", colour("#2f4f4f")), ("rgb(100%, 0%, 0%)", RED)],
)  # fmt: skip
def test_names_and_short_forms(text, wanted):
    assert colour(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "#ff", "#ggg", "rgb(1, 2)", "rgb(-1, 0, 0)", "hsl(1.2.3, 50%, 50%)", "(1+2)", "x" * 5_000,
     "__import__('os')", "red, blue"],
)  # fmt: skip
def test_what_is_no_colour_is_refused_with_what_is(text):
    assert "is no colour" in refusal(parse_colour, text)


def test_a_mistyped_name_is_answered_with_the_nearest():
    assert "'gren' is no colour; did you mean 'green'?; allowed are" in refusal(
        parse_colour, "gren"
    )


@pytest.mark.parametrize("text", ["rgb(256, 0, 0)", "(0+999+0)", "hsl(40, 50%, 150%)"])
def test_numbers_outside_of_the_range_are_refused(text):
    assert "from 0 to 255" in refusal(parse_colour, text)


@pytest.mark.parametrize("text", ["#ff000080", "#f008", "rgba(1, 2, 3, 4)"])
def test_there_is_no_transparent_paint(text):
    assert "fourth number" in refusal(parse_colour, text)


def test_an_empty_value_reminds_of_yamls_comments():
    assert "quote what begins with #" in refusal(parse_colour, " ")
    assert "quote what begins with #" in refusal(parse_palette, " , ")


def test_a_message_is_printable_and_short_whatever_was_written():
    message = refusal(parse_colour, "\x1b[2J" + "é\n" * 500)
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize(
    "text",
    ["red, green; blue", "[red, green], blue", "[red,green];[blue]", "red;;green,blue,",
     "red,green,blue,#f00,rgb(255,0,0)"],
)  # fmt: skip
def test_a_palette_is_a_list_in_which_each_colour_stands_once(text):
    assert palette(text) == (RED, GREEN, BLUE)


def test_a_ramp_goes_from_its_first_colour_to_its_last_in_equal_steps():
    colours = palette("red->white")
    assert (len(colours), colours[0], colours[-1]) == (STEPS, RED, WHITE)
    assert [c[1] for c in colours] == pytest.approx([i / (STEPS - 1) for i in range(STEPS)])
    assert palette(r"red->blue\3") == (RED, (0.5, 0, 0.5), BLUE)
    assert palette(r"red -> blue \ 2") == (RED, BLUE)


def test_a_ramp_may_have_more_stops_and_passes_them_where_its_steps_fit():
    assert palette(r"red->black->#fff\5") == (RED, (0.5, 0, 0), BLACK, (0.5, 0.5, 0.5), WHITE)
    assert palette(r"red->red->blue\3") == (RED, BLUE)  # two of its three steps are red


def test_one_colour_with_steps_is_a_ramp_from_black():
    assert palette(r"red\3") == palette(r"black->red\3")


def test_ramps_and_colours_join():
    assert palette(r"black->white\3; [red, rgb(0,0,255)]") == (
        BLACK, (0.5, 0.5, 0.5), WHITE, RED, BLUE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "source", "count"),
    [
        ("sunset.jpg", "sunset.jpg", STEPS),
        (" my, sun -> set.PNG\\8 ", "my, sun -> set.PNG", 8),
        ("C:\\img\\a.png", "C:\\img\\a.png", STEPS),
        ("@sunset", "sunset", STEPS),
        ("@sunset\\1", "sunset", 1),
        ("https://example.org/a?b=1,2", "https://example.org/a?b=1,2", STEPS),
    ],
)
def test_the_whole_may_be_a_picture(text, source, count):
    assert palette(text) == PicturePalette(source, count)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"red->black\1", "2 to 256"),
        (r"red->black\257", "2 to 256"),
        (r"red->black\many", "'many'"),
        ("red->black\\", "2 to 256"),
        (r"a.png\0", "1 to 256"),
        ("red->", "'red->' lacks a colour"),
        ("->", "lacks a colour"),
        ("red->gren", "'green'"),
        ("red black", "is no colour"),
        ("[red, blue", "brackets"),
        ("red]", "brackets"),
        ("[[red]]", "brackets"),
        ("@", "names no picture"),
        ("rgb(1, 2", "is no colour"),
        (";".join(f"#{i:06x}" for i in range(MOST_COLOURS + 1)), "more than 256"),
        ("red," * LENGTH, "characters"),
    ],
)
def test_a_palette_that_cannot_be_read_says_where_it_fails(text, said):
    assert said in refusal(parse_palette, text)


def test_as_many_colours_as_allowed_are_taken():
    assert len(palette(r"black->white\256")) == MOST_COLOURS


def test_a_ramp_finer_than_bytes_keeps_what_bytes_can_tell_apart():
    assert len(palette(r"black->#040404\64")) == 5


def test_it_imports_nothing_heavy():
    code = (
        "import sys, mutoscope.colours\n"
        "print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))\n"
        "mutoscope.colours.parse_colour('red', place='x')\n"
        "print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["[]", "[]"]
